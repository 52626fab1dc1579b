"""What bodies, parameters and answers are as JSON Schema: a reading of what the handlers declare, no second copy."""

from collections.abc import Iterator, Mapping
from typing import Any, assert_never

from sluice.graph.request import GraphQLBody, GraphQLQueryString
from sluice.http import query_params
from sluice.http.body import (
    MAX_EMAIL,
    MAX_ID,
    BodySchema,
    Choice,
    Email,
    Integer,
    Items,
    Money,
    Text,
)
from sluice.http.query_params import (
    DateRangeParams,
    FieldsParams,
    IntParam,
    IntParams,
    ListParams,
    QueryParams,
    SqlParams,
)
from sluice.repositories.list_spec import Filter, ListSpec
from sluice.repositories.projection import Column

Schema = dict[str, Any]

NOT_BLANK = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
MOMENT = "2026-01-31T12:00:00.000000Z"
WORDS = r"^[^\u0000]*[0-9A-Za-z\u0080-\uffff][^\u0000]*$"
AMOUNT = r"^-?[0-9]{1,15}(\.[0-9]{1,10})?$"


# What a GraphQL request is, in a body or a query string.
GRAPHQL: Schema = {
    "query": {"type": "string", "maxLength": 32_768},
    "operationName": {"type": ["string", "null"]},
    "variables": {"type": ["object", "null"]},
    "extensions": {"type": ["object", "null"]},
}
DOCUMENT = "{ products { nodes { name } } }"


def of_body(shape: BodySchema, method: str) -> Schema:
    """What a request may send. What the server sets may be sent back, whatever it holds: it is ignored."""
    if isinstance(shape, GraphQLBody):
        return {"type": "object", "properties": GRAPHQL, "required": ["query"]}
    properties = {name: of_field(field) for name, field in shape.fields.items()}
    ignored = {"readOnly": True, "description": "Set by the server; ignored here."}
    read_only = dict.fromkeys(shape.read_only, ignored)
    note = {"description": "May be repeated as it is stored; 422 where it differs."}
    immutable = {name: of_field(field) | note for name, field in shape.immutable.items()}
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties | immutable | read_only,
    }
    required = list(shape.required(method))
    return schema | ({"required": required} if required else {})


def of_field(field: object) -> Schema:
    match field:
        case Text():
            pattern = (
                f"^{field.pattern}$"
                if field.pattern
                else NOT_BLANK
                if field.min_length
                else r"^[^\u0000]*$"
            )
            schema = {
                "type": "string",
                "minLength": field.min_length,
                "maxLength": field.max_length,
                "pattern": pattern,
            }
            return schema | ({"type": ["string", "null"]} if field.nullable else {})
        case Email():
            return {"type": "string", "format": "email", "maxLength": MAX_EMAIL}
        case Integer():
            return {"type": "integer", "minimum": field.min_value, "maximum": field.max_value}
        case Money():
            number = {
                "type": "number",
                "minimum": 0,
                "maximum": float(field.max_value),
                "multipleOf": 0.01,
            }
            return {
                "anyOf": [{"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$"}, number]
            }
        case Choice():
            return {"type": "string", "enum": list(field.choices)}
        case Items():
            return {
                "type": "array",
                "items": of_body(field.shape, "PUT"),
                "minItems": 1,
                "maxItems": field.max_items,
            }
    raise TypeError(field)


def of_columns(fields: Mapping[str, Column]) -> Schema:
    """An object with all of them."""
    properties = {name: of_column(column) for name, column in fields.items()}
    return {"type": "object", "properties": properties, "required": list(fields)}


def of_column(column: Column) -> Schema:
    schema: Schema
    match column.type:
        case "integer":
            schema = {"type": "integer"}
        case "text":
            schema = {"type": "string"}
        case "decimal":
            schema = {"type": "string", "pattern": r"^[0-9]+\.[0-9]{2}$"}
        case "timestamp":
            schema = {"type": "string", "format": "date-time"}
        case "date":
            schema = {"type": "string", "format": "date"}
        case "json":
            return {"type": "array", "items": of_columns(column.item_fields)}
        case _:
            assert_never(column.type)
    return schema | ({"type": [schema["type"], "null"]} if column.nullable else {})


def of_query(query: QueryParams | None) -> Iterator[Schema]:
    """The parameters of a query string."""
    match query:
        case FieldsParams():
            yield _fields(query.projection.fields)
        case ListParams():
            yield from _of_listing(query.list_spec)
        case IntParams():
            for name, number in query.numbers.items():
                yield parameter(name, _of_number(number))
        case GraphQLQueryString():
            yield parameter("query", GRAPHQL["query"], required=True, example=DOCUMENT)
            yield parameter("operationName", {"type": "string"})
            for name in ("variables", "extensions"):
                yield parameter(name, {"type": "string"}, "A JSON object.", example="{}")
        case SqlParams():
            text = {
                "type": "string",
                "minLength": 1,
                "maxLength": query.max_length,
                "pattern": NOT_BLANK,
            }
            yield parameter("query", text, "SQL: one query.", required=True, example=query.example)
            yield parameter("max_rows", _of_number(query.max_rows))
        case DateRangeParams():
            days = f"At most {query.max_days} days, with both counted."
            for name, example in (("start_date", "2026-01-01"), ("end_date", "2026-01-31")):
                yield parameter(
                    name, {"type": "string", "format": "date"}, days, required=True, example=example
                )


def _of_number(number: IntParam) -> Schema:
    return {
        "type": "integer",
        "minimum": number.min_value,
        "maximum": number.max_value,
        "default": number.default,
    }


def parameter(name: str, schema: Schema, description: str = "", **more: Any) -> Schema:
    """One of the query string; a list of values is joined by commas."""
    joined = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
    return {
        "name": name,
        "in": "query",
        **({"description": description} if description else {}),
        "schema": schema,
    } | (joined | more)


def _of_listing(list_spec: ListSpec) -> Iterator[Schema]:
    keys = [f"{name}{way}" for name in list_spec.sorts for way in ("", ":asc", ":desc")]
    limit = {
        "type": "integer",
        "minimum": 1,
        "maximum": query_params.MAX_LIMIT,
        "default": query_params.DEFAULT_LIMIT,
    }
    yield parameter("limit", limit, "Rows on a page.")
    cursor = {"type": "string", "minLength": 1, "maxLength": query_params.MAX_CURSOR}
    yield parameter(
        "cursor", cursor, "Where to go on: from `pagination`, with sort and filters as they were."
    )
    offset = {"type": "integer", "minimum": 0, "maximum": query_params.MAX_OFFSET, "default": 0}
    yield parameter(
        "offset", offset, "Rows to skip; not with `cursor`, which costs the same on every page."
    )
    sort = {
        "type": "array",
        "items": {"enum": keys},
        "minItems": 1,
        "maxItems": query_params.MAX_SORTS,
        "uniqueItems": True,
    }
    ties = f"Up to {query_params.MAX_SORTS} different keys. Ties go by `{list_spec.key}`, in the last key's direction."
    yield parameter("sort", sort, ties)
    yield _fields(list_spec.projection.fields)
    yield parameter(
        "include_total", {"type": "boolean", "default": False}, "Adds `pagination.total`."
    )
    for name, declared in list_spec.filters.items():
        yield parameter(name, _of_filter(declared), FILTERS.get(name, ""))


def _fields(fields: Mapping[str, Column]) -> Schema:
    names = {"type": "array", "items": {"enum": list(fields)}, "minItems": 1}
    return parameter("fields", names, "Keeps only these.")


def _of_filter(declared: Filter) -> Schema:
    match declared.kind:
        case "integer":
            return {"type": "integer", "minimum": -MAX_ID, "maximum": MAX_ID}
        case "integers":
            item: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
            return {
                "type": "array",
                "items": item,
                "minItems": 1,
                "maxItems": query_params.MAX_VALUES,
            }
        case "decimal":
            return {"type": "string", "pattern": AMOUNT}
        case "slugs":
            item = {"type": "string", "pattern": "^[a-z0-9-]{1,200}$"}
            return {
                "type": "array",
                "items": item,
                "minItems": 1,
                "maxItems": query_params.MAX_VALUES,
            }
        case "search":
            return {"type": "string", "maxLength": query_params.MAX_TEXT, "pattern": WORDS}
        case "email":
            return {"type": "string", "format": "email", "maxLength": MAX_EMAIL}
        case "boolean":
            return {"type": "boolean"}
        case "timestamp":
            return {
                "anyOf": [
                    {"type": "string", "format": "date-time"},
                    {"type": "string", "format": "date"},
                ]
            }
        case "choice":
            return {"type": "string", "enum": list(declared.choices)}
        case _:
            assert_never(declared.kind)


FILTERS = {
    "search": "Every word of it, whole, in any case.",
    "below": "Less than this.",
    "created_after": "At this time or later; a date is its midnight in UTC.",
    "created_before": "Earlier than this.",
    "price_min": "This much or more.",
    "price_max": "This much or less.",
    "email": "The whole of it, in any case.",
    "category": "Slugs, of which any will do.",
}


def example_of_body(shape: BodySchema, method: str = "POST") -> Schema:
    """One that the demo shop takes, twice: a new row of a POST, and else what the first row holds already."""
    if isinstance(shape, GraphQLBody):
        return {"query": DOCUMENT}
    if shape.update_example and method != "POST":
        return dict(shape.update_example)
    return {name: _example_of_field(field) for name, field in shape.fields.items()}


def _example_of_field(field: object) -> Any:
    if isinstance(field, Items):
        return [example_of_body(field.shape)]
    return field.example  # type: ignore[attr-defined]


def example_of_columns(fields: Mapping[str, Column], known: Mapping[str, Any]) -> Schema:
    """A row; `known` are the examples that the resource's own bodies have."""
    by_type = {
        "integer": 1,
        "text": "…",
        "decimal": "19.99",
        "timestamp": MOMENT,
        "date": "2026-01-31",
    }
    example: Schema = {}
    for name, column in fields.items():
        if column.type == "json":
            lines = known.get(name) or [{}]
            example[name] = [example_of_columns(column.item_fields, line) for line in lines]
        else:
            example[name] = known.get(name, by_type[column.type])
    return example

"""Create JSON Schemas of bodies, parameters and responses from the declarations of the handlers."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, assert_never

from sluice import application
from sluice.fields import (
    MAX_EMAIL,
    MAX_ID,
    MAX_SLUG,
    NOT_BLANK,
    BodySchema,
    Choice,
    Email,
    Integer,
    Items,
    Money,
    Text,
)
from sluice.graph.request import GraphQLBody, GraphQLQueryString
from sluice.http import query_params
from sluice.http.query_params import (
    DateRangeParams,
    FieldsParams,
    IntParam,
    IntParams,
    ListParams,
    QueryParams,
    SqlParams,
)
from sluice.openapi_texts import OpenApiTexts
from sluice.sql.list_spec import Filter, ListSpec
from sluice.sql.projection import Column

Schema = dict[str, Any]

MOMENT = "2026-01-31T12:00:00.000000Z"
WORDS = r"^[^\u0000]*[0-9A-Za-z\u0080-\uffff][^\u0000]*$"
AMOUNT = r"^-?[0-9]{1,15}(\.[0-9]{1,10})?$"


# The parameters of a GraphQL request, in a body or a query string.
GRAPHQL: Schema = {
    "query": {"type": "string", "maxLength": 32_768},
    "operationName": {"type": ["string", "null"]},
    "variables": {"type": ["object", "null"]},
    "extensions": {"type": ["object", "null"]},
}


def texts() -> OpenApiTexts:
    """Return the texts and examples of the application."""
    app = application.current()
    return app.load("openapi") if app.openapi else OpenApiTexts()


def of_body(body: BodySchema, method: str) -> Schema:
    """Return the schema of a body. Fields that the server sets are accepted and ignored."""
    if isinstance(body, GraphQLBody):
        return {"type": "object", "properties": GRAPHQL, "required": ["query"]}
    properties = {name: of_field(field) for name, field in body.fields.items()}
    ignored = {"readOnly": True, "description": "Set by the server; ignored in a request."}
    read_only = dict.fromkeys(body.read_only, ignored)
    note = {"description": "May be sent with the stored value; 422 if it differs."}
    immutable = {name: of_field(field) | note for name, field in body.immutable.items()}
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties | immutable | read_only,
    }
    required = list(body.required(method))
    return schema | ({"required": required} if required else {})


def of_field(field: object) -> Schema:
    match field:
        case Text():
            return _of_text(field)
        case Email():
            return {"type": "string", "format": "email", "maxLength": field.max_length}
        case Integer():
            return {"type": "integer", "minimum": field.min_value, "maximum": field.max_value}
        case Money():
            number = {
                "type": "number",
                "minimum": 0,
                "maximum": float(field.max_value),
                "multipleOf": 0.01,
            }
            return {"anyOf": [{"type": "string", "pattern": field.json_pattern}, number]}
        case Choice():
            return _of_choices(field.choices)
        case Items():
            return {
                "type": "array",
                "items": of_body(field.schema, "PUT"),
                "minItems": 1,
                "maxItems": field.max_items,
            }
    raise TypeError(field)


def _of_choices(choices: Collection[str]) -> Schema:
    """Return the schema of one of these values. An enum must not be empty."""
    return {"type": "string", **({"enum": list(choices)} if choices else {"maxLength": 0})}


def _of_text(field: Text) -> Schema:
    return {
        "type": ["string", "null"] if field.nullable else "string",
        "minLength": field.min_length,
        "maxLength": field.max_length,
        "pattern": field.json_pattern,
    }


def of_columns(fields: Mapping[str, Column]) -> Schema:
    """Return the schema of an object with these columns."""
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
    """Yield the parameters of a query string."""
    match query:
        case FieldsParams():
            yield _fields(query.projection.fields)
        case ListParams():
            yield from _of_listing(query.list_spec)
        case IntParams():
            for name, param in query.params.items():
                yield parameter(name, _of_number(param))
        case GraphQLQueryString():
            yield parameter(
                "query", GRAPHQL["query"], required=True, example=texts().graphql_example
            )
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
            yield parameter("query", text, "One SQL query.", required=True, example=query.example)
            yield parameter("max_rows", _of_number(query.max_rows))
        case DateRangeParams():
            days = f"The range has at most {query.max_days} days, first and last included."
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
    """Return a query parameter. The values of a list are joined by commas."""
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
    yield parameter("limit", limit, "The maximum number of rows on a page.")
    cursor = {"type": "string", "minLength": 1, "maxLength": query_params.MAX_CURSOR}
    yield parameter(
        "cursor", cursor, "A cursor from `pagination`, to use with the same sort and filters."
    )
    offset = {"type": "integer", "minimum": 0, "maximum": query_params.MAX_OFFSET, "default": 0}
    yield parameter(
        "offset",
        offset,
        "Rows to skip. Cannot be combined with `cursor`, which is fast on every page.",
    )
    sort = {
        "type": "array",
        "items": {"enum": keys},
        "minItems": 1,
        "maxItems": query_params.MAX_SORTS,
        "uniqueItems": True,
    }
    ties = (
        f"Up to {query_params.MAX_SORTS} different keys. Equal rows are ordered by "
        f"`{list_spec.key}`, in the direction of the last key."
    )
    yield parameter("sort", sort, ties)
    yield _fields(list_spec.projection.fields)
    yield parameter(
        "include_total",
        {"type": "boolean", "default": False},
        "Whether to return `pagination.total`.",
    )
    descriptions = {**FILTERS, **texts().filters}
    for name, spec in list_spec.filters.items():
        yield parameter(name, _of_filter(spec), descriptions.get(name, ""))


def _fields(fields: Mapping[str, Column]) -> Schema:
    names = {"type": "array", "items": {"enum": list(fields)}, "minItems": 1}
    return parameter("fields", names, "The fields to return.")


def _of_filter(spec: Filter) -> Schema:
    match spec.kind:
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
            item = {"type": "string", "pattern": f"^[a-z0-9-]{{1,{MAX_SLUG}}}$"}
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
            return _of_choices(spec.choices)
        case _:
            assert_never(spec.kind)


# The filters that a list of any application may have.
FILTERS = {
    "search": "Rows that contain all of these words, in upper or lower case.",
    "created_after": "At this time or later. A date stands for its midnight in UTC.",
    "created_before": "Earlier than this.",
}


def example_of_body(body: BodySchema, method: str = "POST") -> Schema:
    """Return an example body that the demo data accepts, also when it is sent twice.

    The example of a POST is a new row. The example of a PUT or PATCH has the first row's values.
    """
    if isinstance(body, GraphQLBody):
        return {"query": texts().graphql_example}
    if body.update_example and method != "POST":
        return dict(body.update_example)
    return {name: _example_of_field(field) for name, field in body.fields.items()}


def _example_of_field(field: object) -> Any:
    if isinstance(field, Items):
        return [example_of_body(field.schema)]
    return field.example  # type: ignore[attr-defined]


def example_of_columns(fields: Mapping[str, Column], known: Mapping[str, Any]) -> Schema:
    """Return an example row. `known` has the values of the resource's example bodies, by field."""
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

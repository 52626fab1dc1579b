"""Create JSON Schemas of bodies, parameters and responses from the declarations of the handlers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scripts import examples
from sluice import application
from sluice.graph.document import MAX_CHARACTERS
from sluice.graph.request import GraphQLBody, GraphQLQueryString
from sluice.http import query_params
from sluice.http.body import BodySchema
from sluice.http.query_params import (
    ArgumentParams,
    DateRangeParams,
    FieldsParams,
    IntParam,
    IntParams,
    ListParams,
    QueryParams,
    RowParams,
    SqlParams,
)
from sluice.kinds.objects import object_schema
from sluice.kinds.text import NOT_BLANK
from sluice.resource import One
from sluice.sql.list_spec import ListSpec
from sluice.sql.projection import Column

Schema = dict[str, Any]

# The parameters of a GraphQL request, in a body or a query string.
GRAPHQL: Schema = {
    "query": {"type": "string", "maxLength": MAX_CHARACTERS},
    "operationName": {"type": ["string", "null"]},
    "variables": {"type": ["object", "null"]},
    "extensions": {"type": ["object", "null"]},
}


def object_of(**properties: Schema) -> Schema:
    """Return the schema of an object. A property with `x-optional` is not required."""
    required = [name for name, schema in properties.items() if not schema.get("x-optional")]
    return {"type": "object", "properties": properties, "required": required}


def of_body(body: BodySchema, method: str) -> Schema:
    """Return the schema of a body. Fields that the server sets are accepted and ignored."""
    if isinstance(body, GraphQLBody):
        return {"type": "object", "properties": GRAPHQL, "required": ["query"]}
    fields = {name: field.body_schema() for name, field in body.fields.items()}
    note = {"description": "May be sent with the stored value; 422 if it differs."}
    immutable = {name: field.body_schema() | note for name, field in body.immutable.items()}
    required = body.required(method)
    return object_schema({**fields, **immutable}, required=required, ignored=body.read_only)


def of_columns(fields: Mapping[str, Column]) -> Schema:
    """Return the schema of an object with these columns."""
    properties = {name: column.field.row_schema() for name, column in fields.items()}
    return {"type": "object", "properties": properties, "required": list(fields)}


def of_query(query: QueryParams | None) -> Iterator[Schema]:
    """Yield the parameters of a query string."""
    match query:
        case FieldsParams():
            yield _fields(query.projection.fields)
        case RowParams():
            yield _fields(query.projection.fields)
            yield from _expand(query.expandable)
        case ArgumentParams():
            for field in query.fields:
                schema, needed = field.filter_schema(), {"required": True} if field.required else {}
                yield parameter(field.name, schema, field.description, **needed)
        case ListParams():
            yield from _of_listing(query.list_spec)
            yield from _expand(query.expandable)
        case IntParams():
            for name, param in query.params.items():
                yield parameter(name, _of_number(param))
        case GraphQLQueryString():
            yield parameter("query", GRAPHQL["query"], required=True, example=examples.graphql())
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


def parameter(
    name: str, schema: Schema, description: str = "", *, repeated: bool = False, **more: Any
) -> Schema:
    """Return a query parameter. The values of a list are joined by commas, or it is repeated."""
    joined = {"style": "form", "explode": repeated} if schema.get("type") == "array" else {}
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
        "items": {"type": "string", "enum": keys},
        "minItems": 1,
        "maxItems": query_params.MAX_SORTS,
        "uniqueItems": True,
    }
    tie_breakers = ", ".join(f"`{key}`" for key in list_spec.keys)
    ties = (
        f"Up to {query_params.MAX_SORTS} different keys. Equal rows are ordered by "
        f"{tie_breakers}, in the direction of the last key."
    )
    yield parameter("sort", sort, ties)
    yield _fields(list_spec.projection.fields)
    yield parameter(
        "include_total",
        {"type": "boolean", "default": False},
        "Whether to return `pagination.total`.",
    )
    descriptions = {**FILTERS, **examples.texts().filters}
    for name, spec in list_spec.filters.items():
        declared = spec.field_filter
        repeated = declared.many and not declared.splits_at_commas
        text = descriptions.get(name, "")
        yield parameter(name, declared.schema(), text, repeated=repeated)


def _fields(fields: Mapping[str, Column]) -> Schema:
    names = {"type": "array", "items": {"type": "string", "enum": list(fields)}, "minItems": 1}
    return parameter("fields", names, "The fields to return.")


def _expand(references: Sequence[One]) -> Iterator[Schema]:
    """Yield the parameter `expand` of a resource with references, which have references, too."""
    if not references:
        return
    paths = []
    for one in references:
        other = application.current().declaration(one.resource)
        paths += [one.name, *(f"{one.name}.{each.name}" for each in other.refs if each.expand)]
    schema = {"type": "array", "items": {"type": "string", "enum": paths}, "minItems": 1}
    yield parameter("expand", schema, "The referenced rows to show in each row.")


# The filters that a list of any application may have.
FILTERS = {
    "search": "Rows that contain all of these words, in upper or lower case.",
    "created_after": "At this time or later. A date stands for its midnight in UTC.",
    "created_before": "Earlier than this.",
}

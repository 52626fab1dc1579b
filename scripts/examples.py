"""Make the examples of openapi.json and of events/: bodies, rows, and a GraphQL query.

The declarations have the values, and the application may have texts of its own (OpenApiTexts).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_required_argument,
    parse,
    print_ast,
)

from sluice import application
from sluice.graph.request import GraphQLBody
from sluice.http.body import BodySchema
from sluice.http.route import RouteSpec
from sluice.kinds.field import Field
from sluice.openapi_texts import OpenApiTexts
from sluice.resource import Resource
from sluice.sql.projection import Column

MAX_FIELDS = 4  # of a row in the query
ROWS = 3


def texts() -> OpenApiTexts:
    """Return the texts and examples of the application."""
    app = application.current()
    return app.load("openapi") if app.openapi else OpenApiTexts()


def first_request() -> str:
    """Return the path of a GET request that the application answers."""
    first = next(iter(application.current().functions[0].paths.values()))
    return texts().first_request or f"{first}?limit=3"


def of_body(body: BodySchema, method: str = "POST", resource: str = "") -> dict[str, Any]:
    """Return an example body that the demo data accepts, also when it is sent twice.

    The example of a POST is a new row. The example of a PUT or PATCH has the first row's values.
    A foreign key that may be null is null, because the referenced row may not exist. So is a field
    that may be null, and has no other value.
    """
    if isinstance(body, GraphQLBody):
        return {"query": graphql()}
    update_examples = texts().update_examples
    if method != "POST" and resource in update_examples:
        return dict(update_examples[resource])
    declared = _declared(resource)
    references = _references(declared) if declared else set()
    empty = {
        name
        for name, field in body.fields.items()
        if field.nullable and (field.column in references or field.distinct == 0)
    }
    return {name: None if name in empty else field.example for name, field in body.fields.items()}


def of_columns(fields: Mapping[str, Column], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return an example row. `known` has the values of the resource's example bodies, by field."""
    return {name: column.field.row_example(known.get(name)) for name, column in fields.items()}


def unique_fields(body: BodySchema, resource: str) -> list[str]:
    """Return the fields into whose examples /docs puts a random part, so that a POST adds a row.

    They are a field of each key and of each unique or exclusion constraint, in the order of the
    body. What references another row stays as it is.
    """
    declared = _declared(resource)
    if declared is None:
        return []
    chosen: set[str] = set()
    for fields in _different(declared):
        free = [field.name for field in fields if _is_free(declared, field)]
        if free and chosen.isdisjoint(free):
            chosen.add(free[-1])
    return [name for name in body.fields if name in chosen]


def has_row_values(method: str, resource: str) -> bool:
    """Return whether /docs may put a row's values into the body, as no application chose them."""
    is_update = method in ("PUT", "PATCH") and _declared(resource) is not None
    return is_update and resource not in texts().update_examples


def references(body: BodySchema, resource: str) -> list[dict[str, Any]]:
    """Return the rows that must exist for a POST: their list, and the fields that name them.

    `fields` has each field of the body, and the field of the other resource's row that it equals.
    A reference that may be null is left out, because it is null in the example.
    """
    declared = _declared(resource)
    found: list[dict[str, Any]] = []
    for ref in declared.refs if declared else ():
        other = _declared(ref.resource)
        columns = dict(zip(ref.foreign_key, other.keys if other else (), strict=False))
        fields = {
            name: field.reference.by if field.reference and field.reference.by else key.name
            for name, field in body.fields.items()
            if (key := columns.get(field.column)) and not field.nullable
        }
        if fields:
            found.append({"path": f"/api/{ref.resource}", "fields": fields})
    return found


def linked_rows(route: RouteSpec) -> dict[str, Any]:
    """Return the list of the rows that a route links, and the parameters of their key."""
    _, _, name, *rest = route.path.split("/")
    resource = application.current().declaration(name)
    (relation,) = [many for many in resource.lists if many.name == rest[len(resource.keys)]]
    others = application.current().declaration(relation.resource).keys
    fields = {name: key.name for name, key in zip(route.keys["other"], others, strict=True)}
    return {"path": f"/api/{relation.resource}", "fields": fields}


def _different(resource: Resource) -> Iterator[list[Field]]:
    """Yield fields whose values together differ in any two rows, those of one field first."""
    if not any(key.read_only and key.column != resource.tenant for key in resource.keys):
        yield [key for key in resource.keys if not key.read_only]
    yield from ([field] for field in resource.writable if field.unique)
    for constraint in resource.constraints:
        if constraint.kind in ("unique", "exclusion"):
            yield [field for field in resource.writable if field.column in constraint.columns]


def _is_free(resource: Resource, field: Field) -> bool:
    """Return whether the field has any number of values, and references nothing."""
    return field.distinct is None and field.column not in _references(resource)


def _references(resource: Resource) -> set[str]:
    return {column for one in resource.refs for column in one.foreign_key}


def _declared(resource: str) -> Resource | None:
    app = application.current()
    declared: Resource | None = None
    if resource in app.registry.DECLARATIONS:
        declared = app.declaration(resource)
    return declared


def graphql() -> str:
    """Return a GraphQL query on one line: the application's, or one that its schema allows."""
    path = application.current().folder / "schema.graphql"
    if texts().graphql_example or not path.is_file():
        return texts().graphql_example or "{ __typename }"
    return query_of(build_schema(path.read_text()))


def graphiql() -> str:
    """Return the query with which GraphiQL begins."""
    return texts().graphiql_example or print_ast(parse(graphql())) + "\n"


def query_of(schema: GraphQLSchema) -> str:
    """Return a query for the first rows of the first connection that needs no argument."""
    fields = schema.query_type.fields if schema.query_type else {}
    for name, field in fields.items():
        shown = [*_values_of_rows(field)][:MAX_FIELDS]
        if shown and not _needs_argument(field):
            return f"{{ {name}(first: {ROWS}) {{ nodes {{ {' '.join(shown)} }} }} }}"
    return "{ __typename }"


def _values_of_rows(field: GraphQLField) -> Iterator[str]:
    """Yield the fields of a connection's rows that are values and need no argument."""
    connection = get_named_type(field.type)
    if isinstance(connection, GraphQLObjectType) and "nodes" in connection.fields:
        row = get_named_type(connection.fields["nodes"].type)
        for name, each in row.fields.items():
            is_value = isinstance(get_named_type(each.type), GraphQLScalarType | GraphQLEnumType)
            if is_value and not _needs_argument(each):
                yield name


def _needs_argument(field: GraphQLField) -> bool:
    return any(map(is_required_argument, field.args.values()))

"""A field needs the scope of the type that it returns, a mutation that of what it writes."""

from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLList,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_required_argument,
    is_required_input_field,
)

from sluice import application
from sluice.graph.part import PUBLIC
from testing.tcp_proxy import TcpProxy
from tests.fixtures.aws import AddApiKey
from tests.fixtures.client import Client
from tests.fixtures.graph import data, error_codes
from tests.fixtures.graph_types import FIELDS, ROWS, TYPES, new_id

SCOPES = application.current().all_scopes
VALUES = {
    "ID": '"1"',
    "Int": "1",
    "Boolean": "true",
    "Decimal": "1",
    "BigInt": "1",
    "Date": '"2026-01-01"',
    "DateTime": '"2026-01-01T00:00:00Z"',
    "String": '"a"',
    "JSON": "{}",
    **dict.fromkeys(("Double", "ExtendedDecimal"), "1"),
    **dict.fromkeys(("ExtendedDate", "ExtendedDateTime", "LocalDateTime"), '"2026-01-01"'),
    **dict.fromkeys(("LocalTime", "Duration"), '"1"'),
}
QUERIES = [key for key, info in FIELDS.items() if key[0] == "Query" and info.scope != PUBLIC]
MUTATIONS = [key for key in FIELDS if key[0] == "Mutation" and not key[1].startswith("__")]
# The rows that a row references, which belong to another scope.
NESTED = [
    (name, field)
    for name, derived in TYPES.items()
    for field in derived.rows
    if name in ROWS and FIELDS[name, field].scope != FIELDS["Query", ROWS[name]].scope
]


def literal(type_: Any) -> str:
    """Return a value of an input type, with what is required."""
    nullable, named = get_nullable_type(type_), get_named_type(type_)
    if isinstance(nullable, GraphQLList):
        return "[]"
    if isinstance(named, GraphQLEnumType):
        return str(next(iter(named.values)))
    if is_input_object_type(named):
        fields = [
            f"{name}: {literal(field.type)}"
            for name, field in named.fields.items()
            if is_required_input_field(field)
        ]
        return "{" + ", ".join(fields) + "}"
    return VALUES[named.name]


def field_text(parent: str, field: str) -> str:
    """Return the field with its required arguments and a selection."""
    info = FIELDS[parent, field]
    arguments = [
        f"{name}: {literal(argument.type)}"
        for name, argument in info.definition.args.items()
        if is_required_argument(argument)
    ]
    text = f"{field}({', '.join(arguments)})" if arguments else field
    return f"{text} {{ __typename }}" if info.object_type else text


@pytest.mark.parametrize(("parent", "field"), QUERIES)
def test_field_needs_the_scope_of_its_type(
    client: Client, add_api_key: AddApiKey, proxy: TcpProxy, parent: str, field: str
) -> None:
    scope = FIELDS[parent, field].scope
    has = add_api_key(f"graph {scope}", scope)
    lacks = add_api_key(f"graph not {scope}", *(other for other in SCOPES if other != scope))
    text = f"{{ {field_text(parent, field)} }}"
    assert "insufficient_scope" not in client.graphql(text, x_api_key=has).text
    trips = proxy.round_trips

    response = client.graphql(text, x_api_key=lacks)

    assert proxy.round_trips == trips
    assert (response.status, error_codes(response)) == (200, ["insufficient_scope"])
    assert response.json["errors"][0]["message"] == f"This needs the scope {scope}"


@pytest.mark.parametrize(("parent", "field"), MUTATIONS)
def test_mutation_needs_the_scope_to_write(
    client: Client, add_api_key: AddApiKey, proxy: TcpProxy, parent: str, field: str
) -> None:
    scope, further = FIELDS[parent, field].scope, FIELDS[parent, field].declared.read_scope
    has = add_api_key(f"graph {scope}", *filter(None, (scope, further)))
    lacks = add_api_key(f"graph not {scope}", *(other for other in SCOPES if other != scope))
    text = field_text(parent, field)
    assert "insufficient_scope" not in client.graphql(f"mutation {{ {text} }}", x_api_key=has).text
    trips = proxy.round_trips

    response = client.graphql(f"mutation {{ {text} again: {text} }}", x_api_key=lacks)

    assert proxy.round_trips == trips
    assert (response.json["data"], set(error_codes(response))) == (None, {"insufficient_scope"})


@pytest.mark.parametrize(("name", "field"), NESTED)
def test_nested_field_needs_its_scope(
    client: Client, add_api_key: AddApiKey, name: str, field: str
) -> None:
    id = new_id(client, name, 0)
    scope = FIELDS["Query", ROWS[name]].scope
    key = add_api_key(f"graph only {scope}", scope)
    query = f'{{ row: {ROWS[name]}(id: "{id}") {{ id %s }} }}'

    response = client.graphql(query % f"{field} {{ __typename }}", x_api_key=key)

    assert error_codes(response) == ["insufficient_scope"]
    assert response.json["errors"][0]["path"] == ["row", field]
    assert data(client, query % "", x_api_key=key) == {"row": {"id": id}}


def test_typename_needs_no_scope(client: Client, add_api_key: AddApiKey) -> None:
    key = add_api_key("importer", "imports:read")

    assert data(client, "{ __typename }", x_api_key=key) == {"__typename": "Query"}

"""A value at the bounds of its kind survives a mutation, a query and a filter of GraphQL."""

import json
from typing import Any

import pytest

from sluice.graph.part import graphql_name
from sluice.kinds.field import Field
from sluice.kinds.items import Items
from sluice.kinds.jsonb import dumps
from sluice.sql.derived import table
from tests.fixtures.cases import NEW, case_of
from tests.fixtures.client import Client
from tests.fixtures.graph_types import TYPES, arguments_of, resource_of, shown, value_of

Node = dict[str, Any]
CREATED = [
    (name, each, field)
    for name, derived in TYPES.items()
    if "create" in derived.mutations
    for each, field in shown(name).items()
    if field in resource_of(name).writable
    if not field.reference and not isinstance(field, Items)
]


def ids(value: object) -> str:
    return value.name if isinstance(value, Field) else str(value)


def send(client: Client, query: str, name: str, values: Node) -> Any:
    """Run an operation with one object as its variable, with each digit of its numbers."""
    pairs = ",".join(f"{json.dumps(each)}:{dumps(value)}" for each, value in values.items())
    body = f'{{"query": {json.dumps(query)}, "variables": {{"{name}": {{{pairs}}}}}}}'
    response = client.call("POST", "/api/graphql", raw=body.encode())
    assert response.status == 200, response.text
    assert "errors" not in response.json, (values, response.text)
    return response.json["data"]


def new_input(client: Client, name: str) -> Node:
    """Insert the rows that a new row references, and return its input."""
    values: Node = {}
    for field in resource_of(name).writable:
        if field.reference:
            other = case_of(field.reference.resource)
            key = other.nth(client, 0, other.resource.keys[0].column)
            values[graphql_name(field.reference.key.column)] = str(key)
        else:
            values[graphql_name(field.name)] = value_of(field, field.sample(NEW))
    return values


def create(client: Client, name: str, each: str, changes: Node) -> Node:
    mutation = TYPES[name].mutations["create"]
    type_ = arguments_of("Mutation", mutation)["input"].type
    query = f"mutation ($input: {type_}) {{ row: {mutation}(input: $input) {{ id {each} }} }}"
    row: Node = send(client, query, "input", new_input(client, name) | changes)["row"]
    return row


def found(client: Client, name: str, field: Field, value: object) -> list[str] | None:
    """Return the ids of the rows that the filter finds. None if there is no such filter."""
    list_ = TYPES[name].queries.get("list", "")
    argument = arguments_of("Query", list_).get("filter") if list_ else None
    filter_name = graphql_name(field.filter_name)
    if argument is None or filter_name not in argument.type.fields or value in (None, ""):
        return None
    if not {"equal", "in"} & {*field.operators}:
        return None
    given = [value] if "in" in field.operators else value
    query = f"query ($filter: {argument.type}) {{ {list_}(filter: $filter) {{ nodes {{ id }} }} }}"
    nodes = send(client, query, "filter", {filter_name: given})[list_]["nodes"]
    return [node["id"] for node in nodes]


@pytest.mark.parametrize(("name", "each", "field"), CREATED, ids=ids)
def test_bounds_survive_graphql(client: Client, name: str, each: str, field: Field) -> None:
    resource = resource_of(name)
    for value in [*field.bounds(), field.example, *([None] if field.nullable else [])]:
        given = value_of(field, value)

        row = create(client, name, each, {each: given})

        (stored,) = client.get(f"/api/{resource.name}").json["data"]
        assert (stored[field.name], row[each]) == (value, value_of(field, stored[field.name]))
        assert found(client, name, field, given) in (None, [row["id"]]), value
        client.sql(f"DELETE FROM {table(resource)}")

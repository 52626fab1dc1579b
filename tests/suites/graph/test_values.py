"""A value at the bounds of its kind is created, changed, read and found in GraphQL as in REST."""

from collections.abc import Iterator
from typing import Any

import pytest

from sluice.graph.part import graphql_name
from sluice.kinds.field import Field
from sluice.sql.derived import table
from tests.fixtures.cases import CHANGED, case_of
from tests.fixtures.client import Client
from tests.fixtures.graph import data
from tests.fixtures.graph_types import (
    LISTS,
    TYPES,
    arguments_of,
    resource_of,
    rest_node,
    value_of,
)
from tests.fixtures.matrix import kind_of, one_of_each, owner_of
from tests.fixtures.sent_row import SentRow, created_fields, edge_values
from tests.suites.graph.test_mutations import (
    CREATED,
    UPDATED,
    create,
    input_name,
    input_of,
    update,
)

LIST_OF = {name: list_ for list_, name in LISTS.items()}


def field_of_kind(name: str, field_name: str) -> tuple[object, ...]:
    resource = resource_of(name)
    return owner_of(resource.name), *kind_of(resource.by_name[field_name])


@pytest.mark.parametrize(
    ("name", "field_name"),
    one_of_each(
        [(name, each.name) for name in CREATED for each in created_fields(TYPES[name].resource)],
        field_of_kind,
    ),
)
def test_bounds_are_written_and_found(client: Client, name: str, field_name: str) -> None:
    field = resource_of(name).by_name[field_name]
    given, member = input_without_rules(client, name), input_name(name, field)
    for value in edge_values(TYPES[name].resource, field):
        shown = shown_by_rest(client, name, field, value)
        input_ = {**given, member: value_of(field, value)}

        row = data(client, create(name), {"input": input_})["row"]

        assert row[member] == shown
        assert row == rest_node(client, name, row["id"]), value
        assert changed_and_restored(client, name, field, row)[member] == shown
        for filter_, part in filters_by(name, field, client, row["id"]):
            assert row["id"] in found(client, name, filter_, part), (filter_, part)
        client.sql(f"DELETE FROM {table(resource_of(name))}")


def shown_by_rest(client: Client, name: str, field: Field, value: object) -> Any:
    """Return what GraphQL should show of a value: that of a row which REST creates with it."""
    sent = SentRow(client, TYPES[name].resource, field, value)
    sent.delete()
    return value_of(field, sent.created.json[field.name])


def changed_and_restored(
    client: Client, name: str, field: Field, row: dict[str, Any]
) -> dict[str, Any]:
    """Write another value, and then what the row has shown. Return the row."""
    member = input_name(name, field)
    if name in UPDATED and field in resource_of(name).changeable:
        for value in (value_of(field, field.sample(CHANGED)), row[member]):
            variables = {"id": row["id"], "input": {member: value}}
            row = data(client, update(name), variables)["row"]
    return row


def input_without_rules(client: Client, name: str) -> dict[str, Any]:
    """Return an input with each field that a row requires, or that a rule makes if it is absent."""
    body = case_of(TYPES[name].resource).new(client)
    fields = [each for each in resource_of(name).writable if each.required or each.optional]
    return input_of(client, name, {each.name: body[each.name] for each in fields})


def filters_by(name: str, field: Field, client: Client, id: str) -> Iterator[tuple[str, Any]]:
    """Yield the filters that the stored value of a field matches."""
    if name not in LIST_OF or "filter" not in arguments_of("Query", LIST_OF[name]):
        return
    known = arguments_of("Query", LIST_OF[name])["filter"].type.fields
    stored = rest_node(client, name, id)[input_name(name, field)]
    for parameter in field.filters():
        filter_, suffix = graphql_name(parameter), parameter.removeprefix(field.filter_name)
        if filter_ not in known or stored in (None, ""):
            continue
        if suffix in ("", "_min", "_max", "_after"):
            yield filter_, [stored] if "in" in field.operators and not suffix else stored
        elif suffix == "_has":
            yield from ((filter_, item) for item in stored if item not in (None, ""))


def found(client: Client, name: str, filter_: str, value: Any) -> list[str]:
    """Return the ids of the rows that a filter finds."""
    list_ = LIST_OF[name]
    type_ = arguments_of("Query", list_)["filter"].type
    query = f"""query ($filter: {type_}) {{
        list: {list_}(first: 100, filter: $filter) {{ nodes {{ id }} }} }}"""
    nodes = data(client, query, {"filter": {filter_: value}})["list"]["nodes"]
    return [node["id"] for node in nodes]

"""Derived mutations write what REST would write, with its errors, all or nothing."""

from collections.abc import Iterable
from typing import Any

import pytest

from sluice.graph.part import graphql_name
from sluice.kinds.field import Field
from sluice.kinds.items import Items
from sluice.sql.derived import table
from tests.fixtures.cases import CHANGED, NEW, case_of
from tests.fixtures.client import ApiResponse, Client
from tests.fixtures.graph import data, error_codes
from tests.fixtures.graph_types import (
    TYPES,
    arguments_of,
    node_of,
    resource_of,
    selection,
    value_of,
)

CREATED = [name for name, derived in TYPES.items() if "create" in derived.mutations]
UPDATED = [name for name, derived in TYPES.items() if "update" in derived.mutations]
DELETED = [name for name, derived in TYPES.items() if "delete" in derived.mutations]
VERSIONED = [
    name
    for name in UPDATED
    if "ifVersion" in arguments_of("Mutation", TYPES[name].mutations["update"])
]
REFERENCED = [
    (name, other)
    for name in DELETED
    for other in TYPES
    for field in resource_of(other).fields
    if field.reference and field.reference.resource == TYPES[name].resource
]
WRITABLE = [
    (name, field.name)
    for name in CREATED
    for field in resource_of(name).writable
    if not isinstance(field, Items)
]


def input_of(client: Client, fields: Iterable[Field], n: int) -> dict[str, Any]:
    """Insert the rows that the fields reference, and return an input with the nth samples."""
    values: dict[str, Any] = {}
    for field in fields:
        if field.reference:
            key = case_of(field.reference.resource).insert(client, n)
            values[graphql_name(field.reference.key.column)] = key
        else:
            values[graphql_name(field.name)] = value_of(field, field.sample(n))
    return values


def new_input(client: Client, name: str, n: int = NEW) -> dict[str, Any]:
    return input_of(client, resource_of(name).writable, n)


def create(name: str) -> str:
    mutation = TYPES[name].mutations["create"]
    type_ = arguments_of("Mutation", mutation)["input"].type
    return (
        f"mutation ($input: {type_}) {{ row: {mutation}(input: $input) {{ {selection(name)} }} }}"
    )


def update(name: str) -> str:
    mutation = TYPES[name].mutations["update"]
    type_ = arguments_of("Mutation", mutation)["input"].type
    version = ("$version: Int", "ifVersion: $version") if name in VERSIONED else ("", "")
    return f"""mutation ($id: ID!, $input: {type_}, {version[0]}) {{
        row: {mutation}(id: $id, input: $input, {version[1]}) {{ {selection(name)} }} }}"""


def rest_node(client: Client, name: str, id: str) -> dict[str, Any]:
    """Return the row as GraphQL should show it."""
    return node_of(name, client.get(f"/api/{TYPES[name].resource}/{id}").json)


def rows(client: Client, name: str) -> list[Any]:
    return client.sql(f"SELECT to_json(t) FROM {table(resource_of(name))} t ORDER BY id")


def pointers(response: ApiResponse) -> dict[str, str]:
    """Return the code of each field that an error names. There is one error, and no data."""
    assert response.json["data"] is None, response.text
    (error,) = response.json["errors"]
    return {each["pointer"]: each["code"] for each in error["extensions"]["problem"]["errors"]}


@pytest.mark.parametrize("name", CREATED)
def test_created_row_is_that_of_rest(client: Client, name: str) -> None:
    given = new_input(client, name)

    row = data(client, create(name), {"input": given})["row"]

    assert row == rest_node(client, name, row["id"])
    assert {key: row[key] for key in given.keys() & row.keys()} == {
        key: given[key] for key in given.keys() & row.keys()
    }


@pytest.mark.parametrize("name", CREATED)
def test_row_is_created_without_what_is_not_required(client: Client, name: str) -> None:
    required = [field for field in resource_of(name).writable if field.required]
    given = input_of(client, required, NEW)

    row = data(client, create(name), {"input": given})["row"]

    assert row == rest_node(client, name, row["id"])
    for field in resource_of(name).writable:
        if not field.required and not field.optional and not field.reference:
            assert row[graphql_name(field.name)] == value_of(field, field.default)


@pytest.mark.parametrize(("name", "field_name"), WRITABLE)
def test_invalid_value_names_its_field(client: Client, name: str, field_name: str) -> None:
    """A value that GraphQL's type cannot have is an invalid query. REST checks the others."""
    field = resource_of(name).by_name[field_name]
    given = new_input(client, name)
    if field.reference:
        key = graphql_name(field.reference.key.column)
        invalid = [(id, "unknown") for id in ("12345678", "abc", "")]
    else:
        key, invalid = graphql_name(field_name), field.invalid()
    for value, code in invalid:
        response = client.graphql(create(name), {"input": {**given, key: value}})
        if error_codes(response) == ["invalid_query"]:
            continue
        assert error_codes(response) == ["validation_failed"], value
        assert pointers(response) == {f"/{field_name}": code}, value
        assert response.json["errors"][0]["path"] == ["row"]
    assert rows(client, name) == []


@pytest.mark.parametrize("name", CREATED)
def test_all_invalid_fields_are_named(client: Client, name: str) -> None:
    texts = [
        field
        for field in resource_of(name).writable
        if field.graphql_type == "String" and not field.reference
    ]
    wrong = {graphql_name(field.name): "\0" for field in texts}

    response = client.graphql(create(name), {"input": {**new_input(client, name), **wrong}})

    assert pointers(response).keys() == {f"/{field.name}" for field in texts}


@pytest.mark.parametrize("name", CREATED)
def test_duplicate_names_its_field(client: Client, name: str) -> None:
    given = new_input(client, name)
    unique = {f"/{field.name}" for field in resource_of(name).writable if field.unique}
    data(client, create(name), {"input": given})

    response = client.graphql(create(name), {"input": given})

    assert error_codes(response) == ["duplicate"]
    assert pointers(response).keys() <= unique
    assert len(rows(client, name)) == 1


@pytest.mark.parametrize("name", UPDATED)
def test_update_changes_only_what_is_given(client: Client, name: str) -> None:
    id = data(client, create(name), {"input": new_input(client, name)})["row"]["id"]
    for field in resource_of(name).changeable:
        before = rest_node(client, name, id)
        given = input_of(client, [field], CHANGED)

        row = data(client, update(name), {"id": id, "input": given})["row"]

        assert row == rest_node(client, name, id)
        changed = {key for key in row if row[key] != before[key]}
        relation = field.reference.relation if field.reference else field.name
        expected = {graphql_name(relation), "updatedAt", "version"} & row.keys()
        assert changed == expected
    assert data(client, update(name), {"id": id, "input": {}})["row"]["id"] == id


@pytest.mark.parametrize("name", UPDATED)
def test_update_is_validated(client: Client, name: str) -> None:
    id = data(client, create(name), {"input": new_input(client, name)})["row"]["id"]
    before = rows(client, name)
    required = [each for each in resource_of(name).changeable if not each.nullable]
    for field in required:
        key = graphql_name(field.reference.key.column if field.reference else field.name)
        response = client.graphql(update(name), {"id": id, "input": {key: None}})
        assert error_codes(response) == ["validation_failed"], key
    assert rows(client, name) == before


@pytest.mark.parametrize("name", VERSIONED)
def test_version_must_be_the_expected_one(client: Client, name: str) -> None:
    created = data(client, create(name), {"input": new_input(client, name)})["row"]
    id, version = created["id"], created["version"]
    given = {"input": input_of(client, resource_of(name).changeable[:1], CHANGED), "id": id}
    before = rows(client, name)

    stale = client.graphql(update(name), {**given, "version": version + 1})

    assert error_codes(stale) == ["stale_version"]
    assert rows(client, name) == before
    updated = data(client, update(name), {**given, "version": version})["row"]
    assert updated["version"] > version


@pytest.mark.parametrize("id", ["12345678", "x"])
@pytest.mark.parametrize("name", UPDATED)
def test_unknown_row_is_null(client: Client, name: str, id: str) -> None:
    given = input_of(client, resource_of(name).changeable, NEW)

    assert data(client, update(name), {"id": id, "input": given}) == {"row": None}


@pytest.mark.parametrize("name", DELETED)
def test_delete_is_false_for_an_unknown_row(client: Client, name: str) -> None:
    delete = f"mutation ($id: ID!) {{ deleted: {TYPES[name].mutations['delete']}(id: $id) }}"
    id = case_of(TYPES[name].resource).insert(client, 0)

    answers = [data(client, delete, {"id": each})["deleted"] for each in (id, id, "x")]

    assert answers == [True, False, False]
    assert rows(client, name) == []


@pytest.mark.parametrize(("name", "other"), REFERENCED)
def test_referenced_row_cannot_be_deleted(client: Client, name: str, other: str) -> None:
    case_of(TYPES[other].resource).insert(client, 0)
    (id,) = client.sql(f"SELECT id FROM {table(resource_of(name))} ORDER BY id LIMIT 1")[0]

    response = client.graphql(
        f'mutation {{ {TYPES[name].mutations["delete"]}(id: "{id}") }}',
    )

    assert (response.json["data"], error_codes(response)) == (None, ["still_referenced"])


@pytest.mark.parametrize("name", sorted({*CREATED} & {*DELETED}))
def test_failed_mutation_rolls_back_all(client: Client, name: str) -> None:
    kept = case_of(TYPES[name].resource).insert(client, 0)
    mutations = TYPES[name].mutations
    create_, delete = mutations["create"], mutations["delete"]
    type_ = arguments_of("Mutation", create_)["input"].type
    query = f"""mutation ($input: {type_}, $kept: ID!) {{
        created: {create_}(input: $input) {{ id }}
        deleted: {delete}(id: $kept)
        failing: {create_}(input: $input) {{ id }}
        after: {delete}(id: $kept) }}"""
    variables = {"input": new_input(client, name), "kept": kept}
    before = rows(client, name)

    response = client.graphql(query, variables)

    assert (response.json["data"], error_codes(response)) == (None, ["duplicate"])
    assert response.json["errors"][0]["path"] == ["failing"]
    assert rows(client, name) == before


@pytest.mark.parametrize("name", CREATED)
def test_idempotency_key_replays_the_response(client: Client, name: str) -> None:
    variables = {"input": new_input(client, name)}
    first = client.graphql(create(name), variables, idempotency_key="k")

    again = client.graphql(create(name), variables, idempotency_key="k")

    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (first.status, first.text) == (again.status, again.text)
    assert len(rows(client, name)) == 1
    other = {"input": {**variables["input"], **new_input(client, name, CHANGED)}}
    reused = client.graphql(create(name), other, idempotency_key="k")
    assert (reused.status, reused.code) == (422, "idempotency_key_reused")

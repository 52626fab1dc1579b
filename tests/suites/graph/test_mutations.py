"""Derived mutations write what REST would write, with its errors, all or nothing."""

from collections.abc import Mapping
from typing import Any

import pytest

from sluice.graph.part import graphql_name, member_name
from sluice.kinds.array import Array
from sluice.kinds.field import Field
from sluice.kinds.items import Items
from sluice.resource import names_of
from sluice.sql.derived import table
from sluice.sql.identifiers import quoted
from tests.fixtures.cases import CHANGED, NEW, case_of, keeps_parent
from tests.fixtures.client import ApiResponse, Client
from tests.fixtures.graph import data, error_codes
from tests.fixtures.graph_types import (
    FIELDS,
    TYPES,
    arguments_of,
    id_text,
    new_id,
    reference_id,
    resource_of,
    rest_node,
    rest_rows,
    selection,
    value_of,
)
from tests.fixtures.matrix import kind_of, one_of_each, owner_of
from tests.fixtures.own_tables import is_adopted

CREATED = [name for name, derived in TYPES.items() if "create" in derived.mutations]
UPDATED = [name for name, derived in TYPES.items() if "update" in derived.mutations]
DELETED = [name for name, derived in TYPES.items() if "delete" in derived.mutations]
VERSIONED = [
    name
    for name in UPDATED
    if "ifVersion" in arguments_of("Mutation", TYPES[name].mutations["update"])
]
REFERENCED = [
    (name, other, field.name)
    for name in DELETED
    for other in TYPES
    for field in resource_of(other).fields
    if field.reference and field.reference.resource == TYPES[name].resource
    if name != other and not resource_of(name).soft_delete
]
# Two rows with the same values cannot be created.
UNIQUE = [
    name
    for name in CREATED
    if any(each.kind in ("unique", "exclusion") for each in resource_of(name).constraints)
    or any(field.unique or field in resource_of(name).keys for field in resource_of(name).writable)
]
EXACT = ("ID", "String", "Boolean", "Int", "BigInt", "Decimal", "Date", "DateTime")
WRITABLE = [
    (name, field.name)
    for name in CREATED
    for field in resource_of(name).writable
    if not isinstance(field, Items)
]


def input_of(client: Client, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body of REST as the input of a mutation."""
    return {
        input_name(name, field): (
            reference_id(client, field, body[field.name])
            if field.reference
            else value_of(field, body[field.name])
        )
        for field in resource_of(name).all_fields
        if field.name in body
    }


def input_name(name: str, field: Field) -> str:
    """Return the name of the field in the inputs of a type."""
    if field.reference:
        return graphql_name(field.reference.key.name)
    return member_name(resource_of(name), field.name)


def new_input(client: Client, name: str, n: int = NEW) -> dict[str, Any]:
    """Insert the rows that a new row references, and return an input with every field."""
    return input_of(client, name, case_of(TYPES[name].resource).new(client, n))


def required_input(client: Client, name: str) -> dict[str, Any]:
    """Insert the rows that a new row references, and return an input with what is required."""
    body = case_of(TYPES[name].resource).new(client)
    required = {field.name for field in resource_of(name).writable if field.required}
    return input_of(client, name, {key: body[key] for key in required})


def is_list(value: object) -> bool:
    return isinstance(value, list)


def changes(client: Client, name: str) -> dict[str, Any]:
    """Return a body of REST that changes every field."""
    return case_of(TYPES[name].resource).replacement(client, CHANGED)


def create(name: str) -> str:
    mutation = TYPES[name].mutations["create"]
    type_ = arguments_of("Mutation", mutation)["input"].type
    return (
        f"mutation ($input: {type_}) {{ row: {mutation}(input: $input) {{ {selection(name)} }} }}"
    )


def created_id(client: Client, name: str) -> str:
    """Create a row and return its id. Insert it if clients cannot create any."""
    if name in CREATED:
        created = data(client, create(name), {"input": new_input(client, name)})
        return str(created["row"]["id"])
    case = case_of(TYPES[name].resource)
    return id_text(case.insert_row(client, case.new(client)))


def update(name: str) -> str:
    mutation = TYPES[name].mutations["update"]
    type_ = arguments_of("Mutation", mutation)["input"].type
    version = ("$version: Int", "ifVersion: $version") if name in VERSIONED else ("", "")
    return f"""mutation ($id: ID!, $input: {type_}, {version[0]}) {{
        row: {mutation}(id: $id, input: $input, {version[1]}) {{ {selection(name)} }} }}"""


def rows(client: Client, name: str) -> list[Any]:
    resource = resource_of(name)
    keys = ", ".join(quoted(key.column) for key in resource.keys)
    is_shown = f"{quoted(resource.soft_delete)} IS NULL" if resource.soft_delete else "true"
    source = f"{table(resource)} t WHERE {is_shown} ORDER BY {keys}"
    return client.sql(f"SELECT to_json(t) FROM {source}")


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
    exact = {
        key
        for key in given.keys() & row.keys()
        if str(FIELDS[name, key].definition.type).strip("!") in EXACT
    }
    for key in exact:
        shown = str(given[key]) if key == "id" else given[key]
        assert row[key] == shown or row[key] == shown.rstrip(), key  # char has no blanks


@pytest.mark.parametrize("name", CREATED)
def test_row_is_created_without_what_is_not_required(client: Client, name: str) -> None:
    given = required_input(client, name)

    row = data(client, create(name), {"input": given})["row"]

    assert row == rest_node(client, name, row["id"])
    for field in resource_of(name).writable:
        if not field.required and not field.optional and not field.reference:
            assert row[input_name(name, field)] == value_of(field, field.default)


def field_of_kind(name: str, field_name: str) -> tuple[object, ...]:
    resource = resource_of(name)
    return owner_of(resource.name), *kind_of(resource.by_name[field_name])


@pytest.mark.parametrize(("name", "field_name"), one_of_each(WRITABLE, field_of_kind))
def test_invalid_value_names_its_field(client: Client, name: str, field_name: str) -> None:
    """A value that GraphQL's type cannot have is an invalid query. REST checks the others."""
    field = resource_of(name).by_name[field_name]
    given = new_input(client, name)
    key, invalid = input_name(name, field), field.invalid()
    if field.reference:
        invalid = [(id, "unknown") for id in ("12345678", "abc", "")]
    elif isinstance(field, Array):  # GraphQL reads one value as a list of one
        invalid = [(value_of(field, each), code) for each, code in invalid if is_list(each)]
    elif field.graphql_type == "BigInt":  # a string, too
        invalid = [(value, code) for value, code in invalid if value != "1"]
    for value, code in invalid:
        response = client.graphql(create(name), {"input": {**given, key: value}})
        if set(error_codes(response)) == {"invalid_query"}:
            continue
        assert error_codes(response) == ["validation_failed"], value
        assert pointers(response) == {f"/{field_name}": code}, value
        assert response.json["errors"][0]["path"] == ["row"]
    assert rows(client, name) == []


def texts_of(name: str) -> list[Field]:
    return [
        field
        for field in resource_of(name).writable
        if field.graphql_type == "String" and not field.reference and not field.choices
    ]


@pytest.mark.parametrize("name", [name for name in CREATED if texts_of(name)])
def test_all_invalid_fields_are_named(client: Client, name: str) -> None:
    texts = texts_of(name)
    wrong = {graphql_name(field.name): "\0" for field in texts}

    response = client.graphql(create(name), {"input": {**new_input(client, name), **wrong}})

    assert pointers(response).keys() == {f"/{field.name}" for field in texts}


@pytest.mark.parametrize("name", UNIQUE)
def test_duplicate_names_its_field(client: Client, name: str) -> None:
    given, resource = new_input(client, name), resource_of(name)
    combined = {column for each in resource.constraints for column in each.columns}
    unique = {
        f"/{field.name}"
        for field in resource.writable
        if field.unique or field in resource.keys or field.column in combined
    }
    data(client, create(name), {"input": given})

    response = client.graphql(create(name), {"input": given})

    assert error_codes(response) == ["duplicate"]
    problem = response.json["errors"][0]["extensions"]["problem"]
    assert {error["pointer"] for error in problem.get("errors", ())} <= unique
    assert len(rows(client, name)) == 1


@pytest.mark.parametrize("name", UPDATED)
def test_update_changes_only_what_is_given(client: Client, name: str) -> None:
    id = created_id(client, name)
    resource, body = resource_of(name), changes(client, name)
    set_by_database = {graphql_name(each.name) for each in resource.all_fields if each.read_only}
    together = [names for one in resource.refs if len(names := names_of(one.foreign_key)) > 1]
    for field in resource.changeable:
        columns = next((names for names in together if field.column in names), (field.column,))
        own = [each for each in resource.changeable if each.column in columns]
        before = rest_node(client, name, id)
        given = input_of(client, name, {each.name: body[each.name] for each in own})

        row = data(client, update(name), {"id": id, "input": given})["row"]

        assert row == rest_node(client, name, id)
        changed = {key for key in row if row[key] != before[key]}
        assert changed - set_by_database <= {
            graphql_name(each.reference.relation if each.reference else each.name) for each in own
        }
        if not is_adopted():  # a column of another owner may have this name, and no trigger
            assert ({"updatedAt", "version"} & row.keys()) <= changed
        assert changed or together or body[field.name] is None, field
    assert data(client, update(name), {"id": id, "input": {}})["row"]["id"] == id


@pytest.mark.parametrize("name", UPDATED)
def test_update_is_validated(client: Client, name: str) -> None:
    id = created_id(client, name)
    before = rows(client, name)
    required = [each for each in resource_of(name).changeable if not each.accepts_null]
    for field in required:
        key = input_name(name, field)
        response = client.graphql(update(name), {"id": id, "input": {key: None}})
        assert error_codes(response) == ["validation_failed"], key
    assert rows(client, name) == before


@pytest.mark.parametrize("name", VERSIONED)
def test_version_must_be_the_expected_one(client: Client, name: str) -> None:
    created = data(client, create(name), {"input": new_input(client, name)})["row"]
    id, version = created["id"], created["version"]
    first = resource_of(name).changeable[0].name
    given = {"input": input_of(client, name, {first: changes(client, name)[first]}), "id": id}
    before = rows(client, name)

    stale = client.graphql(update(name), {**given, "version": version + 1})

    assert error_codes(stale) == ["stale_version"]
    assert rows(client, name) == before
    updated = data(client, update(name), {**given, "version": version})["row"]
    assert updated["version"] > version


@pytest.mark.parametrize("id", ["12345678", "x"])
@pytest.mark.parametrize("name", UPDATED)
def test_unknown_row_is_null(client: Client, name: str, id: str) -> None:
    given = input_of(client, name, changes(client, name))

    assert data(client, update(name), {"id": id, "input": given}) == {"row": None}


@pytest.mark.parametrize("name", DELETED)
def test_delete_is_false_for_an_unknown_row(client: Client, name: str) -> None:
    delete = f"mutation ($id: ID!) {{ deleted: {TYPES[name].mutations['delete']}(id: $id) }}"
    id = new_id(client, name, 0)

    answers = [data(client, delete, {"id": each})["deleted"] for each in (id, id, "x")]

    assert answers == [True, False, False]
    assert rows(client, name) == []


@pytest.mark.parametrize(("name", "other", "field_name"), REFERENCED)
def test_referenced_row_is_deleted_if_allowed(
    client: Client, name: str, other: str, field_name: str
) -> None:
    case_of(TYPES[other].resource).insert(client, 0)
    if resource_of(name).refs:  # it may need the row that has no reference to it yet
        case_of(TYPES[name].resource).insert(client, 0)
        case_of(TYPES[other].resource).insert(client, 1)
    referenced = (row[field_name] for row in rest_rows(client, other))
    value = next(value for value in referenced if value is not None)
    id = reference_id(client, resource_of(other).by_name[field_name], value)

    response = client.graphql(
        f'mutation {{ {TYPES[name].mutations["delete"]}(id: "{id}") }}',
    )

    column = resource_of(other).by_name[field_name].column
    if keeps_parent(client, table(resource_of(other)), column):
        assert (response.json["data"], error_codes(response)) == (None, ["still_referenced"])
    else:
        assert "errors" not in response.json


@pytest.mark.parametrize("name", sorted({*UNIQUE} & {*DELETED}))
def test_failed_mutation_rolls_back_all(client: Client, name: str) -> None:
    variables = {"input": new_input(client, name)}  # it may reference a row that is there
    variables["kept"] = new_id(client, name, 0)
    mutations = TYPES[name].mutations
    create_, delete = mutations["create"], mutations["delete"]
    type_ = arguments_of("Mutation", create_)["input"].type
    query = f"""mutation ($input: {type_}, $kept: ID!) {{
        created: {create_}(input: $input) {{ id }}
        deleted: {delete}(id: $kept)
        failing: {create_}(input: $input) {{ id }}
        after: {delete}(id: $kept) }}"""
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

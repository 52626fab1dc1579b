"""Create, read, replace, patch and delete over REST, for each resource as it is declared."""

from collections.abc import Collection
from typing import Any

import pytest

from sluice.http.route import RouteSpec
from sluice.kinds.field import Field
from sluice.kinds.items import Items
from sluice.sql.derived import table
from tests.fixtures.cases import BETWEEN, CHANGED, NEW, case_of, has_trigger, keeps_parent, path_of
from tests.fixtures.client import ApiResponse, Client
from tests.fixtures.matrix import kind_of, one_of_each, owner_of
from tests.fixtures.resources import (
    RESOURCES,
    is_item_route,
    new_row_path,
    resource_routes,
    row_path,
)

# The routes that write one row. A command such as `delta` is no merge patch, so not among them.
WRITES = [
    (name, route)
    for name in RESOURCES
    for route in resource_routes(name)
    if route.body and (route.method == "POST" or (is_item_route(route) and route.body.merge_patch))
]


def ids(value: object) -> str:
    return value.name if isinstance(value, (RouteSpec, Field)) else str(value)


def each_write(methods: Collection[str]) -> pytest.MarkDecorator:
    """Parametrise by the name of the resource and its routes of these methods."""
    found = [(name, route) for name, route in WRITES if route.method in methods]
    return pytest.mark.parametrize(("name", "route"), found, ids=ids)


def stored_fields(name: str, route: RouteSpec) -> list[Field]:
    """Return the columns that a body sets, but no references: those need other rows."""
    assert route.body
    resource = case_of(name).resource
    return [
        field
        for field in route.body.fields.values()
        if field in resource.writable
        and field.column not in case_of(name).references
        and not isinstance(field, Items)
    ]


STORED = [(name, route, field) for name, route in WRITES for field in stored_fields(name, route)]


def writes_of_kind(name: str, route: RouteSpec, field: Field) -> tuple[object, ...]:
    return owner_of(name), route.method, type(field)


class Writer:
    """Sends valid bodies of a route with some values changed, each to a row that allows it."""

    def __init__(self, client: Client, name: str, route: RouteSpec) -> None:
        self.client, self.case, self.route = client, case_of(name), route
        self.path = route.path if route.method == "POST" else new_row_path(client, name)
        self.sent = 0

    def body(self) -> dict[str, Any]:
        """Return a valid body. A PATCH has one field, a PUT and a POST have all."""
        number = NEW if self.route.method == "POST" else CHANGED
        return self.case.body(self.client, self.route, number + 10 * self.sent) or {}

    def write(self, changes: dict[str, Any]) -> ApiResponse:
        self.sent += 1
        return self.send({**self.body(), **changes})

    def send(self, body: dict[str, Any]) -> ApiResponse:
        return self.client.call(self.route.method, self.path, body)

    @property
    def success(self) -> int:
        return 201 if self.route.method == "POST" else 200


def plain(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without lists of other tables' rows: these have more fields than were sent."""
    fields = case_of(name).resource.by_name
    return {field: value for field, value in row.items() if not isinstance(fields[field], Items)}


@each_write(["POST"])
def test_created_row_is_at_its_location(client: Client, name: str, route: RouteSpec) -> None:
    case = case_of(name)
    body = case.new(client)

    created = client.post(route.path, body)

    assert created.status == 201, created.text
    assert list(created.json) == [field.name for field in case.resource.all_fields]
    assert created.json.get("version", 1) == 1
    assert plain(name, {**created.json, **body}) == plain(name, created.json)
    assert created.headers["Location"] == row_path(name, created.json)
    found = client.get(created.headers["Location"])
    assert (found.status, found.text) == (200, created.text)
    assert found.headers["ETag"] == created.headers["ETag"]


@each_write(["POST"])
def test_only_required_fields_are_needed(client: Client, name: str, route: RouteSpec) -> None:
    fields = case_of(name).resource.writable
    body = case_of(name).new(client)

    created = client.post(route.path, {f.name: body[f.name] for f in fields if f.required})

    assert created.status == 201, created.text
    for field in fields:
        if not field.required and not field.optional:
            assert created.json[field.name] == field.default


@each_write(["POST", "PUT"])
def test_missing_field_is_required(client: Client, name: str, route: RouteSpec) -> None:
    writer = Writer(client, name, route)
    body = writer.body()
    fields = case_of(name).resource.writable
    free = {f.name for f in fields if not f.required and route.method == "POST"}

    for missing in set(body) - free:
        response = writer.send({field: value for field, value in body.items() if field != missing})
        assert (response.status, response.errors) == (422, {f"/{missing}": "required"})
    assert writer.send({}).errors == {f"/{field}": "required" for field in set(body) - free}


@pytest.mark.parametrize(
    ("name", "route", "field"),
    one_of_each(
        [
            (name, route, field)
            for name in RESOURCES
            for route in resource_routes(name)
            for field in (route.body.fields.values() if route.body else ())
            if route.method == "POST" or is_item_route(route)
        ],
        lambda name, route, field: (owner_of(name), route.method, *kind_of(field)),
    ),
    ids=ids,
)
def test_invalid_value_is_422(client: Client, name: str, route: RouteSpec, field: Field) -> None:
    """The values are one beyond each bound, of another form, and of another type."""
    writer = Writer(client, name, route)
    body = writer.body()

    for value, code in [*field.invalid(), *([] if field.accepts_null else [(None, "type")])]:
        response = writer.send({**body, field.name: value})
        expected = (422, "validation_failed", {f"/{field.name}": code})
        assert (response.status, response.code, response.errors) == expected, value


@pytest.mark.parametrize(("name", "route", "field"), one_of_each(STORED, writes_of_kind), ids=ids)
def test_values_at_the_bounds_are_kept(
    client: Client, name: str, route: RouteSpec, field: Field
) -> None:
    writer = Writer(client, name, route)

    for value in [
        *case_of(name).bounds(field),
        field.sample(7),
        *([None] if field.accepts_null else []),
    ]:
        response = writer.write({field.name: value})
        assert (response.status, response.json.get(field.name)) == (writer.success, value)


@pytest.mark.parametrize(
    ("name", "route", "field"),
    one_of_each([each for each in STORED if each[2].is_text], writes_of_kind),
    ids=ids,
)
def test_white_space_around_a_text_is_removed(
    client: Client, name: str, route: RouteSpec, field: Field
) -> None:
    text = str(field.sample(7))

    response = Writer(client, name, route).write({field.name: f" {text}\n"})

    assert (response.status < 300, response.json.get(field.name)) == (True, text)


@pytest.mark.parametrize(
    ("name", "route", "field"),
    [
        (name, route, field)
        for name, route in WRITES
        for field in (route.body.fields.values() if route.body else ())
        if field.reference
    ],
    ids=ids,
)
def test_reference_to_no_row_is_422(
    client: Client, name: str, route: RouteSpec, field: Field
) -> None:
    response = Writer(client, name, route).write({field.name: field.sample(987_654)})

    assert (response.status, list(response.errors)) == (422, [f"/{field.name}"])


@each_write(["POST", "PUT", "PATCH"])
def test_read_only_fields_are_ignored(client: Client, name: str, route: RouteSpec) -> None:
    assert route.body
    writer = Writer(client, name, route)
    before = {} if route.method == "POST" else client.get(writer.path).json
    forged = {field: {"not": "read"} for field in route.body.read_only}

    response = writer.write(forged)

    assert response.status == writer.success, response.text
    assert not any(response.json[field] == value for field, value in forged.items())
    for key in case_of(name).resource.keys if before else ():
        assert response.json[key.name] == before[key.name]


@each_write(["PUT", "PATCH"])
def test_row_can_be_sent_back(client: Client, name: str, route: RouteSpec) -> None:
    """What changes nothing keeps the version, unless a trigger of the owner sets columns."""
    path = new_row_path(client, name)
    current = client.get(path)
    source = table(case_of(name).resource)
    set_by_trigger = {*route.body.read_only} if has_trigger(client, source) else set()

    for body in (current.json, {} if route.method == "PATCH" else current.json):
        response = client.call(route.method, path, body)
        assert response.status == 200, response.text
        different = {key for key, value in response.json.items() if value != current.json[key]}
        assert different <= set_by_trigger
        if not different:
            assert response.text == current.text
            assert response.headers["ETag"] == current.headers["ETag"]


@each_write(["PUT"])
def test_put_replaces_every_field(client: Client, name: str, route: RouteSpec) -> None:
    writer = Writer(client, name, route)
    before = client.get(writer.path).json
    body = writer.body()

    response = writer.send(body)

    assert response.status == 200, response.text
    kept = {f.name: before[f.name] for f in case_of(name).resource.writable if f.create_only}
    assert {**response.json, **body, **kept} == response.json == client.get(writer.path).json
    if "version" in before:
        assert response.json["version"] == before["version"] + 1


@each_write(["PATCH"])
def test_patch_changes_only_given_fields(client: Client, name: str, route: RouteSpec) -> None:
    assert route.body
    writer = Writer(client, name, route)
    fields = case_of(name).resource.writable

    for field in route.body.fields.values():
        before = client.get(writer.path).json
        value = field.sample(2) if field in stored_fields(name, route) else before[field.name]
        after = writer.send({field.name: value}).json
        expected = {f.name: before[f.name] for f in fields} | {field.name: value}
        assert {**after, **expected} == after == client.get(writer.path).json


UNIQUE = [each for each in STORED if each[2].unique]


@pytest.mark.parametrize(("name", "route", "field"), UNIQUE, ids=ids)
def test_duplicate_is_409(client: Client, name: str, route: RouteSpec, field: Field) -> None:
    case = case_of(name)
    taken = str(field.sample(BETWEEN)) if field.is_text else field.sample(BETWEEN)
    case.insert_row(client, {**case.row(client, 1), field.name: taken})
    writer = Writer(client, name, route)

    ignores_case = isinstance(taken, str) and getattr(field, "ignore_case", False)
    for value in (taken, str(taken).swapcase()) if ignores_case else (taken,):
        response = writer.write({field.name: value})
        expected = (409, "duplicate", {f"/{field.name}": "duplicate"})
        assert (response.status, response.code, response.errors) == expected


@pytest.mark.parametrize(
    ("name", "route", "field"), [e for e in UNIQUE if getattr(e[2], "ignore_case", False)], ids=ids
)
def test_letter_case_of_own_value_may_change(
    client: Client, name: str, route: RouteSpec, field: Field
) -> None:
    if route.method == "POST":
        return
    writer = Writer(client, name, route)
    value = client.get(writer.path).json[field.name].swapcase()

    response = writer.write({field.name: value})

    assert (response.status, response.json.get(field.name)) == (200, value)


def deletes() -> list[str]:
    return [name for name in RESOURCES if "delete" in case_of(name).resource.writes]


@pytest.mark.parametrize("name", deletes())
def test_deleted_row_is_gone(client: Client, name: str) -> None:
    """Its unique values can be used again, unless the table keeps it."""
    path = new_row_path(client, name)

    response = client.delete(path)

    assert (response.status, response.text) == (204, "")
    assert client.get(path).status == client.delete(path).status == 404
    again = 4 if case_of(name).resource.soft_delete else 3
    assert client.get(new_row_path(client, name, again)).status == 200


@pytest.mark.parametrize(
    ("name", "relation"),
    [
        (name, relation)
        for name in deletes()
        for relation in case_of(name).resource.lists
        if not relation.through and not case_of(name).resource.soft_delete
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_referenced_row_is_deleted_if_allowed(client: Client, name: str, relation: Any) -> None:
    other = case_of(relation.resource)
    for n in (0, 1):  # of one table, the second one references the first one
        other.insert(client, n)
    columns = ", ".join(relation.columns)
    referenced = f"SELECT {columns} FROM {table(other.resource)} WHERE ({columns}) IS NOT NULL"
    path = f"/api/{name}/{path_of(client.sql(referenced)[0])}"

    response = client.delete(path)

    if keeps_parent(client, table(other.resource), relation.columns[0]):
        assert (response.status, response.code) == (409, "still_referenced")
        assert client.get(path).status == 200
    else:
        assert response.status == 204


@pytest.mark.parametrize("name", RESOURCES)
def test_fields_selects_fields_of_a_row(client: Client, name: str) -> None:
    path = new_row_path(client, name)
    row = client.get(path).json

    for field in row:
        assert client.get(f"{path}?fields={field}").json == {field: row[field]}
    fields = [*row]
    first, last = fields[0], fields[-1]
    assert client.get(f"{path}?fields={last},{first}").json == {first: row[first], last: row[last]}

"""A resource with a field of each kind, in a copy of the repository (see test_resource.py)."""

import json
from urllib.parse import quote

import pytest

from sluice import application
from sluice.kinds.field import Field
from tests.fixtures.client import Client

MACHINES = application.current().declaration("machines")
LIST_SPEC = application.current().load("repositories", "machines").list_spec
WRITABLE: list[Field] = list(MACHINES.writable)


def in_query(value: object) -> str:
    """Return a value as a query string has it."""
    return quote(value if isinstance(value, str) else json.dumps(value), safe="")


@pytest.fixture(name="machines")
def add_machines(client: Client) -> Client:
    for n in (1, 2, 3):
        body = {field.name: field.sample(n) for field in WRITABLE}
        response = client.post("/api/machines", body)
        assert response.status == 201, response.text
    return client


@pytest.mark.parametrize("name", LIST_SPEC.sorts)
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_each_sort_has_pages(machines: Client, name: str, direction: str) -> None:
    sort = f"sort={name}:{direction}&limit=2"
    first = machines.get(f"/api/machines?{sort}").json
    cursor = first["pagination"]["next_cursor"]

    second = machines.get(f"/api/machines?{sort}&cursor={cursor}").json

    ids = [row["id"] for page in (first, second) for row in page["data"]]
    assert len(ids) == len(set(ids)) == 3


@pytest.mark.parametrize(
    ("parameter", "sample"),
    [(parameter, in_query(field.sample(1))) for field in WRITABLE for parameter in field.filters()],
)
def test_each_filter_is_accepted(machines: Client, parameter: str, sample: str) -> None:
    found = machines.get(f"/api/machines?{parameter}={sample}")

    assert found.status == 200, found.text
    is_before = parameter.endswith("_before")
    assert len(found.json["data"]) == 0 if is_before else len(found.json["data"]) >= 1


def test_fields_are_returned_as_sent(machines: Client) -> None:
    (row, *_) = machines.get("/api/machines").json["data"]

    assert {field.name: row[field.name] for field in WRITABLE} == {
        field.name: field.sample(1) for field in WRITABLE
    }

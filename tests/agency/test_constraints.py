"""Constraints of the database name the fields that a request must change."""

from typing import Any

import pytest

from tests.fixtures.cases import case_of
from tests.fixtures.client import Client

OPEN_END = {"lower": "2026-01-01T00:00:00Z", "upper": None}
BOOKING: dict[str, Any] = {"room": 1, "during": OPEN_END, "position": 1, "price": "5.00"}


@pytest.mark.parametrize(
    ("changes", "status", "errors"),
    [
        ({"position": 2}, 409, {"/room": "duplicate", "/during": "duplicate"}),
        ({"room": 2}, 409, {"/position": "duplicate"}),
        ({"room": 13, "position": 14}, 422, {"/room": "invalid", "/position": "invalid"}),
    ],
    ids=["exclusion", "deferred unique", "check of two columns"],
)
def test_violated_constraint_names_its_fields(
    client: Client, changes: dict[str, Any], status: int, errors: dict[str, str]
) -> None:
    first = client.post("/api/bookings", BOOKING)
    assert first.status == 201, first.text
    other = client.post("/api/bookings", BOOKING | {"room": 9, "position": 9})

    for response in (
        client.post("/api/bookings", BOOKING | changes),
        client.post("/api/bookings", BOOKING | changes, idempotency_key="k"),
        client.put(other.headers["Location"], other.json | BOOKING | changes),
        client.patch(other.headers["Location"], BOOKING | changes),
    ):
        assert (response.status, response.errors) == (status, errors), response.text
    assert client.get(other.headers["Location"]).text == other.text
    assert client.post("/api/bookings", BOOKING | {"room": 2, "position": 2}).status == 201


def test_generated_column_follows_the_others(client: Client) -> None:
    created = client.post("/api/bookings", BOOKING | {"discount": "1.50", "to_pay": "9.00"})
    path = created.headers["Location"]

    assert (created.status, created.json["to_pay"]) == (201, "3.50")
    assert client.patch(path, {"price": "7.00"}).json["to_pay"] == "5.50"
    found = client.get("/api/bookings?to_pay_min=5.50&sort=to_pay").json["data"]
    assert [row["to_pay"] for row in found] == ["5.50"]


def test_value_of_a_domain_is_checked(isolated_client: Client) -> None:
    """The field accepts what the domain accepts, until the domain changes."""
    client = isolated_client
    created = client.post("/api/bookings", BOOKING | {"share": 100})
    assert (created.status, created.json["share"]) == (201, 100)
    for statement in (
        "ALTER DOMAIN agency.percentage DROP CONSTRAINT percentage_check",
        "ALTER DOMAIN agency.percentage ADD CONSTRAINT percentage_check "
        "CHECK (VALUE BETWEEN 0 AND 50) NOT VALID",
    ):
        client.sql(statement)

    response = client.patch(created.headers["Location"], {"share": 60})

    assert (response.status, response.errors) == (422, {"/share": "invalid"})


def test_unique_constraint_of_two_columns(client: Client) -> None:
    """An email is compared without regard to case, and only within its organisation."""
    case = case_of("people")
    first = case.new(client) | {"email": "Ada@example.com"}
    assert client.post("/api/people", first).status == 201
    again = first | {"email": "ada@EXAMPLE.com"}

    response = client.post("/api/people", again)

    expected = {"/organisation_id": "duplicate", "/email": "duplicate"}
    assert (response.status, response.errors) == (409, expected)
    elsewhere = case_of("organisations").nth(client, 1, "id")
    if elsewhere == first["organisation_id"]:
        elsewhere = case_of("organisations").nth(client, 0, "id")
    assert client.post("/api/people", again | {"organisation_id": elsewhere}).status == 201


def test_reference_to_its_own_table(client: Client) -> None:
    case = case_of("notes")
    parent = client.post("/api/notes", case.new(client) | {"parent_id": None})
    key = parent.json["id"]
    child = client.post("/api/notes", case.new(client) | {"parent_id": key})
    assert (child.status, child.json["parent_id"]) == (201, key)
    unknown = "00000000-0000-4000-8000-000000000000"

    missing = client.post("/api/notes", case.new(client) | {"parent_id": unknown})
    assert (missing.status, missing.errors) == (422, {"/parent_id": "unknown"})
    referenced = client.delete(parent.headers["Location"])
    assert (referenced.status, referenced.code) == (409, "still_referenced")
    assert client.patch(parent.headers["Location"], {"parent_id": key}).status == 200
    assert client.patch(parent.headers["Location"], {"parent_id": None}).status == 200
    assert client.delete(child.headers["Location"]).status == 204
    assert client.delete(parent.headers["Location"]).status == 204

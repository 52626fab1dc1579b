"""Errors of a studio where a row of another studio is in its way."""

from collections.abc import Callable
from typing import Any

import pytest

from sluice import runtime
from tests.fixtures.client import ApiResponse, Client
from tests.fixtures.studio import OTHER_STUDIO, STUDIO
from tests.fixtures.two_tenants import Studios

UNKNOWN = "987654"


@pytest.fixture
def studios(make_studios: Callable[..., Studios]) -> Client:
    """Return a client of the first studio. The database has the rows of two."""
    both = make_studios(STUDIO, OTHER_STUDIO, policies=False)
    both.database.fill()
    runtime.set_current(both.built)
    both.client.headers = {"x_api_key": "one"}
    return both.client


def foreign(client: Client, name: str) -> dict[str, Any]:
    """Return the first row of the other studio."""
    rows: list[dict[str, Any]] = client.get(f"/api/{name}?limit=1", x_api_key="two").json["data"]
    return rows[0]


def same(first: ApiResponse, second: ApiResponse) -> bool:
    """Return whether two problems differ in nothing but the id of their request."""
    one, other = ({**each.json, "request_id": ""} for each in (first, second))
    return (first.status, one) == (second.status, other)


def test_code_that_another_studio_has_is_taken(studios: Client) -> None:
    own, other = (
        studios.post("/api/vouchers", {"code": code, "percent": 5}) for code in ("one-1", "two-1")
    )

    assert (own.status, own.code) == (409, "duplicate")
    assert same(own, other)


def test_number_that_a_foreign_order_has_is_unknown(studios: Client) -> None:
    """The key of the item is not looked at before the order."""
    item = foreign(studios, "order_items")

    taken, none = (
        studios.post("/api/order_items", {**item, "order_id": order})
        for order in (item["order_id"], int(UNKNOWN))
    )

    assert (taken.status, taken.errors) == (422, {"/order_id": "unknown"})
    assert same(taken, none)


def test_deleted_and_foreign_rows_are_unknown(studios: Client) -> None:
    own = studios.get("/api/users").json["data"][0]
    orders = studios.get("/api/orders?limit=100").json["data"]
    free = next(
        each
        for each in studios.get("/api/users?limit=100").json["data"]
        if each["id"] not in [order["user_id"] for order in orders] and each["id"] != own["id"]
    )
    assert studios.delete(f"/api/users/{free['id']}").status == 204
    never = "00000000-0000-4000-8000-000000000000"

    answers = [
        studios.post("/api/orders", {"title": "a", "user_id": user})
        for user in (foreign(studios, "users")["id"], free["id"], never)
    ]

    assert answers[0].errors == {"/user_id": "unknown"}
    assert same(answers[0], answers[1])
    assert same(answers[0], answers[2])


def test_foreign_row_that_a_function_returns_is_none(studios: Client) -> None:
    """`next_open` finds the next order of any studio. What it has done is rolled back."""
    before = studios.sql("SELECT * FROM studio.orders ORDER BY id")
    answers = {
        studios.post(f"/api/orders/{order['id']}/next_open", {}).status: order["id"]
        for order in studios.get("/api/orders?limit=100").json["data"]
    }

    assert 409 in answers
    after = studios.sql("SELECT * FROM studio.orders WHERE studio_id = :t", t=OTHER_STUDIO)
    assert [row for row in before if str(row[1]) == OTHER_STUDIO] == sorted(after)

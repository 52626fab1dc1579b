"""`make derive` writes an example event for each route of a declaration."""

import json
from typing import Any

import pytest

from scripts.derive.events import events_of, is_gone
from shop.users import USERS, UserRepository
from sluice.http.resource_routes import resource_api
from sluice.kinds.date import Date
from sluice.kinds.integer import Integer
from sluice.kinds.text import Text
from sluice.resource import Resource
from sluice.sql.key import to_path
from sluice.sql.resource_repository import ResourceRepository


@pytest.fixture(name="events", scope="module")
def events_of_users() -> dict[str, dict[str, Any]]:
    return dict(events_of(USERS, resource_api(UserRepository).routes))


def test_list_get_create_and_patch_have_events(
    events: dict[str, dict[str, Any]],
) -> None:
    assert list(events) == ["users_list", "users_create", "user_get", "user_patch"]


def test_list_is_searched_and_sorted(events: dict[str, dict[str, Any]]) -> None:
    event = events["users_list"]

    assert event["routeKey"] == "ANY /api/users"
    assert event["rawQueryString"] == "search=example&sort=email&limit=20"
    assert event["queryStringParameters"] == {"search": "example", "sort": "email", "limit": "20"}
    assert "body" not in event


def test_row_has_a_key_and_a_body_its_length(events: dict[str, dict[str, Any]]) -> None:
    event = events["user_patch"]

    assert (event["routeKey"], event["rawPath"]) == ("ANY /api/users/{id}", "/api/users/1")
    assert event["pathParameters"] == {"id": "1"}
    assert event["requestContext"]["http"]["method"] == "PATCH"
    assert json.loads(event["body"]).keys() <= {"email", "name"}
    assert event["headers"]["content-length"] == str(len(event["body"].encode()))


def test_key_of_several_columns_is_below_one_path() -> None:
    fees = Resource(
        name="fees",
        singular="fee",
        table="public.fees",
        group="fees",
        key=[Text("kind", example="a b"), Date("valid_from")],
        fields=[Integer("amount")],
    )
    repository = type("FeeRepository", (ResourceRepository,), {"resource": fees})
    event = dict(events_of(fees, resource_api(repository).routes))["fee_get"]

    first, second = (field.sample(1) for field in fees.keys)
    path = to_path((first, second))
    assert event["routeKey"] == "ANY /api/fees/{proxy+}"
    assert event["rawPath"] == f"/api/fees/{path}"
    assert event["pathParameters"] == {"proxy": path}


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/api/deals/1", True), ("/api/users/1", False), ("/api/imports", False), ("/docs", False)],
)
def test_event_of_a_removed_resource_is_deleted(path: str, expected: bool) -> None:
    assert is_gone(json.dumps({"rawPath": path})) == expected

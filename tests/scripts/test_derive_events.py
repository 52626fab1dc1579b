"""`make derive` writes an example event for each route of a declaration."""

import json
from typing import Any

import pytest

from scripts.derive.events import events_of, is_gone
from shop.users import USERS, UserRepository
from sluice.http.resource_routes import resource_api


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


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/api/deals/1", True), ("/api/users/1", False), ("/api/imports", False), ("/docs", False)],
)
def test_event_of_a_removed_resource_is_deleted(path: str, expected: bool) -> None:
    assert is_gone(json.dumps({"rawPath": path})) == expected

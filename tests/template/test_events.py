"""The files in events/ are valid API Gateway events for the template's routes."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.fixtures.template import ROOT, SourceTemplate

EVENTS = sorted((ROOT / "events").glob("*.json"))

each_event = pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)


def read(path: Path) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(path.read_text())
    return event


@each_event
def test_event_route_exists(path: Path, template: SourceTemplate) -> None:
    event = read(path)
    assert event["routeKey"] in template.routes()
    assert event["requestContext"]["routeKey"] == event["routeKey"]


@each_event
def test_event_path_matches_its_route(path: Path) -> None:
    event = read(path)
    pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", event["routeKey"].partition(" ")[2])
    matched = re.fullmatch(pattern, event["rawPath"])
    assert matched
    assert matched.groupdict() == event.get("pathParameters", {})
    assert event["requestContext"]["http"]["path"] == event["rawPath"]


@each_event
def test_event_query_is_consistent(path: Path) -> None:
    event = read(path)
    assert dict(parse_qsl(event["rawQueryString"])) == event.get("queryStringParameters", {})


@each_event
def test_event_body_matches_its_headers(path: Path) -> None:
    event = read(path)
    headers = event["headers"]
    assert ("body" in event) == (
        event["requestContext"]["http"]["method"] in {"POST", "PUT", "PATCH"}
    )
    if "body" in event:
        json.loads(event["body"])
        assert headers["content-type"] == "application/json"
        length = len(event["body"].encode())
        assert int(headers["content-length"]) == length, f"{path.name}: content-length is {length}"


@each_event
def test_events_have_only_the_local_key(path: Path) -> None:
    event = read(path)
    assert "authorization" not in event["headers"]
    expected = "local-admin" if event["rawPath"].startswith("/api/") else None
    assert event["headers"].get("x-api-key") == expected


def test_every_route_has_an_event(template: SourceTemplate) -> None:
    assert {read(path)["routeKey"] for path in EVENTS} == template.routes().keys() - {
        "$default",
        "ANY /api/{proxy+}",
    }

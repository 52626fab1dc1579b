"""Which route a method and a path match, and the texts that the path has for its names."""

import json
from typing import Any

import pytest

from sluice.http.request import Request
from sluice.http.response import Response
from sluice.http.router import Api, json_response
from sluice.kinds.text import Text
from tests.fixtures.client import http_event, lambda_context

api = Api(keys=[Text("code"), Text("part")])
ANY: dict[str, Any] = {}


@api.get("/api/things/<code>", response=ANY)
def get_thing(request: Request, code: str) -> Response:
    return json_response(200, ["get", code])


@api.get("/api/things/newest", response=ANY)
def get_newest(request: Request) -> Response:
    return json_response(200, ["newest"])


@api.get("/api/things/<code>", response=ANY)
def get_again(request: Request, code: str) -> Response:
    return json_response(200, ["again", code])


@api.delete("/api/things/<code>/parts/<part>")
def delete_part(request: Request, code: str, part: str) -> Response:
    return json_response(200, ["delete", code, part])


@api.get("/api.json", response="application/json")
def document(request: Request) -> Response:
    return json_response(200, ["document"])


def respond(method: str, path: str) -> tuple[int, Any, str | None]:
    """Return the status, the body or its detail, and `Allow`."""
    response = api(http_event(method, path, None, None, {}), lambda_context())
    body = json.loads(response["body"])
    found = body if isinstance(body, list) else body["detail"]
    return response["statusCode"], found, response["headers"].get("Allow")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/things/a", ["get", "a"]),
        ("HEAD", "/api/things/a", ["get", "a"]),
        ("get", "/api/things/a", ["get", "a"]),
        ("GET", "/api/things/newest", ["newest"]),
        ("GET", "/api/things/%3Ccode%3E", ["get", "<code>"]),
        ("GET", "/api/things/a%20%25b", ["get", "a %b"]),
        ("GET", "/api/things/a%0A%C3%A9", ["get", "a\né"]),
        ("DELETE", "/api/things/a/parts/b", ["delete", "a", "b"]),
        ("GET", "/api.json", ["document"]),
    ],
)
def test_first_route_of_path_and_method_responds(method: str, path: str, body: list[str]) -> None:
    assert respond(method, path) == (200, body, None)


@pytest.mark.parametrize(
    "path",
    [
        "/api/things",
        "/api/things/",
        "/api/things/a/",
        "/api/things//parts/b",
        "/api/things/a/parts/b%2Fc",
        "/api/things/a/Parts/b",
        "//api/things/a",
        "/apiXjson",
        "/api.json%0A",
        "",
    ],
)
def test_other_path_is_not_found(path: str) -> None:
    assert respond("GET", path)[0] == 404


def test_method_without_route_names_those_of_the_path() -> None:
    detail = "This path does not support the method PUT"
    assert respond("PUT", "/api/things/a") == (405, detail, "GET, HEAD, OPTIONS")
    assert respond("PUT", "/api/things/a/parts/b") == (405, detail, "DELETE, OPTIONS")

"""HTTP methods, request ids and 404, 405 and 406."""

import pytest

from tests.fixtures.client import Client
from tests.fixtures.paths import ALLOWED_METHODS
from tests.fixtures.resources import RESOURCES, fill

ITEM_PATHS = [path for path in ALLOWED_METHODS if "/1" in path]  # of a row, and below it
UNKNOWN_PATHS = (
    "/",
    "/api",
    "/api/",
    "/api/nothing",
    "/api/nothing/1/2",
    "/API/graphql",
    "/api/analytics",
    "/health/x",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")


@pytest.mark.parametrize("path", ALLOWED_METHODS)
def test_other_method_is_405_with_allow(client: Client, path: str) -> None:
    for method in METHODS:
        response = client.call(method, path)
        if method in ALLOWED_METHODS[path].split(", "):
            assert response.status not in (404, 405) or path in ITEM_PATHS, method
        else:
            expected = (405, "method_not_allowed", ALLOWED_METHODS[path])
            assert (response.status, response.code, response.headers["Allow"]) == expected


@pytest.mark.parametrize("path", UNKNOWN_PATHS)
@pytest.mark.parametrize("method", METHODS)
def test_unknown_path_is_404_for_any_method(client: Client, method: str, path: str) -> None:
    response = client.call(method, path)
    assert (response.status, response.headers["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ALLOWED_METHODS)
def test_options_lists_the_methods(client: Client, path: str) -> None:
    response = client.call("OPTIONS", path)
    expected = (204, "", ALLOWED_METHODS[path])
    assert (response.status, response.text, response.headers["Allow"]) == expected


@pytest.mark.parametrize("target", ["", "?limit=1", "?limit=0", "/404", "/x"])
@pytest.mark.parametrize("resource", RESOURCES)
def test_head_has_the_length_of_get(client: Client, target: str, resource: str) -> None:
    fill(client, resource, 2)
    get = client.call("GET", f"/api/{resource}{target}")
    head = client.call("HEAD", f"/api/{resource}{target}")
    # The gateway computes Content-Length from the body and drops it (tests/local/test_system.py).
    assert (head.status, len(head.text)) == (get.status, len(get.text))
    volatile = {"X-Request-Id", "RateLimit"}
    assert {k: v for k, v in head.headers.items() if k not in volatile} == {
        k: v for k, v in get.headers.items() if k not in volatile
    }

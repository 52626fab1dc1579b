"""HTTP methods, request ids and 404, 405 and 406."""

import pytest

from tests.fixtures.paths import ALLOWED_METHODS, BODY_ROUTES
from tests.fixtures.shop import Shop

ITEM_PATHS = [path for path in ALLOWED_METHODS if path.endswith("/1")]
UNKNOWN_PATHS = (
    "/",
    "/api",
    "/api/",
    "/api/nothing",
    "/api/products/",
    "/api/products/1/2",
    "/API/products",
    "/api/analytics",
    "/health/x",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")


@pytest.mark.parametrize("path", ALLOWED_METHODS)
def test_other_method_is_405_with_allow(shop: Shop, path: str) -> None:
    for method in METHODS:
        response = shop.call(method, path)
        if method in ALLOWED_METHODS[path].split(", "):
            assert response.status not in (404, 405) or path in ITEM_PATHS, method
        else:
            expected = (405, "method_not_allowed", ALLOWED_METHODS[path])
            assert (response.status, response.code, response.headers["Allow"]) == expected


@pytest.mark.parametrize("path", UNKNOWN_PATHS)
@pytest.mark.parametrize("method", METHODS)
def test_unknown_path_is_404_for_any_method(shop: Shop, method: str, path: str) -> None:
    response = shop.call(method, path)
    assert (response.status, response.headers["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ALLOWED_METHODS)
def test_options_lists_the_methods(shop: Shop, path: str) -> None:
    response = shop.call("OPTIONS", path)
    expected = (204, "", ALLOWED_METHODS[path])
    assert (response.status, response.text, response.headers["Allow"]) == expected


@pytest.mark.parametrize(
    "target",
    [
        "/api/{}",
        "/api/{}?limit=1",
        "/api/{}?limit=0",
        "/api/{}/404",
        "/api/{}/x",
        "/health",
        "/health/ready",
    ],
)
@pytest.mark.parametrize("resource", ["products", "categories", "inventory"])
def test_head_has_the_length_of_get(shop: Shop, target: str, resource: str) -> None:
    for name in "ab":
        shop.add_product(name, category=name)
    get = shop.call("GET", target.format(resource))
    head = shop.call("HEAD", target.format(resource))
    # The gateway computes Content-Length from the body and drops it (tests/local/test_system.py).
    assert (head.status, len(head.text)) == (get.status, len(get.text))
    volatile = {"X-Request-Id", "RateLimit"}
    assert {k: v for k, v in head.headers.items() if k not in volatile} == {
        k: v for k, v in get.headers.items() if k not in volatile
    }


def test_head_has_the_etag(shop: Shop) -> None:
    path = f"/api/products/{shop.add_product('Mug')}"
    head = shop.call("HEAD", path)
    assert (head.status, head.headers["ETag"]) == (200, shop.get(path).headers["ETag"])


@pytest.mark.parametrize(
    "path", ["/api/products", "/api/products/1", "/health", "/nothing", "/api/products/x"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
def test_each_response_has_its_request_id(shop: Shop, method: str, path: str) -> None:
    ids = {shop.call(method, path).headers["X-Request-Id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(ids)


ACCEPT_HEADERS = (
    "*/*",
    "application/*",
    "application/json",
    "APPLICATION/JSON",
    "",
    "text/html, application/json;q=0.5",
    "text/html;q=1, */*;q=0.1",
)


@pytest.mark.parametrize("accept", ACCEPT_HEADERS)
def test_accept_that_allows_json_is_200(shop: Shop, accept: str) -> None:
    assert shop.get("/api/products", accept=accept).status == 200


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/problem+json",
        "*/*, application/json;q=0",
        "application/json;q=0",
        "*/*; q=0.000",
        "x",
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/products"), ("GET", "/api/inventory/1"), *BODY_ROUTES]
)
def test_accept_without_json_is_406(shop: Shop, method: str, path: str, accept: str) -> None:
    response = shop.call(method, path, None if method == "GET" else {}, accept=accept)
    assert (response.status, response.code) == (406, "not_acceptable")


def test_empty_response_ignores_accept(shop: Shop) -> None:
    assert shop.delete(f"/api/products/{shop.add_product('Mug')}", accept="text/html").status == 204

"""HTTP methods, request ids and 404, 405 and 406."""

import dataclasses
import gzip
import json
import os
import re
from typing import Any

import pytest

from sluice import runtime
from tests.fixtures.resources import RESOURCES, resource_routes
from tests.fixtures.shop import Shop
from tests.fixtures.template import ROOT

OPENAPI_PATHS = json.loads((ROOT / "openapi.json").read_text())["paths"]
ALLOWED = {
    re.sub(r"{\w+}", "1", path): ", ".join(sorted({"HEAD", "OPTIONS", *map(str.upper, methods)}))
    for path, methods in OPENAPI_PATHS.items()
    if "get" in methods and not path.startswith(("/docs", "/openapi"))  # these allow any origin
}
ITEM_PATHS = [path for path in ALLOWED if path.endswith("/1")]
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
BODY_ROUTES = [
    (operation.method, re.sub(r"<\w+>", "1", operation.path))
    for name in RESOURCES
    for operation in resource_routes(name)
    if operation.body
]
each_body_route = pytest.mark.parametrize(("method", "path"), BODY_ROUTES)
ALLOWED_ORIGIN = "https://shop.example"


@pytest.fixture
def cors_shop(shop: Shop) -> Shop:
    """Return a shop that allows one CORS origin."""
    allow(ALLOWED_ORIGIN)
    return shop


def allow(*origins: str) -> None:
    now = runtime.current()
    runtime.set_current(
        runtime.Runtime(dataclasses.replace(now.settings, cors_origins=origins), now.database)
    )


@pytest.mark.parametrize("path", ALLOWED)
def test_other_method_is_405_with_allow(shop: Shop, path: str) -> None:
    for method in METHODS:
        response = shop.call(method, path)
        if method in ALLOWED[path].split(", "):
            assert response.status not in (404, 405) or path in ITEM_PATHS, method
        else:
            assert (response.status, response.code, response.headers["Allow"]) == (
                405,
                "method_not_allowed",
                ALLOWED[path],
            )


@pytest.mark.parametrize("path", UNKNOWN_PATHS)
@pytest.mark.parametrize("method", METHODS)
def test_unknown_path_is_404_for_any_method(shop: Shop, method: str, path: str) -> None:
    response = shop.call(method, path)
    assert (response.status, response.headers["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ALLOWED)
def test_options_lists_the_methods(shop: Shop, path: str) -> None:
    response = shop.call("OPTIONS", path)
    assert (response.status, response.text, response.headers["Allow"]) == (204, "", ALLOWED[path])


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
    got, head = (shop.call(method, target.format(resource)) for method in ("GET", "HEAD"))
    # The gateway computes Content-Length from the body and drops it (tests/local/test_system.py).
    assert (head.status, len(head.text)) == (got.status, len(got.text))
    volatile = {"X-Request-Id", "RateLimit"}
    assert {k: v for k, v in head.headers.items() if k not in volatile} == {
        k: v for k, v in got.headers.items() if k not in volatile
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


ACCEPT_HEADERS = ("*/*", "application/*", "application/json", "text/html, application/json;q=0.5", "APPLICATION/JSON",
            "text/html;q=1, */*;q=0.1", "")  # fmt: skip


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


OTHER_MEDIA_TYPES = ("text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
               "", "json", "application/jsonp", "text/json", "application/json; charset=latin-1", "application/*+json",
               "application/json-patch+json", "application/vnd.api+json", "application/problem+json",
               "application/ld+json", "application/json, application/json", "application/json;charset=",
               "application/json ; charset = utf-16")  # fmt: skip


@each_body_route
@pytest.mark.parametrize("content_type", OTHER_MEDIA_TYPES)
def test_body_of_other_media_type_is_415(
    shop: Shop, method: str, path: str, content_type: str
) -> None:
    response = shop.call(method, path, {}, content_type=content_type)
    assert (response.status, response.code) == (415, "unsupported_media_type")
    assert (
        "application/json"
        in response.headers[{"POST": "Accept-Post", "PATCH": "Accept-Patch"}.get(method, "Accept")]
    )


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"',
     "application/json; version=1", "application/json;", "application/json ; charset = utf8"],
)  # fmt: skip
def test_json_media_type_variants_are_accepted(shop: Shop, content_type: str) -> None:
    assert (
        shop.call("POST", "/api/categories", {"name": "Mugs"}, content_type=content_type).status
        == 201
    )


@each_body_route
def test_merge_patch_is_accepted_for_patch(shop: Shop, method: str, path: str) -> None:
    accepts_merge_patch = method == "PATCH" and "inventory" not in path
    response = shop.call(method, path, {"x": 1}, content_type="application/merge-patch+json")
    assert response.status == (422 if accepts_merge_patch else 415)
    if method in ("POST", "PATCH"):
        accepted = shop.call("OPTIONS", path).headers[f"Accept-{method.title()}"]
        assert accepted == (
            "application/json, application/merge-patch+json"
            if accepts_merge_patch
            else "application/json"
        )


def gzip_json(body: object, **options: int) -> bytes:
    return gzip.compress(json.dumps(body).encode(), **options)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", "identity, gzip", "gzip ,identity"])
def test_gzip_body_is_decompressed(shop: Shop, coding: str) -> None:
    raw = gzip_json({"name": "Mugs"})
    assert shop.call("POST", "/api/categories", raw=raw, content_encoding=coding).status == 201
    parts = gzip.compress(b'{"query": ') + gzip.compress(b'"{__typename}"}')
    assert shop.call("POST", "/api/graphql", raw=parts, content_encoding=coding).json["data"]


def test_identity_coding_is_accepted(shop: Shop) -> None:
    for number, coding in enumerate(("identity", "", "Identity, identity")):
        response = shop.call(
            "POST", "/api/categories", {"name": f"Mugs {number}"}, content_encoding=coding
        )
        assert response.status == 201


@pytest.mark.parametrize(
    "path", ["/api/products", "/api/graphql", "/api/analytics/query", "/api/imports"]
)
@pytest.mark.parametrize(
    "coding", ["br", "zstd", "deflate", "compress", "gzip, gzip", "br, gzip", "gzip;q=1", "utf-8"]
)
def test_other_content_coding_is_415(shop: Shop, coding: str, path: str) -> None:
    response = shop.call("POST", path, {}, content_encoding=coding)
    assert (response.status, response.code) == (415, "unsupported_media_type")
    assert response.headers["Accept-Encoding"] == "gzip, identity"


@each_body_route
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (gzip.compress(b"{}")[:-4], 400),
        (b"{}", 400),
        (b"", 400),
        (gzip.compress(b"{}") + b"rest", 400),
        (gzip.compress(b"") * 200, 400),
        (gzip.compress(b" " * 2**20 + b"{}"), 413),
        (gzip.compress(b" " * 2**26), 413),
        (os.urandom(2**20 + 1), 413),
        (gzip.compress(b'{"x":1}'), 422),
    ],
    ids=["cut", "plain", "empty", "trailed", "members", "over", "bomb", "long", "good"],
)
def test_gzip_body_is_bounded(shop: Shop, method: str, path: str, raw: bytes, status: int) -> None:
    assert shop.call(method, path, raw=raw, content_encoding="gzip").status == status


def test_recompressed_body_is_the_same_request(shop: Shop) -> None:
    for level in (1, 9):
        response = shop.call(
            "POST", "/api/categories", raw=gzip_json({"name": "Mugs"}, compresslevel=level, mtime=level),
            content_encoding="gzip", idempotency_key="k",
        )  # fmt: skip
        assert response.status == 201
    assert response.headers["Idempotency-Replayed"] == "true"


@each_body_route
def test_body_over_1_mib_is_413(shop: Shop, method: str, path: str) -> None:
    for size, status in ((2**20, 422), (2**20 + 1, 413)):
        raw = b'{"colour": "' + b"x" * (size - 14) + b'"}'
        assert len(raw) == size
        assert shop.call(method, path, raw=raw).status == status


@each_body_route
def test_missing_body_is_415_and_empty_body_400(shop: Shop, method: str, path: str) -> None:
    assert shop.call(method, path).status == 415
    response = shop.call(method, path, raw=b"")
    assert (response.status, response.code) == (400, "invalid_request")


def test_allowed_origin_may_read_the_response(cors_shop: Shop) -> None:
    response = cors_shop.get("/api/products", origin=ALLOWED_ORIGIN)
    assert response.headers["Access-Control-Allow-Origin"] == ALLOWED_ORIGIN
    assert "Origin" in response.headers["Vary"].split(", ")
    exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"ETag", "Link", "Location", "Retry-After", "X-Request-Id"} <= set(exposed)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/products/404"), ("BREW", "/api/products"), ("GET", "/nothing")],
)
def test_allowed_origin_may_read_errors(cors_shop: Shop, method: str, path: str) -> None:
    assert (
        cors_shop.call(method, path, origin=ALLOWED_ORIGIN).headers["Access-Control-Allow-Origin"]
        == ALLOWED_ORIGIN
    )


@pytest.mark.parametrize("path", ALLOWED)
def test_preflight_lists_methods_and_headers(cors_shop: Shop, path: str) -> None:
    asked: dict[str, Any] = {"origin": ALLOWED_ORIGIN, "access_control_request_method": "GET"}
    response = cors_shop.call("OPTIONS", path, **asked)
    assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (
        204,
        ALLOWED_ORIGIN,
    )
    assert response.headers["Access-Control-Allow-Methods"] == ALLOWED[path]
    allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
    assert {
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "If-Match",
        "If-None-Match",
        "X-API-Key",
    } <= set(allowed)


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", ALLOWED_ORIGIN + ".evil.example", ALLOWED_ORIGIN.upper(), ""],
)
def test_other_origin_gets_no_cors_headers(cors_shop: Shop, method: str, origin: str) -> None:
    response = cors_shop.call(method, "/api/products", origin=origin)
    assert not [name for name in response.headers if name.startswith("Access-Control")]
    assert "Origin" in response.headers["Vary"].split(", ")


def test_preflight_of_unknown_path_is_404(cors_shop: Shop) -> None:
    response = cors_shop.call("OPTIONS", "/api/nothing", origin=ALLOWED_ORIGIN)
    assert (response.status, "Access-Control-Allow-Methods" in response.headers) == (404, False)


LOCAL_ORIGINS = (
    "http://localhost:5173",
    "https://localhost",
    "http://127.0.0.1:3000",
    "http://[::1]:8080",
    "https://[::1]",
)
REMOTE_ORIGINS = (
    "http://localhost.evil.example", "http://evil.example:80", "http://localhost:5173/", "http://localhost:123456",
    "ftp://localhost", "http://127.0.0.1.evil.example", "http://[::2]", "null", "loopback", "", "http://LOCALHOST",
    "http://localhost:", "http://a@localhost",
)  # fmt: skip


@pytest.mark.parametrize("origin", LOCAL_ORIGINS)
@pytest.mark.parametrize(
    "path", ["/api/products", "/api/products/404", "/nothing", "/api/products?limit=x"]
)
def test_loopback_allows_local_origins(shop: Shop, path: str, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in shop.get(path, origin=origin).headers
    allow("loopback")
    response = shop.get(path, origin=origin)
    assert response.headers["Access-Control-Allow-Origin"] == origin
    preflight = shop.call(
        "OPTIONS", "/api/orders", origin=origin, access_control_request_method="POST"
    )
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("origin", REMOTE_ORIGINS)
def test_loopback_rejects_remote_origins(shop: Shop, origin: str) -> None:
    allow("loopback")
    for method in ("GET", "OPTIONS"):
        response = shop.call(method, "/api/products", origin=origin)
        assert not [name for name in response.headers if name.startswith("Access-Control")]


def test_star_allows_every_origin(shop: Shop) -> None:
    allow("*")
    assert (
        shop.get("/api/products", origin="https://any.example").headers[
            "Access-Control-Allow-Origin"
        ]
        == "*"
    )


def test_request_without_origin_gets_no_cors_headers(cors_shop: Shop) -> None:
    assert not [
        name for name in cors_shop.get("/api/products").headers if name.startswith("Access-Control")
    ]


def test_byte_order_mark_is_named_in_the_error(shop: Shop) -> None:
    response = shop.call(
        "POST", "/api/categories", raw="\ufeff{}".encode(), content_type="application/json"
    )
    detail = "The body begins with a byte order mark; send it without one"
    assert (response.status, response.json["detail"]) == (400, detail)

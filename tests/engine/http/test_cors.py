"""CORS: allowed and other origins, and preflight requests."""

from typing import Any

import pytest

from sluice import runtime
from tests.fixtures.paths import ALLOWED_METHODS
from tests.fixtures.sample import Library

ALLOWED_ORIGIN = "https://shop.example"


@pytest.fixture
def cors_library(library: Library) -> Library:
    """Return a library that allows one CORS origin."""
    allow(ALLOWED_ORIGIN)
    return library


def allow(*origins: str) -> None:
    """Install a runtime that allows these CORS origins."""
    current = runtime.current()
    settings = current.settings._replace(cors_origins=origins)
    runtime.set_current(runtime.Runtime(settings, current.database))


def test_allowed_origin_may_read_the_response(cors_library: Library) -> None:
    response = cors_library.get("/api/books", origin=ALLOWED_ORIGIN)
    assert response.headers["Access-Control-Allow-Origin"] == ALLOWED_ORIGIN
    assert "Origin" in response.headers["Vary"].split(", ")
    exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"ETag", "Link", "Location", "Retry-After", "X-Request-Id"} <= set(exposed)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/books/404"), ("BREW", "/api/books"), ("GET", "/nothing")],
)
def test_allowed_origin_may_read_errors(cors_library: Library, method: str, path: str) -> None:
    response = cors_library.call(method, path, origin=ALLOWED_ORIGIN)
    assert response.headers["Access-Control-Allow-Origin"] == ALLOWED_ORIGIN


@pytest.mark.parametrize("path", ALLOWED_METHODS)
def test_preflight_lists_methods_and_headers(cors_library: Library, path: str) -> None:
    headers: dict[str, Any] = {"origin": ALLOWED_ORIGIN, "access_control_request_method": "GET"}
    response = cors_library.call("OPTIONS", path, **headers)
    expected = (204, ALLOWED_ORIGIN)
    assert (response.status, response.headers["Access-Control-Allow-Origin"]) == expected
    assert response.headers["Access-Control-Allow-Methods"] == ALLOWED_METHODS[path]
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
def test_other_origin_gets_no_cors_headers(cors_library: Library, method: str, origin: str) -> None:
    response = cors_library.call(method, "/api/books", origin=origin)
    assert not [name for name in response.headers if name.startswith("Access-Control")]
    assert "Origin" in response.headers["Vary"].split(", ")


def test_preflight_of_unknown_path_is_404(cors_library: Library) -> None:
    response = cors_library.call("OPTIONS", "/api/nothing", origin=ALLOWED_ORIGIN)
    assert (response.status, "Access-Control-Allow-Methods" in response.headers) == (404, False)


LOCAL_ORIGINS = (
    "http://localhost:5173",
    "https://localhost",
    "http://127.0.0.1:3000",
    "http://[::1]:8080",
    "https://[::1]",
)
REMOTE_ORIGINS = (
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://evil.example:80",
    "http://localhost:5173/",
    "http://localhost:123456",
    "http://localhost:",
    "ftp://localhost",
    "http://[::2]",
    "null",
    "loopback",
    "",
    "http://LOCALHOST",
    "http://a@localhost",
)


@pytest.mark.parametrize("origin", LOCAL_ORIGINS)
@pytest.mark.parametrize("path", ["/api/books", "/api/books/404", "/nothing", "/api/books?limit=x"])
def test_loopback_allows_local_origins(library: Library, path: str, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in library.get(path, origin=origin).headers
    allow("loopback")
    response = library.get(path, origin=origin)
    assert response.headers["Access-Control-Allow-Origin"] == origin
    preflight = library.call(
        "OPTIONS", "/api/readers", origin=origin, access_control_request_method="POST"
    )
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("origin", REMOTE_ORIGINS)
def test_loopback_rejects_remote_origins(library: Library, origin: str) -> None:
    allow("loopback")
    for method in ("GET", "OPTIONS"):
        response = library.call(method, "/api/books", origin=origin)
        assert not [name for name in response.headers if name.startswith("Access-Control")]


def test_star_allows_every_origin(library: Library) -> None:
    allow("*")
    response = library.get("/api/books", origin="https://any.example")
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_request_without_origin_gets_no_cors_headers(cors_library: Library) -> None:
    response = cors_library.get("/api/books")
    assert not [name for name in response.headers if name.startswith("Access-Control")]

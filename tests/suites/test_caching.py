"""`Cache-Control` and `Vary`: a shared cache never sends one client's response to another."""

import dataclasses
import re
from collections.abc import Callable

import pytest

from sluice import runtime
from tests.fixtures.client import HANDLERS, ApiResponse, handler_for
from tests.fixtures.resources import RESOURCES, new_row_path
from tests.fixtures.shop import Shop
from tests.fixtures.tcp_proxy import TcpProxy

SERVICE = ("/health", "/openapi.json")
ROUTES: list[tuple[str, str]] = sorted(
    {
        (route.method, re.sub(r"<\w+>", "1", route.path))
        for api in {*HANDLERS.values(), *(handler_for(path) for path in SERVICE)}
        for route in api.routes
    }
)
VARY = {"Accept", "Authorization", "Origin", "X-API-Key"}
PUBLIC = ("/docs", "/openapi.json")


def allows_shared_storage(response: ApiResponse) -> bool:
    directives = {
        word.strip().partition("=")[0] for word in response.headers["Cache-Control"].split(",")
    }
    return not directives & {"private", "no-store"}


def vary(response: ApiResponse) -> set[str]:
    return set(response.headers["Vary"].split(", "))


def rate_limited_response(shop: Shop, method: str, path: str) -> ApiResponse:
    current = runtime.current()
    settings = dataclasses.replace(current.settings, rate_tiers={"default": (1, 86_400)})
    runtime.set_current(runtime.Runtime(settings, current.database))
    shop.call(method, path, x_api_key="local-reader")
    return shop.call(method, path, x_api_key="local-reader")


def responses_to_all_clients(shop: Shop, method: str, path: str) -> list[ApiResponse]:
    """Return the responses of one route to valid, invalid, unauthenticated and limited requests."""
    return [
        shop.call(
            "OPTIONS",
            path,
            origin="https://elsewhere.example",
            access_control_request_method=method,
        ),
        shop.call("BREW", path),
        shop.call(method, path),
        shop.call(method, path, {}),
        shop.call(method, path, raw=b"{"),
        shop.call(method, path + "?colour=blue"),
        shop.call(method, path, x_api_key="unknown"),
        shop.call(method, path, x_api_key="local-limited"),
        shop.call(method, path, accept="text/html"),
        shop.call(method, path, origin="https://elsewhere.example"),
        *([shop.call("HEAD", path)] if method == "GET" else []),
        rate_limited_response(shop, method, path),
    ]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_shared_caches_never_store_a_clients_response(shop: Shop, method: str, path: str) -> None:
    responses = responses_to_all_clients(shop, method, path)
    assert len({response.status for response in responses}) > 1
    for response in responses:
        assert vary(response) >= VARY, response
        public = path.startswith(PUBLIC) and response.status == 200
        assert allows_shared_storage(response) == public, response
        if response.status >= 400 or method != "GET":
            assert response.headers["Cache-Control"] == "no-store", response


@pytest.mark.parametrize("resource", RESOURCES)
def test_private_cache_may_revalidate(shop: Shop, resource: str) -> None:
    path = new_row_path(shop, resource)
    first = shop.get(path)
    again = shop.get(path, if_none_match=first.headers["ETag"])
    assert (first.status, again.status) == (200, 304)
    for response in (first, again, shop.get(f"/api/{resource}"), shop.call("HEAD", path)):
        assert response.headers["Cache-Control"] == "private, no-cache"
    assert again.headers["Vary"] == first.headers["Vary"]


@pytest.mark.parametrize(
    ("call", "control"),
    [
        (lambda shop: shop.get("/api/graphql?query={__typename}"), "private, no-cache"),
        (lambda shop: shop.graphql("{__typename}"), "no-store"),
        (
            lambda shop: shop.get(
                "/api/graphql?query={", accept="application/graphql-response+json"
            ),
            "no-store",
        ),
    ],
)
def test_graphql_get_response_is_private(
    shop: Shop, call: Callable[[Shop], ApiResponse], control: str
) -> None:
    response = call(shop)
    assert response.headers["Cache-Control"] == control
    assert vary(response) >= VARY


def test_stale_response_is_not_stored(shop: Shop, proxy: TcpProxy) -> None:
    path = f"/api/products/{shop.add_product('Mug')}"
    assert shop.get(path).headers["Cache-Control"] == "private, no-cache"
    proxy.close()
    shop.get("/api/users")  # opens the circuit
    stale = shop.get(path)
    assert stale.status == 200
    assert ("Warning" in stale.headers, stale.headers["Cache-Control"]) == (True, "no-store")


def test_compressed_file_varies_by_encoding_and_origin(shop: Shop) -> None:
    response = shop.get("/openapi.json", origin="https://elsewhere.example", accept_encoding="gzip")
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert vary(response) >= {"Accept-Encoding", "Origin"}

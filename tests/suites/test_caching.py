"""`Cache-Control` and `Vary`: a shared cache never sends one client's response to another."""

import re
from collections.abc import Callable

import pytest

from sluice import runtime
from tests.fixtures.client import HANDLERS, ApiResponse, Client, handler_for
from tests.fixtures.resources import RESOURCES, new_row_path

SERVICE = ("/health", "/openapi.json")
ROUTES: list[tuple[str, str]] = sorted(
    {
        (route.method, re.sub(r"<\w+>", "1", route.path))
        for api in {*HANDLERS.values(), *(handler_for(path) for path in SERVICE)}
        for route in api.routes
    }
)
VARY = {"Accept", "Authorization", "Origin", "X-API-Key"}
PUBLIC = ("/docs", "/reference", "/openapi.json")


def allows_shared_storage(response: ApiResponse) -> bool:
    directives = {
        word.strip().partition("=")[0] for word in response.headers["Cache-Control"].split(",")
    }
    return not directives & {"private", "no-store"}


def vary(response: ApiResponse) -> set[str]:
    return set(response.headers["Vary"].split(", "))


def rate_limited_response(client: Client, method: str, path: str) -> ApiResponse:
    current = runtime.current()
    settings = current.settings._replace(rate_tiers={"default": (1, 86_400)})
    runtime.set_current(runtime.Runtime(settings, current.database))
    client.call(method, path, x_api_key="local-reader")
    return client.call(method, path, x_api_key="local-reader")


def responses_to_all_clients(client: Client, method: str, path: str) -> list[ApiResponse]:
    """Return the responses of one route to valid, invalid, unauthenticated and limited requests."""
    return [
        client.call(
            "OPTIONS",
            path,
            origin="https://elsewhere.example",
            access_control_request_method=method,
        ),
        client.call("BREW", path),
        client.call(method, path),
        client.call(method, path, {}),
        client.call(method, path, raw=b"{"),
        client.call(method, path + "?colour=blue"),
        client.call(method, path, x_api_key="unknown"),
        client.call(method, path, x_api_key="local-limited"),
        client.call(method, path, accept="text/html"),
        client.call(method, path, origin="https://elsewhere.example"),
        *([client.call("HEAD", path)] if method == "GET" else []),
        rate_limited_response(client, method, path),
    ]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_shared_caches_never_store_a_clients_response(
    client: Client, method: str, path: str
) -> None:
    responses = responses_to_all_clients(client, method, path)
    assert len({response.status for response in responses}) > 1
    for response in responses:
        assert vary(response) >= VARY, response
        public = path.startswith(PUBLIC) and response.status == 200
        assert allows_shared_storage(response) == public, response
        if response.status >= 400 or method != "GET":
            assert response.headers["Cache-Control"] == "no-store", response


@pytest.mark.parametrize("resource", RESOURCES)
def test_private_cache_may_revalidate(client: Client, resource: str) -> None:
    path = new_row_path(client, resource)
    first = client.get(path)
    again = client.get(path, if_none_match=first.headers["ETag"])
    assert (first.status, again.status) == (200, 304)
    for response in (first, again, client.get(f"/api/{resource}"), client.call("HEAD", path)):
        assert response.headers["Cache-Control"] == "private, no-cache"
    assert again.headers["Vary"] == first.headers["Vary"]


@pytest.mark.parametrize(
    ("call", "control"),
    [
        (lambda client: client.get("/api/graphql?query={__typename}"), "private, no-cache"),
        (lambda client: client.graphql("{__typename}"), "no-store"),
        (
            lambda client: client.get(
                "/api/graphql?query={", accept="application/graphql-response+json"
            ),
            "no-store",
        ),
    ],
)
def test_graphql_get_response_is_private(
    client: Client, call: Callable[[Client], ApiResponse], control: str
) -> None:
    response = call(client)
    assert response.headers["Cache-Control"] == control
    assert vary(response) >= VARY


def test_compressed_file_varies_by_encoding_and_origin(client: Client) -> None:
    response = client.get(
        "/openapi.json", origin="https://elsewhere.example", accept_encoding="gzip"
    )
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert vary(response) >= {"Accept-Encoding", "Origin"}

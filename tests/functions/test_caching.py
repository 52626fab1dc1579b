"""`Cache-Control` and `Vary` on every response, so that a shared cache never sends one client's response to another."""

import dataclasses
import re
from collections.abc import Callable

import pytest

from sluice import runtime
from tests.fixtures.resources import RESOURCES, path_of
from tests.fixtures.shop import HANDLERS, Answer, Shop, handler_of
from tests.fixtures.tcp_proxy import TcpProxy

SERVICE = ("/health", "/openapi.json")
ROUTES: list[tuple[str, str]] = sorted(
    {
        (operation.method, re.sub(r"<\w+>", "1", operation.path))
        for api in {*HANDLERS.values(), *(handler_of(path) for path in SERVICE)}
        for operation in api.routes
    }
)
KEYED = {"Accept", "Authorization", "Origin", "X-API-Key"}
PUBLIC = ("/docs", "/openapi.json")


def allows_shared_storage(answer: Answer) -> bool:
    directives = {
        word.strip().partition("=")[0] for word in answer.headers["Cache-Control"].split(",")
    }
    return not directives & {"private", "no-store"}


def vary(answer: Answer) -> set[str]:
    return set(answer.headers["Vary"].split(", "))


def rate_limited(shop: Shop, method: str, path: str) -> Answer:
    here = runtime.current()
    settings = dataclasses.replace(here.settings, rate_tiers={"default": (1, 86_400)})
    runtime.set_current(runtime.Runtime(settings, here.database))
    shop.call(method, path, x_api_key="local-reader")
    return shop.call(method, path, x_api_key="local-reader")


def every_answer(shop: Shop, method: str, path: str) -> list[Answer]:
    """One route's responses to clients of every kind."""
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
        rate_limited(shop, method, path),
    ]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_shared_cache_keeps_a_clients_response(shop: Shop, method: str, path: str) -> None:
    answers = every_answer(shop, method, path)
    assert len({answer.status for answer in answers}) > 1
    for answer in answers:
        assert vary(answer) >= KEYED, answer
        public = path.startswith(PUBLIC) and answer.status == 200
        assert allows_shared_storage(answer) == public, answer
        if answer.status >= 400 or method != "GET":
            assert answer.headers["Cache-Control"] == "no-store", answer


@pytest.mark.parametrize("resource", RESOURCES)
def test_what_was_read_may_be_revalidated(shop: Shop, resource: str) -> None:
    path = path_of(shop, resource)
    first = shop.get(path)
    again = shop.get(path, if_none_match=first.headers["ETag"])
    assert (first.status, again.status) == (200, 304)
    for answer in (first, again, shop.get(f"/api/{resource}"), shop.call("HEAD", path)):
        assert answer.headers["Cache-Control"] == "private, no-cache"
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
def test_graphql_queries_by_get_are_private(
    shop: Shop, call: Callable[[Shop], Answer], control: str
) -> None:
    answer = call(shop)
    assert answer.headers["Cache-Control"] == control
    assert vary(answer) >= KEYED


def test_a_stale_answer_is_not_stored(shop: Shop, proxy: TcpProxy) -> None:
    path = f"/api/products/{shop.product('Mug')}"
    assert shop.get(path).headers["Cache-Control"] == "private, no-cache"
    proxy.close()
    shop.get("/api/users")  # opens the circuit
    stale = shop.get(path)
    assert stale.status == 200
    assert ("Warning" in stale.headers, stale.headers["Cache-Control"]) == (True, "no-store")


def test_packed_files_vary_by_encoding_for_pages_too(shop: Shop) -> None:
    answer = shop.get("/openapi.json", origin="https://elsewhere.example", accept_encoding="gzip")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert vary(answer) >= {"Accept-Encoding", "Origin"}

"""The access log: one line a request, with client, route, result and cost, and no user data."""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions.products.handler import handler
from sluice import runtime
from tests.fixtures.aws import AddApiKey
from tests.fixtures.shop import Shop

Lines = Callable[[], list[dict[str, Any]]]

ALWAYS = {
    "level",
    "request_id",
    "method",
    "status",
    "duration_ms",
    "db_ms",
    "round_trips",
    "statements",
    "connections_opened",
    "cold_start",
}


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return a function that returns the access log lines since its last call."""

    def new_lines() -> list[dict[str, Any]]:
        printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line for line in printed if "request_id" in line]

    return new_lines


def test_line_has_client_route_and_cost(shop: Shop, lines: Lines) -> None:
    id = shop.add_product("Mug")
    shop.get("/api/products?limit=1")
    lines()
    response = shop.get(f"/api/products/{id}")
    (line,) = lines()
    assert line.keys() == ALWAYS | {"route", "client_id", "limiter", "limiter_source"}
    assert (line["request_id"], line["status"]) == (response.headers["X-Request-Id"], 200)
    assert (line["method"], line["route"], line["client_id"]) == (
        "GET",
        "/api/products/{id}",
        "admin",
    )
    assert (line["statements"], line["round_trips"], line["connections_opened"]) == (1, 1, 0)
    assert (line["limiter"], line["cold_start"]) == ("allowed", False)
    assert 0 < line["db_ms"] < line["duration_ms"]


def test_commit_and_connecting_are_counted(shop: Shop, lines: Lines) -> None:
    """The statements claim the key, insert, and store the response. COMMIT is not one of them."""
    shop.add_category()
    runtime.current().database.dispose()
    query = 'mutation { createProduct(input: {name: "Mug", price: "1", categoryId: "%s"}) { id } }'
    shop.graphql(query % shop.sql("SELECT id FROM categories")[0][0], idempotency_key="k")
    (line,) = lines()
    assert line["connections_opened"] == 1
    assert line["round_trips"] == line["statements"] + 1 >= 4


def test_rejected_request_has_code_and_route(
    shop: Shop, add_api_key: AddApiKey, lines: Lines
) -> None:
    key = add_api_key(f"line {shop.source_ip}", "orders:read")
    for send in (
        lambda: shop.get("/api/products/canary", x_api_key=""),
        lambda: shop.get("/api/products/7", x_api_key=key),
        lambda: shop.get("/api/products/999999"),
        lambda: shop.call("BREW", "/api/products/7"),
        lambda: shop.get("/api/products/7/canary?canary=canary"),
        lambda: shop.call("OPTIONS", "/api/products"),
    ):
        send()
    logged = lines()
    assert [(line["status"], line.get("route"), line.get("code")) for line in logged] == [
        (401, "/api/products/{id}", "unauthenticated"),
        (403, "/api/products/{id}", "insufficient_scope"),
        (404, "/api/products/{id}", "not_found"),
        (405, "/api/products/{id}", "method_not_allowed"),
        (404, None, "not_found"),
        (204, "/api/products", None),
    ]
    assert [line.get("client_id") for line in logged[:2]] == [None, f"client of {key}"]
    assert "canary" not in repr(logged)


def test_rate_limited_request_runs_no_statement(shop: Shop, lines: Lines) -> None:
    shop.headers = {"x_api_key": "local-limited"}
    while shop.get("/api/products").status != 429:
        lines()
    shop.get("/api/products")
    first, second = lines()
    assert (first["limiter"], first["code"], first["statements"]) == ("rejected", "rate_limited", 0)
    assert (first["limiter_source"], second["limiter_source"]) == ("shared", "cache")


def test_graphql_error_code_is_logged_with_status_200(shop: Shop, lines: Lines) -> None:
    shop.graphql("{ orders(first: 1000) { nodes { id } } }")
    (line,) = lines()
    assert (line["status"], line["code"]) == (200, "invalid_parameter")


def test_first_request_is_a_cold_start(shop: Shop, lines: Lines) -> None:
    handler._reset()
    shop.get("/api/products")
    shop.get("/api/products")
    assert [line["cold_start"] for line in lines()] == [True, False]


def test_health_is_logged_at_info_without_settings(shop: Shop, lines: Lines) -> None:
    runtime.set_current(None)
    shop.get("/health")
    assert [(line["route"], line["status"]) for line in lines()] == [("/health", 200)]
    logging.getLogger("sluice").setLevel("WARNING")
    shop.get("/health")
    logging.getLogger("sluice").setLevel("INFO")
    assert lines() == []


def test_server_timing_header_is_optional(shop: Shop) -> None:
    assert "Server-Timing" not in shop.get("/api/products").headers
    current = runtime.current()
    runtime.set_current(
        runtime.Runtime(replace(current.settings, server_timing=True), current.database)
    )
    timing = shop.get("/api/products").headers["Server-Timing"]
    assert re.fullmatch(
        r'db;dur=[\d.]+;desc="1 statements, 1 round trips, \d connects", total;dur=[\d.]+', timing
    )

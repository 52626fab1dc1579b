"""The access log: one line a request, with client, route, result and cost, and no user data."""

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest

from sluice import runtime
from sluice.http.environment import environment
from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import Limiter
from tests.fixtures.aws import AddApiKey
from tests.fixtures.sample import Library

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


def test_line_has_client_route_and_cost(library: Library, lines: Lines) -> None:
    id = library.add_book("Mug")
    library.get("/api/books?limit=1")
    lines()
    response = library.get(f"/api/books/{id}")
    (line,) = lines()
    assert line.keys() == ALWAYS | {"route", "client_id", "limiter", "limiter_source"}
    assert (line["request_id"], line["status"]) == (response.headers["X-Request-Id"], 200)
    assert (line["method"], line["route"], line["client_id"]) == (
        "GET",
        "/api/books/{id}",
        "admin",
    )
    assert (line["statements"], line["round_trips"], line["connections_opened"]) == (1, 1, 0)
    assert (line["limiter"], line["cold_start"]) == ("allowed", False)
    assert 0 < line["db_ms"] < line["duration_ms"]


def test_commit_and_connecting_are_counted(library: Library, lines: Lines) -> None:
    """The statements claim the key, insert, and store the response. COMMIT is not one of them."""
    library.add_shelf()
    runtime.current().database.dispose()
    query = 'mutation { addBook(input: {name: "Emma", price: "1", shelf: "novels"}) { id } }'
    library.graphql(query, idempotency_key="k")
    (line,) = lines()
    assert line["connections_opened"] == 1
    assert line["round_trips"] == line["statements"] + 1 >= 4


def test_rejected_request_has_code_and_route(
    library: Library, add_api_key: AddApiKey, lines: Lines
) -> None:
    key = add_api_key(f"line {library.source_ip}", "readers:read")
    for send in (
        lambda: library.get("/api/books/canary", x_api_key=""),
        lambda: library.get("/api/books/7", x_api_key=key),
        lambda: library.get("/api/books/999999"),
        lambda: library.call("BREW", "/api/books/7"),
        lambda: library.get("/api/books/7/canary?canary=canary"),
        lambda: library.call("OPTIONS", "/api/books"),
    ):
        send()
    logged = lines()
    assert [(line["status"], line.get("route"), line.get("code")) for line in logged] == [
        (401, "/api/books/{id}", "unauthenticated"),
        (403, "/api/books/{id}", "insufficient_scope"),
        (404, "/api/books/{id}", "not_found"),
        (405, "/api/books/{id}", "method_not_allowed"),
        (404, None, "not_found"),
        (204, "/api/books", None),
    ]
    assert [line.get("client_id") for line in logged[:2]] == [None, f"client of {key}"]
    assert "canary" not in repr(logged)


def test_rate_limited_request_runs_no_statement(library: Library, lines: Lines) -> None:
    current = runtime.current()
    with_fixed_clock = runtime.Runtime(current.settings, current.database)
    with_fixed_clock.admission.limiter = Limiter(
        MemoryCounterStore(), MemoryCounterStore(), clock=lambda: 1_700_000_000.0
    )
    runtime.set_current(with_fixed_clock)
    library.headers = {"x_api_key": "local-limited"}
    while library.get("/api/books").status != 429:
        lines()
    library.get("/api/books")
    first, second = lines()
    assert (first["limiter"], first["code"], first["statements"]) == ("rejected", "rate_limited", 0)
    assert (first["limiter_source"], second["limiter_source"]) == ("shared", "cache")


def test_graphql_error_code_is_logged_with_status_200(library: Library, lines: Lines) -> None:
    library.graphql("{ books(first: 1000) { nodes { id } } }")
    (line,) = lines()
    assert (line["status"], line["code"]) == (200, "invalid_parameter")


def test_first_request_is_a_cold_start(library: Library, lines: Lines) -> None:
    environment.reset()
    library.get("/api/books")
    library.get("/api/books")
    assert [line["cold_start"] for line in lines()] == [True, False]


def test_health_is_logged_at_info_without_settings(library: Library, lines: Lines) -> None:
    runtime.set_current(None)
    library.get("/health")
    assert [(line["route"], line["status"]) for line in lines()] == [("/health", 200)]
    logging.getLogger("sluice").setLevel("WARNING")
    library.get("/health")
    logging.getLogger("sluice").setLevel("INFO")
    assert lines() == []


def test_server_timing_header_is_optional(library: Library) -> None:
    assert "Server-Timing" not in library.get("/api/books").headers
    current = runtime.current()
    runtime.set_current(
        runtime.Runtime(current.settings._replace(server_timing=True), current.database)
    )
    timing = library.get("/api/books").headers["Server-Timing"]
    assert re.fullmatch(
        r'db;dur=[\d.]+;desc="1 statements, 1 round trips, \d connects", total;dur=[\d.]+', timing
    )

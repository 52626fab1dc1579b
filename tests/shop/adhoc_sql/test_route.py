"""GET and POST /api/analytics/query: requests, responses and their limits."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sluice import runtime
from sluice.adhoc_sql import allowlist
from sluice.settings import AdhocSqlSettings
from tests.fixtures.adhoc_sql import AnalystClient

EXPENSIVE = "select count(*) from orders a, orders b, orders c, orders d"


@contextmanager
def adhoc_sql_settings(**changed: Any) -> Iterator[None]:
    """Run the block with other limits."""
    before = runtime.current()
    settings = before.settings
    assert settings.adhoc_sql is not None
    other = runtime.build(settings._replace(adhoc_sql=settings.adhoc_sql._replace(**changed)))
    runtime.set_current(other)
    try:
        yield
    finally:
        runtime.set_current(before)
        other.database.dispose()


def test_response_has_columns_rows_and_cost(analyst: AnalystClient) -> None:
    response = analyst.query(
        "select status, count(*) as n, sum(total) from orders group by status order by 1 limit 1"
    )

    body = response.json
    assert response.status == 200
    assert list(body) == [
        "columns",
        "rows",
        "row_count",
        "truncated",
        "cost",
        "max_cost",
        "duration_ms",
    ]
    assert body["columns"] == [
        {"name": "status", "type": "text"},
        {"name": "n", "type": "bigint"},
        {"name": "sum", "type": "numeric"},
    ]
    assert body["rows"] == [["cancelled", 48, "2519.52"]]
    assert (body["row_count"], body["truncated"], body["max_cost"]) == (1, False, 250_000)
    assert 0 < body["cost"] < 100
    assert 0 < body["duration_ms"] < 5_000


@pytest.mark.parametrize(
    ("sql", "type", "value"),
    [
        ("9223372036854775807", "bigint", 9223372036854775807),
        ("2::smallint", "smallint", 2),
        ("19.90", "numeric", "19.90"),
        ("'NaN'::numeric", "numeric", "NaN"),
        ("0.1::float8", "double precision", 0.1),
        ("1e30::float4", "real", 1e30),
        ("'-Infinity'::float8", "double precision", "-Infinity"),
        ("'NaN'::float8", "double precision", "NaN"),
        ("1 = 1", "boolean", True),
        ("null", "text", None),
        ("'\"\\ü💡\n'", "text", '"\\ü💡\n'),
        ("date '2026-01-31'", "date", "2026-01-31"),
        ("time '12:30'", "time", "12:30:00"),
        ("timestamp '2026-01-31 12:30:00.5'", "timestamp", "2026-01-31T12:30:00.500000"),
        ("timestamptz '2026-01-31 12:30:00+02'", "timestamptz", "2026-01-31T10:30:00.000000Z"),
        ("'infinity'::timestamptz", "timestamptz", "infinity"),
        ("timestamptz '0044-03-15 12:00+00 BC'", "timestamptz", "0044-03-15 12:00:00+00 BC"),
        ("interval '1 day 2 hours'", "interval", "1 day 02:00:00"),
        ("array[1, null, 3]", "integer[]", [1, None, 3]),
        ("array['a', 'NULL', null, 'b\"{,}\\']", "text[]", ["a", "NULL", None, 'b"{,}\\']),
        ("array[1.5, 2.25]", "numeric[]", ["1.5", "2.25"]),
        ("array[array[1, 2], array[3, 4]]", "integer[]", [[1, 2], [3, 4]]),
        (
            "array[timestamptz '2026-01-31 12:00Z']",
            "timestamptz[]",
            ["2026-01-31T12:00:00.000000Z"],
        ),
        ("(1, 'a')", "record", "(1,a)"),
    ],
)
def test_values_are_rendered_by_type(
    sql: str, type: str, value: Any, analyst: AnalystClient
) -> None:
    response = analyst.query(f"select {sql} as x").json

    assert (response["columns"], response["rows"]) == ([{"name": "x", "type": type}], [[value]])


def test_get_returns_the_same_as_post(analyst: AnalystClient) -> None:
    by_get = analyst.get(
        "/api/analytics/query?query=select+id+from+orders+order+by+1&max_rows=2"
    ).json
    by_post = analyst.query("select id from orders order by 1", max_rows=2).json

    assert by_get.pop("duration_ms") > 0
    assert by_post.pop("duration_ms") > 0
    assert by_get == by_post
    assert (by_get["rows"], by_get["truncated"]) == ([[1], [2]], True)


def test_rejection_names_the_body_or_the_parameter(analyst: AnalystClient) -> None:
    by_post = analyst.query("select nothing from orders")
    by_get = analyst.get("/api/analytics/query?query=select+nothing+from+orders")

    assert (by_post.status, by_post.code, by_post.errors) == (
        422,
        "validation_failed",
        {"/query": "invalid"},
    )
    assert (by_get.status, by_get.code, by_get.errors) == (
        400,
        "invalid_parameter",
        {"query": "invalid"},
    )
    assert "there is no column nothing; the columns are id, user_id" in by_post.json["detail"]
    assert "line 1, column 8" in by_get.json["detail"]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"/query": "required"}),
        ({"query": ""}, {"/query": "too_short"}),
        ({"query": 1}, {"/query": "type"}),
        ({"query": "select 1", "max_rows": 0}, {"/max_rows": "out_of_range"}),
        ({"query": "select 1", "max_rows": 10_001}, {"/max_rows": "out_of_range"}),
        ({"query": "select 1", "limit": 5}, {"/limit": "unknown_field"}),
        ({"query": "select '" + "x" * 10_000 + "'"}, {"/query": "too_long"}),
    ],
)
def test_invalid_body_is_rejected(body: Any, errors: Any, analyst: AnalystClient) -> None:
    assert analyst.post("/api/analytics/query", body).errors == errors


def test_rows_are_limited_to_max_rows(analyst: AnalystClient) -> None:
    every = analyst.query("select id from orders order by id")
    exact = analyst.query("select id from orders order by id", max_rows=240)
    fewer = analyst.query("select id from orders order by id", max_rows=239)

    assert [a.json["truncated"] for a in (every, exact, fewer)] == [False, False, True]
    assert fewer.json["rows"] == every.json["rows"][:239]


def test_rows_are_limited_to_2_mb(analyst: AnalystClient) -> None:
    wide = f"select id, '{'x' * 9_000}' as x from orders order by id"

    response = analyst.query(wide)

    assert response.status == 200
    assert 1_500_000 < len(response.text) < 2_600_000
    assert response.json["truncated"]
    assert [row[0] for row in response.json["rows"]] == list(
        range(1, response.json["row_count"] + 1)
    )


def test_single_row_that_is_too_large_is_rejected(analyst: AnalystClient) -> None:
    response = analyst.query(f"select string_agg('{'x' * 300}', ',') from orders o, products p")

    assert (response.status, response.errors) == (422, {"/query": "invalid"})
    assert "its first row is too large" in response.json["detail"]


def test_size_limit_counts_json_characters(analyst: AnalystClient) -> None:
    """A null has no bytes in PostgreSQL and four characters in JSON."""
    nulls = ", ".join(["null"] * 190)

    response = analyst.query(f"select {nulls} from orders, users, categories", max_rows=10_000)

    assert response.json["truncated"]
    assert len(response.text) < 2_600_000


def test_expensive_query_is_rejected_with_its_cost(analyst: AnalystClient) -> None:
    response = analyst.query(EXPENSIVE)

    assert (response.status, response.code) == (400, "query_too_expensive")
    assert response.json["cost"] > response.json["max_cost"] == 250_000


def test_cost_limit_is_a_setting(analyst: AnalystClient) -> None:
    with adhoc_sql_settings(max_cost=5.0):
        assert analyst.query("select count(*) from orders").json["max_cost"] == 5
        assert analyst.query("select 1").status == 200


def test_query_is_cancelled_at_its_timeout(analyst: AnalystClient) -> None:
    """The response is 400 and not 504, because the same query will time out again."""
    with adhoc_sql_settings(max_cost=1e12, timeout=0.5):  # EXPLAIN counts too
        response = analyst.query(EXPENSIVE)

        assert (response.status, response.code) == (400, "query_too_expensive")
        assert response.json["cost"] > 1_000_000
        assert response.json["detail"] == "The query took longer than its limit of 0.5 s"
        assert analyst.active_sessions() == []
        assert analyst.query("select 1").status == 200


def test_query_needs_its_scope(analyst: AnalystClient) -> None:
    responses = (
        analyst.get("/api/analytics/query?query=select+1", x_api_key="local-reader"),
        analyst.post("/api/analytics/query", {"query": "select 1"}, x_api_key="local-reader"),
    )

    for response in responses:
        assert (response.status, response.code) == (403, "insufficient_scope")
        assert "analytics:query" in response.json["detail"]


def test_route_is_404_without_a_database_role(analyst: AnalystClient) -> None:
    before = runtime.current()
    without = runtime.build(before.settings._replace(adhoc_sql=None))
    runtime.set_current(without)

    response, reports = analyst.query("select 1"), analyst.get("/api/analytics/popular-products")
    runtime.set_current(before)
    without.database.dispose()

    assert (response.status, response.code) == (404, "not_found")
    assert reports.status == 200


def test_connection_is_reused(analyst: AnalystClient) -> None:
    def pids() -> list[list[Any]]:
        return analyst.sql(
            "SELECT pid FROM pg_stat_activity"
            " WHERE usename = 'sluice_analyst' AND datname = current_database()"
        )

    analyst.query("select 1")
    first = pids()
    analyst.query("select 2")

    assert len(first) == 1
    assert pids() == first


def test_terminated_connection_is_replaced(analyst: AnalystClient) -> None:
    analyst.query("select 1")
    analyst.sql(
        "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity "
        "WHERE usename = 'sluice_analyst' AND datname = current_database()"
    )

    assert analyst.query("select 1").json["rows"] == [[1]]


def test_role_has_a_pool_of_one_connection() -> None:
    database = runtime.Settings.from_env(
        ENVIRONMENT | {"SLUICE_ANALYST_SECRET_ARN": "arn:x"}
    ).adhoc_sql
    assert isinstance(database, AdhocSqlSettings)
    role = database.database
    assert (role.user, role.password, role.secret_arn) == ("sluice_analyst", "", "arn:x")
    assert (role.pool_size, role.pool_overflow) == (1, 0)
    assert role.socket_timeout > database.timeout
    assert runtime.Settings.from_env(ENVIRONMENT).adhoc_sql is None


ENVIRONMENT = {
    "SLUICE_DB_HOST": "h",
    "SLUICE_DB_NAME": "n",
    "SLUICE_DB_USER": "u",
    "SLUICE_DB_PASSWORD": "p",
    "SLUICE_CURSOR_KEY": "sixteen characters",
    "SLUICE_API_KEYS_TABLE": "k",
    "SLUICE_RATE_LIMIT_TABLE": "r",
}


@pytest.mark.parametrize("arguments", ["", "*", "id"])
def test_no_call_is_an_internal_error(analyst: AnalystClient, arguments: str) -> None:
    """PostgreSQL rejects what the validator does not: most functions need other arguments."""
    statuses = {
        name: analyst.query(f"select {name}({arguments}) from products").status
        for name in allowlist.FUNCTIONS
    }

    assert {name: status for name, status in statuses.items() if status >= 500} == {}
    assert {200, 422} >= set(statuses.values())

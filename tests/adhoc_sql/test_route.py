"""GET and POST /api/analytics/query: what is asked, what is answered, and how much of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from sluice import runtime
from sluice.settings import AdhocSqlSettings
from tests.adhoc_sql.conftest import AnalystsShop

EXPENSIVE = "select count(*) from orders a, orders b, orders c, orders d"


@contextmanager
def adhoc_sql(**changed: Any) -> Iterator[None]:
    """Another runtime, whose analyst may take more or less."""
    before = runtime.current()
    settings = before.settings
    assert settings.adhoc_sql is not None
    other = runtime.build(replace(settings, adhoc_sql=replace(settings.adhoc_sql, **changed)))
    runtime.set_current(other)
    try:
        yield
    finally:
        runtime.set_current(before)
        other.database.dispose()


def test_an_answer_has_columns_rows_and_what_it_took(shop: AnalystsShop) -> None:
    response = shop.ask(
        "select status, count(*) as n, sum(total) from orders group by status order by 1 limit 1"
    )

    told = response.json
    assert response.status == 200
    assert list(told) == [
        "columns",
        "rows",
        "row_count",
        "truncated",
        "cost",
        "max_cost",
        "duration_ms",
    ]
    assert told["columns"] == [
        {"name": "status", "type": "text"},
        {"name": "n", "type": "bigint"},
        {"name": "sum", "type": "numeric"},
    ]
    assert told["rows"] == [["cancelled", 48, "2519.52"]]
    assert (told["row_count"], told["truncated"], told["max_cost"]) == (1, False, 250_000)
    assert 0 < told["cost"] < 100
    assert 0 < told["duration_ms"] < 5_000


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
def test_values_are_rendered_by_their_type(
    sql: str, type: str, value: Any, shop: AnalystsShop
) -> None:
    response = shop.ask(f"select {sql} as x").json

    assert (response["columns"], response["rows"]) == ([{"name": "x", "type": type}], [[value]])


def test_what_is_asked_in_the_address_is_answered_alike(shop: AnalystsShop) -> None:
    by_get = shop.get("/api/analytics/query?query=select+id+from+orders+order+by+1&max_rows=2").json
    by_post = shop.ask("select id from orders order by 1", max_rows=2).json

    assert by_get.pop("duration_ms") > 0
    assert by_post.pop("duration_ms") > 0
    assert by_get == by_post
    assert (by_get["rows"], by_get["truncated"]) == ([[1], [2]], True)


def test_a_refusal_points_at_what_brought_the_query(shop: AnalystsShop) -> None:
    by_post = shop.ask("select nothing from orders")
    by_get = shop.get("/api/analytics/query?query=select+nothing+from+orders")

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
    assert "there is no column nothing; there are id, user_id" in by_post.json["detail"]
    assert "line 1, column 8" in by_get.json["detail"]


@pytest.mark.parametrize(
    ("body", "faults"),
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
def test_a_body_that_is_not_acceptable_says_why(body: Any, faults: Any, shop: AnalystsShop) -> None:
    assert shop.post("/api/analytics/query", body).errors == faults


def test_no_more_rows_come_than_were_asked_for(shop: AnalystsShop) -> None:
    every = shop.ask("select id from orders order by id")
    exact = shop.ask("select id from orders order by id", max_rows=240)
    fewer = shop.ask("select id from orders order by id", max_rows=239)

    assert [a.json["truncated"] for a in (every, exact, fewer)] == [False, False, True]
    assert fewer.json["rows"] == every.json["rows"][:239]


def test_no_more_bytes_come_than_may_be_answered(shop: AnalystsShop) -> None:
    wide = f"select id, '{'x' * 9_000}' as x from orders order by id"

    response = shop.ask(wide)

    assert response.status == 200
    assert 1_500_000 < len(response.text) < 2_600_000
    assert response.json["truncated"]
    assert [row[0] for row in response.json["rows"]] == list(
        range(1, response.json["row_count"] + 1)
    )


def test_a_row_that_is_too_large_alone_is_refused(shop: AnalystsShop) -> None:
    response = shop.ask(f"select string_agg('{'x' * 300}', ',') from orders o, products p")

    assert (response.status, response.errors) == (422, {"/query": "invalid"})
    assert "its first row is too large" in response.json["detail"]


def test_nulls_and_marks_do_not_make_the_answer_larger_than_it_may_be(shop: AnalystsShop) -> None:
    """What is one byte in PostgreSQL may be several in JSON."""
    nulls = ", ".join(["null"] * 190)

    response = shop.ask(f"select {nulls} from orders, users, categories", max_rows=10_000)

    assert response.json["truncated"]
    assert len(response.text) < 2_600_000


def test_too_expensive_says_what_it_would_cost(shop: AnalystsShop) -> None:
    response = shop.ask(EXPENSIVE)

    assert (response.status, response.code) == (400, "query_too_expensive")
    assert response.json["cost"] > response.json["max_cost"] == 250_000


def test_the_limit_is_the_deployments(shop: AnalystsShop) -> None:
    with adhoc_sql(max_cost=5.0):
        assert shop.ask("select count(*) from orders").json["max_cost"] == 5
        assert shop.ask("select 1").status == 200


def test_a_query_that_runs_past_its_time_is_too_expensive_too_and_ended(shop: AnalystsShop) -> None:
    """Not 504: the time was the query's own, and the same one will not have more."""
    with adhoc_sql(max_cost=1e12, timeout=0.5):  # EXPLAIN has as long
        response = shop.ask(EXPENSIVE)

        assert (response.status, response.code) == (400, "query_too_expensive")
        assert response.json["cost"] > 1_000_000
        assert response.json["detail"] == "It took longer than the 0.5 s that it may"
        assert shop.running() == []
        assert shop.ask("select 1").status == 200


def test_it_takes_a_scope_of_its_own(shop: AnalystsShop) -> None:
    asked = (
        shop.get("/api/analytics/query?query=select+1", x_api_key="local-reader"),
        shop.post("/api/analytics/query", {"query": "select 1"}, x_api_key="local-reader"),
    )

    for response in asked:
        assert (response.status, response.code) == (403, "insufficient_scope")
        assert "analytics:query" in response.json["detail"]


def test_without_a_role_for_it_there_is_no_such_thing(shop: AnalystsShop) -> None:
    before = runtime.current()
    without = runtime.build(replace(before.settings, adhoc_sql=None))
    runtime.set_current(without)

    response, reports = shop.ask("select 1"), shop.get("/api/analytics/popular-products")
    runtime.set_current(before)
    without.database.dispose()

    assert (response.status, response.code) == (404, "not_found")
    assert reports.status == 200


def test_one_connection_serves_one_query_after_another(shop: AnalystsShop) -> None:
    def pids() -> list[list[Any]]:
        return shop.sql(
            "SELECT pid FROM pg_stat_activity WHERE usename = 'sluice_analyst' AND datname = current_database()"
        )

    shop.ask("select 1")
    first = pids()
    shop.ask("select 2")

    assert len(first) == 1
    assert pids() == first


def test_a_connection_that_was_cut_is_replaced(shop: AnalystsShop) -> None:
    shop.ask("select 1")
    shop.sql(
        "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity "
        "WHERE usename = 'sluice_analyst' AND datname = current_database()"
    )

    assert shop.ask("select 1").json["rows"] == [[1]]


def test_settings_give_the_role_its_own_small_pool() -> None:
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

"""The requests and statements that the console keeps, and the limits of their memory."""

import json

from local.console.request_log import MAX_REQUESTS, RequestLog, detail, summary
from local.console.statement_totals import MAX_TEXTS, StatementTotals
from local.gateway import AccessRecord
from local.invocation_trace import (
    MAX_LOG_BYTES,
    MAX_STATEMENTS,
    InvocationTrace,
    TracedStatement,
)


def traced(sql: str = "SELECT 1", seconds: float = 0.001, **more: object) -> TracedStatement:
    values = {"params": (), "round_trips": 1, "rows": 1, "user": "app", "tenant": None, "error": ""}
    return TracedStatement(sql=sql, seconds=seconds, **{**values, **more})  # type: ignore[arg-type]


def access(number: int, path: str = "/api/x", *lines: str) -> AccessRecord:
    trace = InvocationTrace()
    for line in lines:
        trace.add_line(line)
    route = f"ANY {path}"
    return AccessRecord("GET", path, 200, 0.1, route=route, request_id=f"r{number}", trace=trace)


def test_newest_requests_of_a_route_come_first() -> None:
    log = RequestLog()
    for number in range(5):
        log.record(access(number, f"/api/{number % 2}"), number)
    assert [each.access.request_id for each in log.newest("GET /api/0", 2)] == ["r4", "r2"]
    assert [each.access.request_id for each in log.newest("", 10)] == ["r4", "r3", "r2", "r1", "r0"]
    assert list(log.newest("GET /api/none", 10)) == []


def test_each_route_keeps_a_limited_number_of_requests() -> None:
    log = RequestLog()
    log.record(access(0, "/api/rare"), 0)
    for number in range(1, MAX_REQUESTS + 11):
        log.record(access(number), number)
    assert len(list(log.newest("GET /api/x", 1000))) == MAX_REQUESTS
    assert log.find("r10") is None
    assert log.find("r11") is not None
    assert log.find("r0") is not None


def test_memory_of_all_requests_is_limited() -> None:
    log = RequestLog(max_bytes=1_000_000)
    for number in range(1000):
        log.record(access(number, f"/api/{number}", "x" * 10_000), number)
    kept = list(log.newest("", 1000))
    assert 50 < len(kept) <= 1_000_000 // 10_000
    assert kept[0].access.request_id == "r999"
    assert sum(len(line) for each in kept for line in each.trace.lines) < 1_000_000


def test_request_has_client_and_tenant_of_its_access_line() -> None:
    line = {"request_id": "r1", "client_id": "ada", "tenant": "7", "duration_ms": 3.0, "db_ms": 2.5}
    log = RequestLog()
    log.record(access(1, "/api/x", "other", json.dumps({**line, "request_id": "r0"})), 5)
    log.record(access(2, "/api/x", "{broken", json.dumps({**line, "request_id": "r2"})), 5)
    first, second = log.find("r1"), log.find("r2")
    assert first is not None
    assert second is not None
    assert summary(first)["client"] is None
    shown = summary(second)
    assert (shown["client"], shown["tenant"], shown["database_seconds"]) == ("ada", "7", 0.0025)
    assert detail(second)["log"] == second.trace.lines


def test_trace_counts_what_does_not_fit() -> None:
    trace = InvocationTrace()
    for _ in range(10):
        trace.add_line("x" * (MAX_LOG_BYTES // 4))
    for _ in range(MAX_STATEMENTS + 3):
        trace.add_statement(traced())
    assert (len(trace.lines), trace.dropped_lines) == (4, 6)
    assert (len(trace.statements), trace.dropped_statements) == (MAX_STATEMENTS, 3)


def test_broken_line_of_a_trace_is_ignored() -> None:
    for line in (b"", b"{", b"[]", b"{}", b'{"sql": "SELECT 1", "params": []}', b"\xff"):
        assert TracedStatement.from_line(line) is None


def test_statements_are_summed_by_text() -> None:
    totals = StatementTotals()
    totals.record("GET /a", [traced("A", 0.2, rows=3), traced("B", 0.1), traced("A", 0.4)])
    totals.record("GET /b", [traced("A", 0.3, error="57014")])
    first, second = totals.rows()
    assert (first["sql"], first["calls"], first["errors"], first["rows"]) == ("A", 3, 1, 5)
    assert (first["routes"], second["routes"]) == (["GET /a", "GET /b"], ["GET /a"])
    slowest = totals.find("A")
    assert slowest is not None
    assert slowest.seconds == first["max"] == 0.4


def test_number_of_summed_texts_is_limited() -> None:
    totals = StatementTotals()
    totals.record("GET /a", [traced("slow", 10.0)])
    totals.record("GET /a", [traced(f"S{number}") for number in range(2 * MAX_TEXTS)])
    assert len(totals.rows()) == MAX_TEXTS
    assert (totals.rows()[0]["sql"], totals.dropped) == ("slow", MAX_TEXTS + 1)

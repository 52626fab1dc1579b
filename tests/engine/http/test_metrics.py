"""Metrics that an execution environment prints in CloudWatch's embedded metric format."""

import json
import logging
from typing import Any

import pytest

from sluice import runtime
from sluice.db.breaker import OPEN_SECONDS, CircuitBreaker
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.errors import DatabaseUnavailable
from sluice.http.environment import environment
from sluice.http.metrics import URGENT_INTERVAL, MetricsEmitter
from sluice.http.request import Request
from sluice.http.response import Response
from sluice.http.router import Api
from sluice.settings import METRICS_INTERVAL as EVERY
from tests.fixtures.client import ADMIN, http_event, lambda_context
from tests.fixtures.sample import Library

Capture = pytest.CaptureFixture[str]


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def parse_metrics(printed: str) -> list[dict[str, float]]:
    """Return the metrics of each line. Check the namespace and dimension of the alarms."""
    lines = []
    for line in printed.splitlines():
        document: dict[str, Any] = json.loads(line)
        if "_aws" not in document:  # an access log line
            continue
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert (directive["Namespace"], directive["Dimensions"]) == ("Sluice", [["service"]])
        lines.append(
            {metric["Name"]: document[metric["Name"]][0] for metric in directive["Metrics"]}
        )
    return lines


def test_metrics_are_written_once_a_minute(library: Library, capsys: Capture) -> None:
    clock = Clock()
    current = runtime.current()
    emitter = MetricsEmitter(clock=clock)
    for seconds in (0, 1, EVERY - 2, 1, 1, EVERY - 2):
        clock.now += seconds
        emitter.emit(current)
    lines = parse_metrics(capsys.readouterr().out)
    assert len(lines) == 2
    pool = ("size", "checked_in", "checked_out", "overflow", "invalid", "use")
    assert set(lines[0]) == {
        *(f"pool_{name}" for name in pool),
        "breaker_open",
        "limiter_failures",
    }


def test_interval_is_configurable(library: Library, capsys: Capture) -> None:
    clock = Clock()
    current = runtime.current()
    frequent = runtime.Runtime(current.settings._replace(metrics_interval=0.5), current.database)
    emitter = MetricsEmitter(clock=clock)
    for _ in range(5):
        emitter.emit(frequent)
        clock.now += 0.25
    assert len(parse_metrics(capsys.readouterr().out)) == 3


def test_circuit_change_is_written_at_once(library: Library, capsys: Capture) -> None:
    clock = Clock()
    current = runtime.current()
    emitter = MetricsEmitter(clock=clock)
    breaker = CircuitBreaker(clock=clock)
    pool = make_pool(current.settings.database, "function")
    unreachable = runtime.Runtime(current.settings, Database(pool, breaker))

    def rejected() -> None:
        raise ConnectionRefusedError

    emitter.emit(unreachable)
    with pytest.raises(ConnectionRefusedError):
        breaker.connect(rejected)
    for _ in range(2):
        emitter.emit(unreachable)
    clock.now += OPEN_SECONDS / 2
    emitter.emit(unreachable)
    clock.now += OPEN_SECONDS / 2
    breaker.connect(lambda: None)
    emitter.emit(unreachable)
    assert [line["breaker_open"] for line in parse_metrics(capsys.readouterr().out)] == [0, 1, 0]


def test_errors_are_written_within_a_second(library: Library, capsys: Capture) -> None:
    clock = Clock()
    current = runtime.current()
    emitter = MetricsEmitter(clock=clock)
    emitter.emit(current)
    for _ in range(3):
        emitter.count_error(503, "circuit_open")
        emitter.count_error(429, "rate_limited")
        emitter.count_error(404, "not_found")
        emitter.count_stale_response()
        emitter.emit(current)
    clock.now += URGENT_INTERVAL
    emitter.emit(current)
    emitter.emit(current)
    first, second = parse_metrics(capsys.readouterr().out)
    assert "circuit_open" not in first
    counts = {"circuit_open": 3, "rate_limited": 3, "not_found": None, "stale_responses": 3}
    assert {name: second.get(name) for name in counts} == counts


def test_internal_errors_are_counted_per_version(library: Library, capsys: Capture) -> None:
    """The canary alarms of template.yaml use this metric. `$LATEST` is never deployed."""
    current = runtime.current()
    for version, expected in (
        ("$LATEST", []),
        ("7", [["executed_version", "function_name", "service"]]),
    ):
        settings = current.settings._replace(function="sluice-ReadersFunction-1", version=version)
        emitter = MetricsEmitter(clock=Clock())
        emitter.count_error(500, "internal_error")
        emitter.count_error(503, "circuit_open")
        emitter.emit(runtime.Runtime(settings, current.database))
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        of_version = [line for line in lines if "executed_version" in line]
        dimensions = [
            sorted(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]) for line in of_version
        ]
        assert dimensions == expected
        for line in of_version:
            assert line["function_name"] == "sluice-ReadersFunction-1"
            assert line["executed_version"] == "7"
            assert line["internal_error"] == [1]
            assert "circuit_open" not in line


def test_rate_limited_requests_are_not_urgent(library: Library, capsys: Capture) -> None:
    clock = Clock()
    current = runtime.current()
    emitter = MetricsEmitter(clock=clock)
    emitter.emit(current)
    emitter.count_error(429, "rate_limited")
    clock.now += URGENT_INTERVAL
    emitter.emit(current)
    assert len(parse_metrics(capsys.readouterr().out)) == 1


def test_peak_pool_use_is_reported_and_logged(
    library: Library, capsys: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    current = runtime.current()
    emitter = MetricsEmitter(clock=clock)
    current.database.pool.take_peak()
    with current.database.transaction(), current.database.transaction():
        pass
    emitter.emit(current)
    clock.now += EVERY
    emitter.emit(current)
    busy, idle = parse_metrics(capsys.readouterr().out)
    peak = [busy[f"pool_{name}"] for name in ("size", "checked_out", "overflow", "use")]
    assert peak == [1, 2, 1, 100]
    assert [idle[f"pool_{name}"] for name in ("checked_out", "overflow", "use")] == [0, 0, 0]
    records = [record for record in caplog.records if record.levelno == logging.WARNING]
    warnings = [record.getMessage() for record in records]
    assert warnings == ["2 of 2 connections are in use; the pool keeps 1"]


def runtime_without_dynamodb() -> runtime.Runtime:
    current = runtime.current()
    aws = current.settings.aws._replace(dynamodb_endpoint="http://127.0.0.1:1")
    return runtime.Runtime(current.settings._replace(aws=aws), current.database)


def test_request_without_a_known_client_is_counted(library: Library, capsys: Capture) -> None:
    runtime.set_current(runtime_without_dynamodb())
    environment.reset()  # so that no line was written a moment ago

    assert library.get("/api/books").code == "identity_unavailable"

    (line,) = parse_metrics(capsys.readouterr().out)
    assert line["identity_unavailable"] == 1


def test_failed_request_is_counted_by_code(library: Library, capsys: Capture) -> None:
    authenticator = runtime.current().admission.authenticator
    unreachable = runtime_without_dynamodb()
    api = Api(runtime=lambda: unreachable, scope="readers")
    # Authentication works, the limiter fails.
    unreachable.admission.authenticator = authenticator

    @api.get("/api/readers", response={})
    def list_readers(request: Request) -> Response:
        raise DatabaseUnavailable

    environment.reset()  # so that no line was written a moment ago
    api(http_event("GET", "/api/readers", None, None, ADMIN), lambda_context())

    (line,) = parse_metrics(capsys.readouterr().out)
    assert (line["database_unavailable"], line["limiter_failures"]) == (1, 1)

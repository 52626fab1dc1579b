"""Metrics that an execution environment prints in CloudWatch's embedded metric format."""

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import Response

from sluice import runtime
from sluice.db.breaker import OPEN_SECONDS, CircuitBreaker
from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.errors import DatabaseUnavailable
from sluice.http.metrics import URGENT_INTERVAL, MetricsEmitter
from sluice.http.request import Request
from sluice.http.router import Api
from sluice.limits.window import Policy
from sluice.settings import METRICS_INTERVAL as EVERY
from tests.fixtures.shop import ADMIN, Shop, http_event, lambda_context

Capture = pytest.CaptureFixture[str]


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def parse_metrics(printed: str) -> list[dict[str, float]]:
    """Return the metrics of each line, and check the namespace and dimension that the alarms use."""
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


def test_metrics_are_written_once_a_minute(shop: Shop, capsys: Capture) -> None:
    clock = Clock()
    telemetry, here = MetricsEmitter(clock=clock), runtime.current()
    for seconds in (0, 1, EVERY - 2, 1, 1, EVERY - 2):
        clock.now += seconds
        telemetry.emit(here)
    told = parse_metrics(capsys.readouterr().out)
    assert len(told) == 2
    assert set(told[0]) == {
        *(
            f"pool_{name}"
            for name in ("size", "checked_in", "checked_out", "overflow", "invalid", "use")
        ),
        "breaker_open",
        "limiter_failures",
    }


def test_interval_is_configurable(shop: Shop, capsys: Capture) -> None:
    clock, here = Clock(), runtime.current()
    hasty = runtime.Runtime(replace(here.settings, metrics_interval=0.5), here.database)
    telemetry = MetricsEmitter(clock=clock)
    for _ in range(5):
        telemetry.emit(hasty)
        clock.now += 0.25
    assert len(parse_metrics(capsys.readouterr().out)) == 3


def test_circuit_change_is_written_at_once(shop: Shop, capsys: Capture) -> None:
    here, clock = runtime.current(), Clock()
    telemetry, breaker = MetricsEmitter(clock=clock), CircuitBreaker(clock=clock)
    nowhere = runtime.Runtime(
        here.settings, Database(make_engine(here.settings.database, "function"), breaker)
    )

    def rejected() -> None:
        raise ConnectionRefusedError

    telemetry.emit(nowhere)
    with pytest.raises(ConnectionRefusedError):
        breaker.connect(rejected)
    for _ in range(2):
        telemetry.emit(nowhere)
    clock.now += OPEN_SECONDS / 2
    telemetry.emit(nowhere)
    clock.now += OPEN_SECONDS / 2
    breaker.connect(lambda: None)
    telemetry.emit(nowhere)
    assert [line["breaker_open"] for line in parse_metrics(capsys.readouterr().out)] == [0, 1, 0]


def test_errors_are_written_within_a_second(shop: Shop, capsys: Capture) -> None:
    clock = Clock()
    telemetry, here = MetricsEmitter(clock=clock), runtime.current()
    telemetry.emit(here)
    for _ in range(3):
        telemetry.failed(503, "circuit_open")
        telemetry.failed(429, "rate_limited")
        telemetry.failed(404, "not_found")
        telemetry.count_stale_response()
        telemetry.emit(here)
    clock.now += URGENT_INTERVAL
    telemetry.emit(here)
    telemetry.emit(here)
    first, second = parse_metrics(capsys.readouterr().out)
    assert "circuit_open" not in first
    assert {name: second.get(name) for name in ("circuit_open", "rate_limited", "not_found", "stale_answers")} == {
        "circuit_open": 3, "rate_limited": 3, "not_found": None, "stale_answers": 3
    }  # fmt: skip


def test_internal_errors_are_counted_per_version(shop: Shop, capsys: Capture) -> None:
    """The canary alarms of template.yaml use it. `$LATEST` is not part of any deployment."""
    here = runtime.current()
    for version, expected in (
        ("$LATEST", []),
        ("7", [["executed_version", "function_name", "service"]]),
    ):
        settings = replace(here.settings, function="sluice-OrdersFunction-1", version=version)
        telemetry = MetricsEmitter(clock=Clock())
        telemetry.failed(500, "internal_error")
        telemetry.failed(503, "circuit_open")
        telemetry.emit(runtime.Runtime(settings, here.database))
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        of_version = [line for line in lines if "executed_version" in line]
        dimensions = [
            sorted(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]) for line in of_version
        ]
        assert dimensions == expected
        for line in of_version:
            assert (line["function_name"], line["executed_version"]) == (
                "sluice-OrdersFunction-1",
                "7",
            )
            assert line["internal_error"] == [1]
            assert "circuit_open" not in line


def test_rate_limited_requests_are_not_urgent(shop: Shop, capsys: Capture) -> None:
    clock = Clock()
    telemetry, here = MetricsEmitter(clock=clock), runtime.current()
    telemetry.emit(here)
    telemetry.failed(429, "rate_limited")
    clock.now += URGENT_INTERVAL
    telemetry.emit(here)
    assert len(parse_metrics(capsys.readouterr().out)) == 1


def test_peak_pool_use_is_reported_and_logged(
    shop: Shop, capsys: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    here, clock = runtime.current(), Clock()
    telemetry = MetricsEmitter(clock=clock)
    here.database.take_peak()
    with here.database.transaction(), here.database.transaction():
        pass
    telemetry.emit(here)
    clock.now += EVERY
    telemetry.emit(here)
    busy, idle = parse_metrics(capsys.readouterr().out)
    assert [busy[f"pool_{name}"] for name in ("size", "checked_out", "overflow", "use")] == [
        1,
        2,
        1,
        100,
    ]
    assert [idle[f"pool_{name}"] for name in ("checked_out", "overflow", "use")] == [0, 0, 0]
    warnings = [
        record.getMessage() for record in caplog.records if record.levelno == logging.WARNING
    ]
    assert warnings == ["2 of 2 connections are in use; the pool keeps 1"]


def test_failed_request_is_counted_by_code(shop: Shop, capsys: Capture) -> None:
    here = runtime.current()
    aws = replace(here.settings.aws, dynamodb_endpoint="http://127.0.0.1:1")
    nowhere = runtime.Runtime(replace(here.settings, aws=aws), here.database)
    api = Api(runtime=lambda: nowhere, scope="orders")
    nowhere.admit = here.admit  # type: ignore[method-assign]  # authentication works, the limiter fails

    @api.get("/api/orders", response={})
    def list_orders(request: Request) -> Response[str]:
        nowhere.limiter.hit("somebody", Policy(1, 60))
        raise DatabaseUnavailable

    api(http_event("GET", "/api/orders", None, None, ADMIN), lambda_context())

    (told,) = parse_metrics(capsys.readouterr().out)
    assert (told["database_unavailable"], told["limiter_failures"]) == (1, 1)

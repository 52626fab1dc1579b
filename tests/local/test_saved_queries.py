"""The saved queries of template.yaml, run on log lines that functions really write."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pg8000.native
import pytest

from sluice.settings import DatabaseSettings
from testing.local_system import LocalSystem, temporary_system
from tests.fixtures.logs_insights import fields_read, matching_lines, parse_line
from tests.fixtures.template import source_template
from tests.fixtures.waiting import asynchronous, wait_until
from tests.local.conftest import PoolOpener

ROOT = Path(__file__).parents[2]
ACCESS_VARIABLES = {  # of an HTTP API's access log, as AWS documents them
    "requestTime",
    "requestId",
    "httpMethod",
    "path",
    "routeKey",
    "status",
    "responseLength",
    "responseLatency",
    "integrationLatency",
    "integrationErrorMessage",
    "integration.requestId",
    "integration.status",
    "authorizer.error",
    "error.message",
    "identity.sourceIp",
    "identity.userAgent",
}
RESOURCES: dict[str, Any] = source_template()["Resources"]
QUERIES = {
    name: resource["Properties"]["QueryString"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Logs::QueryDefinition"
}
FAULTY = """
    import logging, os
    def handler(event, context):
        if event == "raise": raise KeyError("canary")
        if event == "exit": os._exit(3)
        if event == "log":
            try: 1 / 0
            except ZeroDivisionError: logging.getLogger("sluice").exception("unexpected error")
        while event == "sleep": pass
        print("a line of print")
"""


@pytest.fixture(scope="module")
def function_log() -> Iterator[list[str]]:
    """The id of a request that failed because a column is missing, and the functions' log lines."""
    with temporary_system() as system:
        system.start()
        assert system.request("/api/products")[0] == 200
        assert system.request("/api/categories", {"name": ""})[0] == 422
        owner = DatabaseSettings.from_url(system.local_json["database_url"])
        with closing(
            pg8000.native.Connection(
                owner.user,
                host=owner.host,
                port=owner.port,
                database=owner.name,
                password=owner.password,
            )
        ) as connection:
            connection.run("ALTER TABLE products RENAME COLUMN description TO words")
        status, problem = system.request("/api/products")
        assert (status, problem["code"]) == (500, "internal_error")
        log = system.home / "state" / "functions.log"
        reported = f'"platform.report", "record": {{"requestId": "{problem["request_id"]}"'
        wait_until(lambda: reported in log.read_text(), "the failed request's report")
        yield [problem["request_id"], *lines_of(system)]


def lines_of(system: LocalSystem) -> list[str]:
    text = (system.home / "state" / "functions.log").read_text()
    return [line.partition(" ")[2] for line in text.splitlines()]


@pytest.fixture
def faulty_lines(open_pool: PoolOpener) -> list[str]:
    """Log lines of a function that raises, exits, logs an error and times out."""
    lines: list[str] = []

    @asynchronous
    async def run() -> None:
        async with open_pool(FAULTY, timeout=1.0, log_format="JSON") as (pool, written):
            for event in ("fine", "raise", "log", "exit", "sleep", "fine"):
                await pool.invoke(json.dumps(event).encode())
            lines.extend(written)

    run()
    return lines


def test_failures_query_finds_only_failures(faulty_lines: list[str]) -> None:
    failures = [parse_line(line) for line in matching_lines(QUERIES["FailuresQuery"], faulty_lines)]
    assert {"KeyError", "ZeroDivisionError"} <= {line.get("errorType") for line in failures}
    assert {"timeout", "failure", "error"} <= {line.get("record.status") for line in failures}
    assert any("Task timed out" in line["@message"] for line in failures)
    assert any("Runtime exited" in line["@message"] for line in failures)
    assert not any("a line of print" in line["@message"] for line in failures)
    assert not any(line.get("record.status") == "success" for line in failures)


def test_unexpected_error_has_all_fields(function_log: list[str]) -> None:
    request_id, *lines = function_log
    (error,) = (
        json.loads(line)
        for line in matching_lines(QUERIES["FailuresQuery"], lines)
        if '"message"' in line
    )
    assert (error["level"], error["requestId"], error["errorType"]) == (
        "ERROR",
        request_id,
        "InternalError",
    )
    assert error["message"].startswith("internal_error: ")
    assert any("resource_routes.py" in frame for frame in error["stackTrace"])


def test_one_request_query_finds_all_lines(function_log: list[str]) -> None:
    request_id, *lines = function_log
    query = QUERIES["OneRequestQuery"].replace("put the X-Request-Id of an answer here", request_id)
    of_it = [parse_line(line) for line in matching_lines(query, lines)]
    assert [line.get("type") for line in of_it if "type" in line] == [
        "platform.start",
        "platform.report",
    ]
    assert "InternalError" in {line.get("errorType") for line in of_it}
    assert 500 in {line.get("status") for line in of_it}


def test_slowest_and_cold_starts_queries(function_log: list[str]) -> None:
    reports = matching_lines(QUERIES["SlowestQuery"], function_log)
    assert len(reports) >= 3
    cold = matching_lines(QUERIES["ColdStartsQuery"], function_log)
    assert 0 < len(cold) < len(reports)


@pytest.mark.parametrize(
    "name", ["FailuresQuery", "SlowestQuery", "ColdStartsQuery", "OneRequestQuery"]
)
def test_query_fields_exist_in_log_lines(
    name: str, function_log: list[str], faulty_lines: list[str]
) -> None:
    written = {field for line in (*function_log, *faulty_lines) for field in parse_line(line)}
    restored = {"record.metrics.restoreDurationMs"}  # only SnapStart writes it
    assert fields_read(QUERIES[name]) - restored <= written


def access_line(**values: str) -> str:
    """Return an access log line as API Gateway writes it: a hyphen replaces a missing value."""
    line = RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Format"]
    variable = re.compile(r"\$context\.([A-Za-z.]*[A-Za-z])")
    assert set(variable.findall(line)) <= ACCESS_VARIABLES
    return variable.sub(lambda match: values.get(match[1], "-"), line)


def test_routes_query_counts_failures() -> None:
    lines = [
        access_line(status=status, routeKey="ANY /api/products")
        for status in ("200", "404", "500", "503")
    ]
    assert fields_read(QUERIES["RoutesQuery"]) <= set(parse_line(lines[0]))
    failed = 'fields strcontains(concat("s", status), "s5") as failed'
    assert QUERIES["RoutesQuery"].startswith(failed)
    assert len(matching_lines(f"{failed}\n| filter failed = 1", lines)) == 2


def test_access_log_has_function_request_id() -> None:
    line = json.loads(
        access_line(**{"integration.requestId": "of-the-function", "requestId": "of-the-gateway"})
    )
    assert (line["request_id"], line["gateway_request_id"]) == ("of-the-function", "of-the-gateway")
    assert {"Ref": "ApiAccessLogs"} in RESOURCES["OneRequestQuery"]["Properties"]["LogGroupNames"]

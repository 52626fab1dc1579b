"""Measure what each kind of request takes and logs, with the real handlers and a real PostgreSQL.

The times are the CPU of this machine, as the kernel counts it for each process, so that other load
disturbs them little. The handlers print their log lines; those of Lambda and of API Gateway are
rendered in their formats.
"""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from statistics import mean, median
from typing import Any, NamedTuple

from benchmarks import cold, graphql, scenarios
from benchmarks.contenders import ROOT, Contender, command
from benchmarks.database import BenchmarkDatabase, connect
from benchmarks.scenarios import Event
from benchmarks.studies.server_cpu import CLIENT, on_cpu
from benchmarks.warm import Worker
from local.intrinsics import load_template
from local.invocation_result import InvocationResult, platform_event, report_record

CALLS = 400
LOGGED_CALLS = 12
COLD_SAMPLES = 7
FUNCTIONS = {  # the event of a cold start
    "products": "ProductsFunction",
    "orders": "OrdersFunction",
    "graphql": "GraphqlFunction",
    "users": "UsersFunction",
    "analytics": "AnalyticsFunction",
}
# Bytes that CloudWatch adds to each event: "plus 26 bytes for each log event", in
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
EVENT_BYTES = 26
LAMBDA_ID = "8f507cfc-0000-4000-8000-ac58fc914c95"
VARIABLE = re.compile(r"\$context((?:\.\w+)+)")


class KindMeasurement(NamedTuple):
    """What one request of a kind takes in a warm environment, in ms of CPU, and logs, in bytes.

    `function_log` are the bytes that the function prints, `gateway_log` those of API Gateway's
    line. `events` counts the lines of both.
    """

    function: str
    handler: float
    server: float  # of the database's process
    round_trips: float
    function_log: float
    gateway_log: float
    events: float


class FunctionMeasurement(NamedTuple):
    """A cold start in ms of CPU, and the bytes of one line with metrics."""

    cold: float
    metrics_log: float


def kinds(products: int) -> dict[str, tuple[str, Sequence[Event]]]:
    """Return the function and the events of each kind of request."""
    catalogue = scenarios.scenarios(products)
    return {
        "GET one": ("products", catalogue["GET one"]),
        "list 20": ("products", catalogue["list 20"]),
        "list 100": ("products", catalogue["list 100"]),
        "POST order": ("orders", scenarios.orders(products)["POST order"]),
        "GraphQL, 100 products": ("graphql", [graphql.query_event(graphql.QUERY)]),
        "list of orders": ("orders", [scenarios.first("OrdersFunction")]),
        "list of users": ("users", [scenarios.first("UsersFunction")]),
        "sales of a month": ("analytics", [scenarios.first("AnalyticsFunction")]),
    }


def measure(
    database: BenchmarkDatabase, *, calls: int, cold_samples: int
) -> tuple[dict[str, KindMeasurement], dict[str, FunctionMeasurement]]:
    """Return the measurements of the kinds and of the functions, by name."""
    contenders = {name: Contender(name, f"functions.{name}.handler") for name in FUNCTIONS}
    starts = cold.measure(
        [(contenders[name], scenarios.first(FUNCTIONS[name])) for name in FUNCTIONS],
        database.url,
        cold_samples,
    )
    measured: dict[str, KindMeasurement] = {}
    functions: dict[str, FunctionMeasurement] = {}
    all_kinds = kinds(database.products)
    for name, contender in contenders.items():
        own = {kind: events for kind, (of, events) in all_kinds.items() if of == name}
        cpu = _cpu(contender, own, database, calls)
        logged = _logged(contender, own, database.url)
        metrics = [line for each in logged.values() for call in each for line in _metrics(call)]
        functions[name] = FunctionMeasurement(
            median(starts[name].cpu), mean(len(line.encode()) for line in metrics)
        )
        measured |= {
            kind: summary(name, cpu[kind], own[kind][0], each) for kind, each in logged.items()
        }
    return {kind: measured[kind] for kind in all_kinds}, functions


def _cpu(
    contender: Contender,
    own: Mapping[str, Sequence[Event]],
    database: BenchmarkDatabase,
    calls: int,
) -> dict[str, tuple[float, float]]:
    """Return the CPU of one call, in ms, of the handler's process and of the database's."""
    result = {}
    with (
        closing(connect(database.server.url())) as owner,
        Worker(contender, database.url) as worker,
    ):
        there = _backends(owner)
        for kind, events in own.items():
            worker.set_events(kind, events)
            worker.call(kind, calls // 4)  # warms up
            (pid,) = _backends(owner) - there
            handler, server = worker.cpu_ms(), on_cpu(pid)
            worker.call(kind, calls)
            result[kind] = (
                (worker.cpu_ms() - handler) / calls,
                (on_cpu(pid) - server) / calls,
            )
    return result


def _backends(owner: Any) -> set[int]:
    return {pid for (pid,) in owner.run(CLIENT)}


def _logged(
    contender: Contender, own: Mapping[str, Sequence[Event]], url: str
) -> dict[str, list[dict[str, Any]]]:
    """Call the handler in a process of its own, and return what it logs."""
    orders = {kind: {"events": events, "calls": LOGGED_CALLS} for kind, events in own.items()}
    process = subprocess.run(
        command("studies/one_environment", contender.module),
        cwd=ROOT, env=contender.environment(url), input=json.dumps(orders),
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    result: dict[str, list[dict[str, Any]]] = json.loads(process.stdout)
    return result


def summary(
    function: str, cpu: tuple[float, float], event: Event, calls: Sequence[dict[str, Any]]
) -> KindMeasurement:
    """Summarise a kind. The first call and lines with metrics, one a minute, do not count."""
    own = [[line for line in call["lines"] if line not in _metrics(call)] for call in calls[1:]]
    access = [json.loads(line) for lines in own for line in lines if '"round_trips"' in line]
    return KindMeasurement(
        function,
        *cpu,
        round_trips=mean(line["round_trips"] for line in access),
        function_log=mean(sum(len(line.encode()) for line in lines) for lines in own),
        gateway_log=mean(len(gateway_line(event, call["bytes"]).encode()) for call in calls),
        events=mean(len(lines) for lines in own) + 1,
    )


def _metrics(call: dict[str, Any]) -> list[str]:
    return [line for line in call["lines"] if '"CloudWatchMetrics"' in line]


def gateway_line(event: Event, response_bytes: int) -> str:
    """Return API Gateway's line of a request, in the format of template.yaml."""
    context = event["requestContext"]
    values = {
        ".requestTime": context["time"],
        ".integration.requestId": LAMBDA_ID,
        ".requestId": context["requestId"],
        ".httpMethod": context["http"]["method"],
        ".path": event["rawPath"],
        ".routeKey": event["routeKey"],
        ".status": "200",
        ".responseLength": str(response_bytes),
        ".responseLatency": "12",
        ".integrationLatency": "11",
        ".integration.status": "200",
        ".identity.sourceIp": context["http"]["sourceIp"],
        ".identity.userAgent": context["http"]["userAgent"],
    }
    empty = (".integrationErrorMessage", ".authorizer.error", ".error.message")
    values |= dict.fromkeys(empty, "-")
    api = load_template(ROOT / "template.yaml")["Resources"]["Api"]["Properties"]
    return VARIABLE.sub(lambda found: values[found[1]], api["AccessLogSettings"]["Format"])


def lambda_lines(*, is_cold: bool) -> list[str]:
    """Return the lines that Lambda writes itself: `platform.start` and `platform.report`.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html lists them
    for the format JSON and its level INFO.
    """
    result = InvocationResult(b"", duration=0.0123456, init=0.456789 if is_cold else None)
    report = report_record(LAMBDA_ID, result, memory=1024, max_memory_used=112)
    start = {"requestId": LAMBDA_ID, "version": "12"}
    return [platform_event("start", start), platform_event("report", report)]

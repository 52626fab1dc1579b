"""Serve /console/data: metrics, sandboxes and imports as JSON, for the page at /console.

The data has counts, times, names from the template, and the status of imports. It has no API key,
no address and no row. Of a request it has only the route, the status and the time.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from local.console.import_status import ImportStatus
from local.console.metrics import RETENTION_SECONDS, LastMetrics, Metrics, SecondCounts, Traffic
from local.http1 import HttpError, HttpRequest, HttpResponse
from local.pool import SandboxPool, SandboxStatus

PATH = "/console/data"
QUANTILES = (0.5, 0.95, 0.99)


class ConsoleApi:
    """Answers GET /console/data.

    `pools` has the pools by function name. `clock` returns Unix time; it must be the clock of
    `metrics`.
    """

    def __init__(
        self,
        metrics: Metrics,
        pools: Mapping[str, SandboxPool],
        progress: ImportStatus,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._metrics = metrics
        self._pools = pools
        self._import_status = progress
        self._clock = clock

    def page(self, request: HttpRequest) -> HttpResponse | None:
        """Return the document, or None for another path or method. Raise HttpError 400.

        Query parameters: `after`, the Unix time up to which the client has the data; `window`,
        the number of seconds over which routes are summed. The gateway has already rejected
        foreign hosts and pages.
        """
        path, _, query = request.target.partition("?")
        if path != PATH or request.method != "GET":
            return None
        parameters = parse_qs(query)
        after = _number(parameters, "after", 0)
        window = _number(parameters, "window", RETENTION_SECONDS)
        body = json.dumps(self._document(after, window), separators=(",", ":")).encode()
        return HttpResponse(
            200,
            [
                ("content-type", "application/json"),
                ("cache-control", "no-store"),
                ("vary", "Origin"),
            ],
            body,
        )

    def _document(self, after: int, window: int) -> dict[str, object]:
        imports, database = self._import_status.latest()
        routes, total = self._metrics.routes(window), Traffic()
        for traffic in routes.values():
            total.merge(traffic)
        return {
            "started": self._metrics.started,
            "now": self._clock(),
            "seconds": [
                {"at": at, **_second(second)} for at, second in self._metrics.seconds(after)
            ],
            "routes": [{"route": route, **_traffic(routes[route])} for route in sorted(routes)],
            "times": total.times.quantiles(*QUANTILES),
            "functions": [
                {
                    "name": name,
                    "waiting": pool.waiting,
                    "sandboxes": [self._sandbox(name, status) for status in pool.statuses()],
                }
                for name, pool in self._pools.items()
            ],
            "database": database,
            "imports": imports,
        }

    def _sandbox(self, function: str, status: SandboxStatus) -> dict[str, object]:
        last = self._metrics.last_metrics(function, status.number)
        metrics = None
        if last is not None:
            metrics = {"age": round(self._clock() - last.at, 1), **_last_metrics(last)}
        return {
            "number": status.number,
            "state": status.state,
            "invocations": status.invocations,
            "memory": status.memory,
            "metrics": metrics,
        }


def _second(second: SecondCounts) -> dict[str, object]:
    pools = [_last_metrics(last) for last in second.last_metrics.values()]
    return {
        **_traffic(second.traffic),
        "counted": second.counted,
        "pool": {
            name: sum(pool[name] for pool in pools)
            for name in ("checked_in", "checked_out", "overflow")
        },
    }


def _traffic(traffic: Traffic) -> dict[str, object]:
    """Return the counts, and the median, p95 and p99 in seconds."""
    return {
        "function": traffic.function,
        "statuses": traffic.statuses,
        "cold": traffic.cold,
        "times": traffic.times.quantiles(*QUANTILES),
    }


def _last_metrics(metrics: LastMetrics) -> dict[str, int]:
    return {
        "size": metrics.size,
        "checked_in": metrics.checked_in,
        "checked_out": metrics.checked_out,
        "overflow": metrics.overflow,
        "breaker_open": metrics.breaker_open,
    }


def _number(parameters: Mapping[str, list[str]], name: str, default: int) -> int:
    value = parameters.get(name, [str(default)])[0]
    if not re.fullmatch(r"\d{1,12}", value, re.ASCII):
        raise HttpError(400, f"{name} must be a whole number")
    return int(value)

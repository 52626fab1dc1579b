"""What does /console/data tell? Metrics, sandboxes and imports as one document, for the page at /console.

Counts, times and names that the template gives: no key, no address, no row, and nothing of a request but its route.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from local.http1 import HttpError, Request, Response
from local.import_status import Progress
from local.metrics import KEPT_SECONDS, Metrics, Second, Told, Traffic
from local.pool import Glimpse, SandboxPool

PATH = "/console/data"
SHARES = (0.5, 0.95, 0.99)


class Vitals:
    """`pools` by function name. `clock` tells seconds since the epoch, and is that of `metrics`."""

    def __init__(
        self,
        metrics: Metrics,
        pools: Mapping[str, SandboxPool],
        progress: Progress,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._metrics = metrics
        self._pools = pools
        self._progress = progress
        self._clock = clock

    def page(self, request: Request) -> Response | None:
        """None where something else is meant. HttpError 400. The gateway has refused strangers by then.

        `after`: seconds since the epoch of what is known already; `window`: over how many seconds routes are summed.
        """
        path, _, query = request.target.partition("?")
        if path != PATH or request.method != "GET":
            return None
        asked = parse_qs(query)
        after, window = (
            _number(asked, name, default)
            for name, default in (("after", 0), ("window", KEPT_SECONDS))
        )
        body = json.dumps(self._document(after, window), separators=(",", ":")).encode()
        return Response(
            200,
            [
                ("content-type", "application/json"),
                ("cache-control", "no-store"),
                ("vary", "Origin"),
            ],
            body,
        )

    def _document(self, after: int, window: int) -> dict[str, object]:
        imports, database = self._progress.latest()
        routes, together = self._metrics.routes(window), Traffic()
        for traffic in routes.values():
            together.merge(traffic)
        return {
            "started": self._metrics.started,
            "now": self._clock(),
            "seconds": [
                {"at": at, **_second(second)} for at, second in self._metrics.seconds(after)
            ],
            "routes": [{"route": route, **_traffic(routes[route])} for route in sorted(routes)],
            "times": together.times.quantiles(*SHARES),
            "functions": [
                {
                    "name": name,
                    "waiting": pool.waiting,
                    "sandboxes": [self._sandbox(name, glimpse) for glimpse in pool.glimpses()],
                }
                for name, pool in self._pools.items()
            ],
            "database": database,
            "imports": imports,
        }

    def _sandbox(self, function: str, glimpse: Glimpse) -> dict[str, object]:
        told = self._metrics.told(function, glimpse.number)
        return {
            "number": glimpse.number,
            "state": glimpse.state,
            "invocations": glimpse.invocations,
            "memory": glimpse.memory,
            "told": None
            if told is None
            else {"age": round(self._clock() - told.at, 1), **_told(told)},
        }


def _second(second: Second) -> dict[str, object]:
    pools = [_told(told) for told in second.told.values()]
    return {
        **_traffic(second.traffic),
        "counted": second.counted,
        "pool": {
            name: sum(pool[name] for pool in pools)
            for name in ("checked_in", "checked_out", "overflow")
        },
    }


def _traffic(traffic: Traffic) -> dict[str, object]:
    """Times in seconds: the median, p95 and p99."""
    return {
        "function": traffic.function,
        "statuses": traffic.statuses,
        "cold": traffic.cold,
        "times": traffic.times.quantiles(*SHARES),
    }


def _told(told: Told) -> dict[str, int]:
    return {
        "size": told.size,
        "checked_in": told.checked_in,
        "checked_out": told.checked_out,
        "overflow": told.overflow,
        "breaker_open": told.breaker_open,
    }


def _number(asked: Mapping[str, list[str]], name: str, default: int) -> int:
    value = asked.get(name, [str(default)])[0]
    if not re.fullmatch(r"\d{1,12}", value, re.ASCII):
        raise HttpError(400, f"{name} must be a whole number")
    return int(value)

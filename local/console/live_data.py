"""The live part of the console: metrics, sandboxes and imports, for the page's plots and tables.

It has counts, times, names from the template, and the status of imports. It has no API key, no
address and no row. Of a request it has only the route, the status and the time.
"""

import time
from collections.abc import Callable, Mapping

from local.console.import_status import ImportStatus
from local.console.metrics import LastMetrics, Metrics, SecondCounts, Traffic
from local.pool import SandboxPool, SandboxStatus

QUANTILES = (0.5, 0.95, 0.99)


class LiveData:
    """Makes the document of /console/data.

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

    def document(self, after: int, window: int) -> dict[str, object]:
        """Return the seconds after `after` (Unix time), and the routes of `window` seconds."""
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
            "cold_times": total.cold_times.quantiles(*QUANTILES),
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
    """Return the counts, and the median, p95 and p99 of warm and of cold requests in seconds."""
    return {
        "function": traffic.function,
        "statuses": traffic.statuses,
        "cold": traffic.cold,
        "times": traffic.times.quantiles(*QUANTILES),
        "cold_times": traffic.cold_times.quantiles(*QUANTILES),
    }


def _last_metrics(metrics: LastMetrics) -> dict[str, int]:
    return {
        "size": metrics.size,
        "checked_in": metrics.checked_in,
        "checked_out": metrics.checked_out,
        "overflow": metrics.overflow,
        "breaker_open": metrics.breaker_open,
    }

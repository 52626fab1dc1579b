"""What CloudWatch hears of an environment: a line of metrics a minute, and at once of what should not be.

In the embedded metric format: Lambda hands printed lines to CloudWatch, which reads the numbers out of them. Their
dimension is `service`, which a deployment sets to its stack's name; the alarms of template.yaml watch them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

if TYPE_CHECKING:
    from sluice.runtime import Runtime
    from sluice.settings import Settings

NAMESPACE = "Sluice"
URGENT_INTERVAL = (
    1.0  # seconds, while there is trouble: a line for each request would be trouble of its own
)
COUNTED = 429  # the least HTTP status of errors that are counted
TROUBLE = 500  # the least that is told of soon
INTERNAL_ERRORS = "internal_error"


class MetricsEmitter:
    """One environment's. Counters are what happened since the last line; a pool is as it was when it was fullest.

    While all is well there is a line every `metrics_interval` of the settings in which somebody asks.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._told_at = float("-inf")
        self._counts: Counter[str] = Counter()
        self._limiter_failures = 0
        self._trouble = False
        self._breaker_open = False

    def failed(self, status: int, code: str) -> None:
        """A request was answered with this error."""
        if status >= COUNTED:
            self._counts[code] += 1
        self._trouble |= status >= TROUBLE

    def count_stale_response(self) -> None:
        """A request was answered with what an earlier one was."""
        self._counts["stale_answers"] += 1

    def emit(self, shop: Runtime) -> None:
        """Print a line, if it is time, there is trouble, or the circuit has opened or closed."""
        new_failures = shop.limiter.failures - self._limiter_failures
        breaker_open = shop.database.breaker.state != "closed"
        now, pace = self._clock(), shop.settings.metrics_interval
        if self._trouble or new_failures:
            pace = min(pace, URGENT_INTERVAL)
        if 0 <= now - self._told_at < pace and breaker_open == self._breaker_open:
            return
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=shop.settings.service)
        for whose, database in shop.databases_by_metric_prefix().items():
            pool, used = database.take_peak()
            for name, value in asdict(pool).items():
                metrics.add_metric(f"{whose}pool_{name}", MetricUnit.Count, value)
            metrics.add_metric(f"{whose}pool_use", MetricUnit.Percent, used)
            metrics.add_metric(
                f"{whose}breaker_open", MetricUnit.Count, int(database.breaker.state != "closed")
            )
        metrics.add_metric("limiter_failures", MetricUnit.Count, new_failures)
        if shop.replica is not None:
            self._counts += shop.replica.take_counts()
        for name, number in self._counts.items():
            metrics.add_metric(name, MetricUnit.Count, number)
        metrics.flush_metrics()
        print_internal_errors(shop.settings, self._counts[INTERNAL_ERRORS])
        self._counts.clear()
        self._limiter_failures += new_failures
        self._told_at, self._trouble, self._breaker_open = now, False, breaker_open


def print_internal_errors(settings: Settings, number: int) -> None:
    """Print the number of internal errors of a published version as its own metric, by which a canary is judged.

    CloudWatch charges for each combination of dimensions, so a version without internal errors has no such metric.
    """
    if number and settings.version != "$LATEST":
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=settings.service)
        metrics.add_dimension("function_name", settings.function)
        metrics.add_dimension("executed_version", settings.version)
        metrics.add_metric(INTERNAL_ERRORS, MetricUnit.Count, number)
        metrics.flush_metrics()

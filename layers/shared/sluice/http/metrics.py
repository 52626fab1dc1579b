"""Metrics of one execution environment for CloudWatch, printed in the embedded metric format.

Lambda sends printed lines to CloudWatch, which reads the metrics from them. There is one line a
minute, and a line within a second of a failure. The dimension is `service`, which a deployment sets
to its stack's name. The alarms in template.yaml watch these metrics.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.runtime import Runtime
    from sluice.settings import Settings

NAMESPACE = "Sluice"
URGENT_INTERVAL = 1.0  # seconds between lines during failures, which could be many a second
MIN_COUNTED_STATUS = 429  # errors with a lower HTTP status are not counted
MIN_URGENT_STATUS = 500  # errors from this status on are reported within URGENT_INTERVAL
INTERNAL_ERRORS = "internal_error"


class MetricsEmitter:
    """Collects counts and prints them as metrics.

    Counts are those since the last line. Pool metrics are from the moment of the highest use since
    then. Without failures there is a line every `metrics_interval` of the settings, while the
    function receives requests. Safe to share between threads.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._emitted_at = float("-inf")
        self._counts: Counter[str] = Counter()
        self._limiter_failures = 0
        self._urgent = False
        self._breaker_open = False
        self._lock = threading.Lock()

    def count_error(self, status: int, code: str) -> None:
        """Count an error response."""
        if status < MIN_COUNTED_STATUS:
            return
        with self._lock:
            self._counts[code] += 1
            self._urgent |= status >= MIN_URGENT_STATUS

    def count_stale_response(self) -> None:
        """Count a response that came from the stale response cache."""
        with self._lock:
            self._counts["stale_responses"] += 1

    def emit(self, runtime: Runtime) -> None:
        """Print a line if it is due, after failures, or if the circuit breaker opened or closed."""
        due = self._take_due(runtime)
        if due is None:
            return
        from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

        counts, new_failures = due
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=runtime.settings.service)
        for prefix, database in runtime.databases_by_metric_prefix().items():
            pool, used = database.pool.take_peak()
            for name, value in pool._asdict().items():
                metrics.add_metric(f"{prefix}pool_{name}", MetricUnit.Count, value)
            metrics.add_metric(f"{prefix}pool_use", MetricUnit.Percent, used)
            metrics.add_metric(
                f"{prefix}breaker_open", MetricUnit.Count, int(database.breaker.state != "closed")
            )
        metrics.add_metric("limiter_failures", MetricUnit.Count, new_failures)
        if runtime.replica is not None:
            counts += runtime.replica.take_counts()
        for name, number in counts.items():
            metrics.add_metric(name, MetricUnit.Count, number)
        metrics.flush_metrics()
        print_internal_errors(runtime.settings, counts[INTERNAL_ERRORS])

    def _take_due(self, runtime: Runtime) -> tuple[Counter[str], int] | None:
        """Return the counts and the new failures of the limiter, or None if no line is due.

        The counts begin again, so that one thread prints them.
        """
        failures = runtime.admission.limiter.failures
        breaker_open = runtime.database.breaker.state != "closed"
        interval = runtime.settings.metrics_interval
        with self._lock:
            new_failures = failures - self._limiter_failures
            now = self._clock()
            if self._urgent or new_failures:
                interval = min(interval, URGENT_INTERVAL)
            is_due = not 0 <= now - self._emitted_at < interval
            if not is_due and breaker_open == self._breaker_open:
                return None
            counts, self._counts = self._counts, Counter()
            self._limiter_failures = failures
            self._emitted_at = now
            self._urgent = False
            self._breaker_open = breaker_open
        return counts, new_failures


def print_internal_errors(settings: Settings, number: int) -> None:
    """Print the number of internal errors of a published version as a metric of that version.

    The alarm that stops a canary deployment watches it. CloudWatch charges for each combination of
    dimensions, so a version without internal errors has no such metric.
    """
    if number and settings.version != "$LATEST":
        from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

        metrics = EphemeralMetrics(namespace=NAMESPACE, service=settings.service)
        metrics.add_dimension("function_name", settings.function)
        metrics.add_dimension("executed_version", settings.version)
        metrics.add_metric(INTERNAL_ERRORS, MetricUnit.Count, number)
        metrics.flush_metrics()

"""Count the requests and the metrics of the last ten minutes, for the console.

A deployment has the same sources: the gateway's access records, and the lines that functions print
in CloudWatch's embedded metric format (EMF). Counts are kept per second for the plots, and per ten
seconds for each route. Memory does not grow with the number of requests.
"""

import json
import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from local.console.ddsketch import DDSketch
from local.gateway import AccessRecord

T = TypeVar("T")
Key = tuple[str, int]  # a sandbox: the name of its function, and its number in the pool

RETENTION_SECONDS = 600
ROUTE_SECONDS = 10
MAX_SANDBOXES = 1_000  # with stored metrics; at most ten of each function run at a time
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# The metrics of the functions (docs/operations.md) that the console shows.
COUNTED_METRICS = (
    "rate_limited",
    "limiter_failures",
    "stale_responses",
    "circuit_open",
    "pool_exhausted",
    "identity_unavailable",
    "statement_timeout",
    "database_unavailable",
    "internal_error",
)


@dataclass(slots=True)
class Traffic:
    """The requests of one route or of all routes: statuses and times.

    `times` are those of warm requests, `cold_times` those of requests that started a sandbox.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    times: DDSketch = field(default_factory=DDSketch)
    cold_times: DDSketch = field(default_factory=DDSketch)
    cold: int = 0
    function: str | None = None

    def add(self, access: AccessRecord) -> None:
        self.statuses[access.status] += 1
        if access.init is None:
            self.times.add(access.duration)
        else:
            self.cold += 1
            self.cold_times.add(access.duration)
        self.function = access.function

    def merge(self, other: "Traffic") -> None:
        self.statuses.update(other.statuses)
        self.times.merge(other.times)
        self.cold_times.merge(other.cold_times)
        self.cold += other.cold
        self.function = other.function


@dataclass(frozen=True, slots=True)
class LastMetrics:
    """The last metrics that a sandbox wrote, and when (Unix time).

    The numbers of connections are the peaks since the sandbox's previous metrics.
    """

    at: float
    checked_in: int
    checked_out: int
    overflow: int
    size: int
    breaker_open: bool


@dataclass(slots=True)
class SecondCounts:
    """The counts of one second."""

    traffic: Traffic = field(default_factory=Traffic)
    counted: Counter[str] = field(default_factory=Counter)
    last_metrics: dict[Key, LastMetrics] = field(default_factory=dict)


class TimeBuckets(Generic[T]):
    """The last `length` intervals of `width` seconds, each with a value that `make` creates.

    Intervals in which nothing happened use no memory.
    """

    def __init__(self, length: int, width: int, make: Callable[[], T]) -> None:
        self._length = length
        self._width = width
        self._make = make
        self._slots: deque[tuple[int, T]] = deque()

    def at(self, now: float) -> T:
        """Return the value of the interval that contains `now`; drop intervals that are too old."""
        begin = int(now // self._width) * self._width
        while self._slots and self._slots[-1][0] > begin:  # the clock was set back
            self._slots.pop()
        if not self._slots or self._slots[-1][0] < begin:
            self._slots.append((begin, self._make()))
        while self._slots[0][0] <= begin - self._length * self._width:
            self._slots.popleft()
        return self._slots[-1][1]

    def between(self, after: float, until: float) -> Iterator[tuple[int, T]]:
        """Return the start and value of intervals that end after `after` and not after `until`."""
        return (
            (begin, slot) for begin, slot in self._slots if after < begin + self._width <= until
        )


class Metrics:
    """Counts of the last RETENTION_SECONDS. `clock` returns Unix time."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.started = clock()
        self._seconds: TimeBuckets[SecondCounts] = TimeBuckets(RETENTION_SECONDS, 1, SecondCounts)
        self._routes: TimeBuckets[dict[str, Traffic]] = TimeBuckets(
            RETENTION_SECONDS // ROUTE_SECONDS, ROUTE_SECONDS, dict
        )
        self._last_metrics: dict[Key, LastMetrics] = {}

    def now(self) -> float:
        """Return the time of this object's clock."""
        return self._clock()

    def record_access(self, access: AccessRecord) -> None:
        now = self._clock()
        self._seconds.at(now).traffic.add(access)
        self._routes.at(now).setdefault(route_label(access), Traffic()).add(access)

    def record_line(self, function: str, number: int, line: str) -> None:
        """Record the metrics in a line of a sandbox's log, if it has any."""
        # Metrics may follow other text: the runtime writes no line end after a traceback.
        begin = line.find('{"_aws":')
        values = parse_emf(line[begin:]) if begin >= 0 else None
        if values is None:
            return
        now, key = self._clock(), (function, number)
        second = self._seconds.at(now)
        second.counted.update(
            {name: int(values[name]) for name in COUNTED_METRICS if values.get(name)}
        )
        if "pool_size" in values:
            parts = {
                name: int(values.get(f"pool_{name}", 0))
                for name in ("checked_in", "checked_out", "overflow", "size")
            }
            second.last_metrics[key] = last_metrics = LastMetrics(
                now, **parts, breaker_open=bool(values.get("breaker_open"))
            )
            self._last_metrics.pop(key, None)
            self._last_metrics[key] = last_metrics
            if len(self._last_metrics) > MAX_SANDBOXES:
                oldest = next(iter(self._last_metrics))
                del self._last_metrics[oldest]

    def last_metrics(self, function: str, number: int) -> LastMetrics | None:
        return self._last_metrics.get((function, number))

    def seconds(self, after: float) -> Iterator[tuple[int, SecondCounts]]:
        """Return the finished seconds after `after` in which anything was counted."""
        now = self._clock()
        return self._seconds.between(max(after, now - RETENTION_SECONDS), now)

    def routes(self, window: float) -> Mapping[str, Traffic]:
        """Return the traffic of each route in the last `window` seconds.

        The window is rounded up to a multiple of ROUTE_SECONDS.
        """
        now = self._clock()
        total: dict[str, Traffic] = defaultdict(Traffic)
        for _, routes in self._routes.between(now - window, now + ROUTE_SECONDS):
            for label, traffic in routes.items():
                total[label].merge(traffic)
        return total


def parse_emf(line: str) -> dict[str, float] | None:
    """Return the sums of Sluice's metrics in a line of the embedded metric format, or None."""
    try:
        document = json.loads(line)
        metrics = [
            metric["Name"]
            for directive in document["_aws"]["CloudWatchMetrics"]
            if directive["Namespace"] == "Sluice"
            for metric in directive["Metrics"]
        ]
        values = {name: document[name] for name in metrics}
        sums = {
            name: float(sum(value) if isinstance(value, list) else value)
            for name, value in values.items()
        }
    # a function may print anything
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return sums if all(map(math.isfinite, sums.values())) else None


def route_label(access: AccessRecord) -> str:
    """Return the method and path from the template, so that clients cannot invent route names."""
    if access.route is None:
        return "no route"
    path = access.route.partition(" ")[2]
    method = access.method if access.method in METHODS else "…"
    return f"{method} {path}" if path else "any other path"

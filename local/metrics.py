"""What has the system done in the last ten minutes? From what a deployment tells too: accesses and lines of metrics.

The gateway's accesses say what clients saw; the lines that functions print for CloudWatch, in its embedded metric
format, what it was like inside. Counted by the second for plots, and by ten seconds for each route; what is older is
forgotten, and nothing grows with the number of requests.
"""

import json
import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from local.ddsketch import Sketch
from local.gateway import Access

T = TypeVar("T")
Key = tuple[str, int]  # a sandbox: its function, and its number there

KEPT_SECONDS = 600
ROUTE_SECONDS = 10
MOST_SANDBOXES = 1_000  # that are remembered; there are ten a function at most
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# What the functions count (docs/operations.md), as far as it is shown.
COUNTED = (
    "rate_limited", "limiter_failures", "stale_answers", "circuit_open", "pool_exhausted", "identity_unavailable",
    "statement_timeout", "database_unavailable", "internal_error",
)  # fmt: skip


@dataclass(slots=True)
class Traffic:
    """Of one route, or of all."""

    statuses: Counter[int] = field(default_factory=Counter)
    times: Sketch = field(default_factory=Sketch)
    cold: int = 0
    function: str | None = None

    def add(self, access: Access) -> None:
        self.statuses[access.status] += 1
        self.times.add(access.duration)
        self.cold += access.init is not None
        self.function = access.function

    def merge(self, other: "Traffic") -> None:
        self.statuses.update(other.statuses)
        self.times.merge(other.times)
        self.cold += other.cold
        self.function = other.function


@dataclass(frozen=True, slots=True)
class Told:
    """What a sandbox told last, and when: its connections at their fullest since it told before."""

    at: float
    checked_in: int
    checked_out: int
    overflow: int
    size: int
    breaker_open: bool


@dataclass(slots=True)
class Second:
    traffic: Traffic = field(default_factory=Traffic)
    counted: Counter[str] = field(default_factory=Counter)
    told: dict[Key, Told] = field(default_factory=dict)


class Ring(Generic[T]):
    """The last `length` slots of `width` seconds, by the time each begins; one in which nothing was takes no room."""

    def __init__(self, length: int, width: int, make: Callable[[], T]) -> None:
        self._length, self._width, self._make = length, width, make
        self._slots: deque[tuple[int, T]] = deque()

    def at(self, now: float) -> T:
        begin = int(now // self._width) * self._width
        while self._slots and self._slots[-1][0] > begin:  # the clock was set back
            self._slots.pop()
        if not self._slots or self._slots[-1][0] < begin:
            self._slots.append((begin, self._make()))
        while self._slots[0][0] <= begin - self._length * self._width:
            self._slots.popleft()
        return self._slots[-1][1]

    def between(self, after: float, until: float) -> Iterator[tuple[int, T]]:
        """Slots that end after the one, and no later than the other."""
        return (
            (begin, slot) for begin, slot in self._slots if after < begin + self._width <= until
        )


class Metrics:
    """`clock` tells seconds since the epoch."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.started = clock()
        self._seconds: Ring[Second] = Ring(KEPT_SECONDS, 1, Second)
        self._routes: Ring[dict[str, Traffic]] = Ring(
            KEPT_SECONDS // ROUTE_SECONDS, ROUTE_SECONDS, dict
        )
        self._told: dict[Key, Told] = {}

    def access(self, access: Access) -> None:
        now = self._clock()
        self._seconds.at(now).traffic.add(access)
        self._routes.at(now).setdefault(_label(access), Traffic()).add(access)

    def line(self, function: str, number: int, line: str) -> None:
        """A line of a sandbox's log; most are none of metrics."""
        # Not always at its beginning: the runtime ends a traceback with no line end where nobody takes it in frames.
        begin = line.find('{"_aws":')
        values = read(line[begin:]) if begin >= 0 else None
        if values is None:
            return
        now, key = self._clock(), (function, number)
        second = self._seconds.at(now)
        second.counted.update({name: int(values[name]) for name in COUNTED if values.get(name)})
        if "pool_size" in values:
            parts = {
                name: int(values.get(f"pool_{name}", 0))
                for name in ("checked_in", "checked_out", "overflow", "size")
            }
            second.told[key] = told = Told(
                now, **parts, breaker_open=bool(values.get("breaker_open"))
            )
            self._told.pop(key, None)
            self._told[key] = told
            if len(self._told) > MOST_SANDBOXES:
                del self._told[next(iter(self._told))]  # who has not told for longest

    def told(self, function: str, number: int) -> Told | None:
        return self._told.get((function, number))

    def seconds(self, after: float) -> Iterator[tuple[int, Second]]:
        """Every second since then that is over and had anything in it."""
        now = self._clock()
        return self._seconds.between(max(after, now - KEPT_SECONDS), now)

    def routes(self, window: float) -> Mapping[str, Traffic]:
        """The traffic of each route in so many seconds, and in up to ROUTE_SECONDS more."""
        now = self._clock()
        total: dict[str, Traffic] = defaultdict(Traffic)
        for _, routes in self._routes.between(now - window, now + ROUTE_SECONDS):
            for label, traffic in routes.items():
                total[label].merge(traffic)
        return total


def read(line: str) -> dict[str, float] | None:
    """The sums of Sluice's metrics in a line of the embedded metric format; None where it is none."""
    try:
        document = json.loads(line)
        metrics = [
            metric["Name"]
            for directive in document["_aws"]["CloudWatchMetrics"]
            if directive["Namespace"] == "Sluice"
            for metric in directive["Metrics"]
        ]
        values = {name: document[name] for name in metrics}
        read = {
            name: float(sum(value) if isinstance(value, list) else value)
            for name, value in values.items()
        }
    except (
        ValueError,
        KeyError,
        TypeError,
        OverflowError,
        RecursionError,
    ):  # a line may hold anything
        return None
    return read if all(map(math.isfinite, read.values())) else None


def _label(access: Access) -> str:
    """Method and path as the template has them: nothing that a client can make up."""
    if access.route is None:
        return "no route"
    path = access.route.partition(" ")[2]
    method = access.method if access.method in METHODS else "…"
    return f"{method} {path}" if path else "any other path"

"""Counts in this process alone: for when the shared ones cannot be reached, and for tests."""

from collections import OrderedDict
from threading import Lock

from sluice.limits.rate import IncrementResult

KEPT = 4_096  # windows


class MemoryCounterStore:
    """The same promises as DynamoCounts', among threads, for the `kept` windows last written to."""

    def __init__(self, max_windows: int = KEPT) -> None:
        self._kept = max_windows
        self._lock = Lock()
        self._counts: OrderedDict[tuple[str, int], int] = OrderedDict()

    def increment(
        self, key: str, window: int, *, amount: int, limit: int, expires_at: int
    ) -> IncrementResult:
        with self._lock:
            count = self._counts.get((key, window), 0)
            if count + amount > limit:
                return IncrementResult(False, count)
            self._counts[key, window] = count + amount
            self._counts.move_to_end((key, window))
            if len(self._counts) > self._kept:
                self._counts.popitem(last=False)
            return IncrementResult(True, count + amount)

    def count(self, key: str, window: int) -> int:
        with self._lock:
            return self._counts.get((key, window), 0)

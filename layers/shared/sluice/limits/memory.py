"""Counts in this process alone: for when the shared ones cannot be reached, and for tests."""

from collections import OrderedDict
from threading import Lock

from sluice.limits.rate import Taken

KEPT = 4_096  # windows


class MemoryCounts:
    """The same promises as DynamoCounts', among threads, for the `kept` windows last written to."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = Lock()
        self._counts: OrderedDict[tuple[str, int], int] = OrderedDict()

    def take(self, key: str, window: int, *, amount: int, most: int, expires_at: int) -> Taken:
        with self._lock:
            count = self._counts.get((key, window), 0)
            if count + amount > most:
                return Taken(False, count)
            self._counts[key, window] = count + amount
            self._counts.move_to_end((key, window))
            if len(self._counts) > self._kept:
                self._counts.popitem(last=False)
            return Taken(True, count + amount)

    def count(self, key: str, window: int) -> int:
        with self._lock:
            return self._counts.get((key, window), 0)

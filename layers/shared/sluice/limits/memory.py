"""A counter store in this process: the fallback if DynamoDB is unavailable, and for tests."""

from collections import OrderedDict
from threading import Lock

from sluice.limits.rate import IncrementResult

MAX_WINDOWS = 4_096


class MemoryCounterStore:
    """Counts as DynamoCounterStore does, but only the requests of this process. Thread-safe.

    Only the `max_windows` windows that were incremented last are kept.
    """

    def __init__(self, max_windows: int = MAX_WINDOWS) -> None:
        self._max_windows = max_windows
        self._lock = Lock()
        self._counts: OrderedDict[tuple[str, int], int] = OrderedDict()

    def increment(
        self, key: str, window: int, *, amount: int, limit: int, expires_at: int
    ) -> IncrementResult:
        """Add `amount` to the count, unless the sum would exceed `limit`."""
        with self._lock:
            count = self._counts.get((key, window), 0)
            if count + amount > limit:
                return IncrementResult(False, count)
            self._counts[key, window] = count + amount
            self._counts.move_to_end((key, window))
            if len(self._counts) > self._max_windows:
                self._counts.popitem(last=False)
            return IncrementResult(True, count + amount)

    def count(self, key: str, window: int) -> int:
        """Return the count of the window; 0 if it is unknown."""
        with self._lock:
            return self._counts.get((key, window), 0)

"""The deadline of the current request, in a context variable.

Lambda kills a function that runs out of time, and its client gets an error without a reason. So a
request ends a little earlier, and each wait (for a connection, a lock, a statement, the network) is
limited to the time remaining. Times come from the monotonic clock, which is safe here: Lambda
never freezes an execution environment during a request.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)

_MIN_WAIT = 0.001  # seconds


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Set a deadline for the block, in this context. An outer deadline that is earlier remains."""
    outer = _deadline.get()
    inner = time.monotonic() + seconds
    token = _deadline.set(inner if outer is None else min(inner, outer))
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining() -> float | None:
    """Return the seconds until the deadline, negative after it; None without a deadline."""
    deadline = _deadline.get()
    return None if deadline is None else deadline - time.monotonic()


def cap(seconds: float) -> float:
    """Return `seconds`, or the time remaining if that is less; at least 1 ms."""
    time_left = remaining()
    return seconds if time_left is None else max(_MIN_WAIT, min(seconds, time_left))

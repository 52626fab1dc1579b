"""How long may this request still take? Whatever waits, waits no longer.

Lambda ends a function whose time is up in the middle of what it does, and its caller gets an error that says nothing.
So a request has a little less, and what it waits for (a connection, a lock, a statement, the network) is told how much
is left. By the monotonic clock: an environment is never frozen within a request.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends: ContextVar[float | None] = ContextVar("ends", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is done inside, in this thread, has so many seconds, or fewer where there is a deadline already."""
    ends = time.monotonic() + seconds
    outer = _ends.get()
    token = _ends.set(ends if outer is None else min(ends, outer))
    try:
        yield
    finally:
        _ends.reset(token)


def remaining() -> float | None:
    """The seconds that are left, under 0 when time is up; None where there is no deadline."""
    ends = _ends.get()
    return None if ends is None else ends - time.monotonic()


def cap(seconds: float) -> float:
    """So many seconds, or what is left of the request's time where that is less; never under 1 ms."""
    time_left = remaining()
    return seconds if time_left is None else max(0.001, min(seconds, time_left))

"""The context of the current request: its deadline, its database use, and what its log line says.

It is a context variable, so that the database code needs no argument for it, and requests in
different threads do not share it. An SQS message also has one, without the HTTP request.

Lambda kills a function that runs out of time, and its client gets an error without a reason. So a
request ends a little earlier, and each wait (for a connection, a lock, a statement, the network) is
limited to the time remaining. Times come from the monotonic clock, which is safe here: Lambda
never freezes an execution environment during a request.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sluice.http.request import Request
    from sluice.limits.rate import Decision

_MIN_WAIT = 0.001  # seconds


class DatabaseUse:
    """Counts and times of the database use of a request.

    Stock pg8000 (db/driver/compat.py) reports only `connections_opened` and the time to connect.
    """

    def __init__(self) -> None:
        self.seconds = 0.0  # waiting for the server, including connecting
        self.round_trips = 0  # without those of connecting
        self.statements = 0  # without BEGIN, COMMIT, ROLLBACK, and settings of timeouts and tenant
        self.connections_opened = 0
        # The next three are for reads from a replica (db/replica.py).
        # What the replica must have replayed; "": nothing. None: use the primary.
        self.min_lsn: str | None = None
        self.commit_lsn = ""  # WAL position after the last transaction that wrote, or tried to
        self.served_by: Literal["", "replica", "primary"] = ""  # of the last routed read


class RequestContext:
    """What is known about a request, filled in while it is served.

    A plain class, as the two of a request are: a dataclass takes 1 ms to define.
    """

    def __init__(self, deadline: float | None = None, *, tenant: str = "") -> None:
        self.deadline = deadline  # by time.monotonic
        self.database = DatabaseUse()
        self.request: Request | None = None  # None for an SQS message; see http/request.py
        self.route = ""  # the path template, as in OpenAPI
        self.tenant = tenant  # the canonical text of the caller's tenant; empty: none
        self.code = ""  # of the first error
        self.uses_runtime = False  # True: the request needs credentials, which the runtime checks
        self.decision: Decision | None = None  # of the rate limiter; None: no client is known
        self.status = 0
        self.started_at = time.perf_counter()
        self.seconds = 0.0  # from `started_at` until the response


_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


@contextmanager
def begin(seconds: float) -> Iterator[RequestContext]:
    """Set a new context for the block, which must end in `seconds`.

    If there is a context already, and its deadline is earlier, that deadline remains.
    """
    outer = current().deadline
    inner = time.monotonic() + seconds
    context = RequestContext(inner if outer is None else min(inner, outer))
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def current() -> RequestContext:
    """Return the context of the current request, or a throw-away object outside of one."""
    return _current.get() or RequestContext()


def remaining() -> float | None:
    """Return the seconds until the deadline, negative after it; None without a deadline."""
    deadline = current().deadline
    return None if deadline is None else deadline - time.monotonic()


def cap(seconds: float) -> float:
    """Return `seconds`, or the time remaining if that is less; at least 1 ms."""
    time_left = remaining()
    return seconds if time_left is None else max(_MIN_WAIT, min(seconds, time_left))

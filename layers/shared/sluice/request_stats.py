"""Database statistics of the current request, for the access log and Server-Timing.

They are kept in a context variable, so that the database code needs no argument for them. Requests
in different threads do not share them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class RequestStats:
    """Counts and times of the database use of the current request.

    Stock pg8000 (driver/compat.py) reports only `connections_opened` and the time to connect.
    """

    db_seconds: float = 0.0  # waiting for the server, including connecting
    round_trips: int = 0  # without those of connecting
    statements: int = 0  # without BEGIN, COMMIT, ROLLBACK and the timeouts of a transaction
    connections_opened: int = 0
    # The next three are for reads from a replica (db/replica.py).
    min_lsn: str | None = None  # that the replica must have; "": no minimum; None: use the primary
    commit_lsn: str = ""  # WAL position after the last commit of this request
    served_by: Literal["", "replica", "primary"] = ""  # the server of the last routed read


_current: ContextVar[RequestStats | None] = ContextVar("request_stats", default=None)


@contextmanager
def collect() -> Iterator[RequestStats]:
    """Collect the statistics of all statements inside the block, in this context."""
    stats = RequestStats()
    token = _current.set(stats)
    try:
        yield stats
    finally:
        _current.reset(token)


def current() -> RequestStats:
    """Return the statistics of the current request, or a throw-away object outside of one."""
    return _current.get() or RequestStats()

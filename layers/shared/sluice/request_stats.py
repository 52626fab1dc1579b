"""What has this request taken of the database so far? Counted where it is spent, for the request's line in the log."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class RequestStats:
    """Of our own connections; those of stock pg8000 tell only that they were made, and how long that took."""

    db_seconds: float = 0.0  # waiting for the server, connecting included
    round_trips: int = 0  # but those of connecting
    statements: int = 0  # but BEGIN, COMMIT, ROLLBACK and a transaction's timeouts
    connections_opened: int = 0
    # Where there is a reader (db/replica.py): how far it must have come to be asked, None where it may not be; where
    # the primary's log was behind what was written; and which of the two was read.
    min_lsn: str | None = None
    commit_lsn: str = ""
    served_by: Literal["", "replica", "primary"] = ""


_counting: ContextVar[RequestStats | None] = ContextVar("counting", default=None)


@contextmanager
def collect() -> Iterator[RequestStats]:
    """What is done inside, in this thread, is added up."""
    spent = RequestStats()
    token = _counting.set(spent)
    try:
        yield spent
    finally:
        _counting.reset(token)


def current() -> RequestStats:
    """Where to add to. What nobody counts is forgotten."""
    return _counting.get() or RequestStats()

"""Reads from a replica, and from the primary where the replica is away, too far behind, or cannot tell how far it is.

Whoever wrote was told how far the primary's log had come (db/connection.py); who shows that position reads nothing
older. The reader is asked in the flush of the statement itself: where it has not replayed up to there, it refuses, and
the primary answers. It decides before it looks: at READ COMMITTED each statement sees what was there when it began.
See docs/decisions/0016-read-replicas.md.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TypeVar

from sluice import request_stats
from sluice.db.database import Database, PrecedingStatement, Rows
from sluice.errors import InternalError, ReplicaBehind, SluiceError, Unavailable

T = TypeVar("T")

# A LIMIT of -1 is the one error (2201W) that plain SQL can raise by choice and nothing else here can raise by chance.
# Behind is also who cannot tell: a server that replays nothing (NULL), one whose snapshot could be older than its
# answer, and Aurora, whose readers share the writer's storage and count by other means.
CAUGHT_UP = """
    SELECT 1 LIMIT CASE
        WHEN pg_last_wal_replay_lsn() >= CAST(:after AS pg_lsn)
            AND current_setting('transaction_isolation') = 'read committed'
            AND to_regproc('aurora_version') IS NULL
        THEN 0 ELSE -1
    END
"""

_log = logging.getLogger(__name__)


class Replica:
    """One environment's reader: who may be answered by it, and what it could not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._counts: Counter[str] = Counter()

    def route_reads(self, primary: Database) -> "ReplicaRouting":
        """For repositories whose reads it answers, where it can."""
        return ReplicaRouting(self, primary)

    def read(self, reader: Callable[[PrecedingStatement | None], T], primary: Callable[[], T]) -> T:
        """What `reader` gives, after the guard that it is handed; else what `primary` does.

        The primary alone answers a request that is not one of those that may be behind, that has written, or that the
        primary has answered in part: what is read next could be older than that.
        """
        taken = request_stats.current()
        if taken.min_lsn is not None and not taken.commit_lsn and taken.served_by != "primary":
            try:
                found = reader((CAUGHT_UP, {"after": taken.min_lsn}) if taken.min_lsn else None)
            except (Unavailable, InternalError) as error:
                self._counts["replica_fallbacks"] += 1
                _tell(error)
            else:
                self._counts["replica_reads"] += 1
                taken.served_by = "replica"
                return found
        taken.served_by = "primary"
        return primary()

    def take_counts(self) -> Counter[str]:
        """Since they were taken last: the reads it answered, and those that the primary answered in its place."""
        counts, self._counts = self._counts, Counter()
        return counts


class ReplicaRouting:
    """What a repository is given whose reads may go to the replica; it writes to the primary."""

    def __init__(self, replica: Replica, primary: Database) -> None:
        self._replica = replica
        self._primary = primary
        self.write = primary.write

    def read(
        self, sql: str, params: Mapping[str, object] | None = None, *, prepare: bool = False
    ) -> Rows:
        """As `Database.read`."""
        return self._replica.read(
            lambda preceding: self._replica.database.read(
                sql, params, preceding=preceding, prepare=prepare
            ),
            lambda: self._primary.read(sql, params, prepare=prepare),
        )


def _tell(error: SluiceError) -> None:
    """Why, where that is news: to be behind is a replica's lot, and of an open circuit its opening has told."""
    if not isinstance(error, ReplicaBehind) and error.code != "circuit_open":
        _log.warning("the primary answers for the reader: %s", error.code, exc_info=error)

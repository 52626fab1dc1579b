"""Route reads to a replica, and to the primary if the replica cannot serve them.

A write returns the primary's WAL position (LSN) after its commit (driver/). A client that
sends it back reads nothing older. A check is sent before the statement, in the same flush. It fails
if the replica has not replayed the position, and then the primary serves the read. At READ
COMMITTED each statement gets a new snapshot, so the statement sees at least what the check saw.
See docs/decisions/0016-read-replicas.md.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from sluice import request_context
from sluice.db.database import Database, Rows
from sluice.errors import InternalError, ReplicaBehind, SluiceError, Unavailable
from sluice.query import Query

T = TypeVar("T")

# Raises ReplicaBehind. Migration 0004 says when. It returns no row, as each statement that is sent
# before another one.
CHECK_SQL = "SELECT 1 WHERE sluice.require_lsn(CAST(:min_lsn AS pg_lsn)) IS NULL"

_log = logging.getLogger(__name__)


class Replica:
    """The replica of one execution environment, with counts of its reads and of fallbacks."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._counts: Counter[str] = Counter()

    def route_reads(self, primary: Database) -> "ReplicaRouting":
        """Return an executor that reads from this replica if possible, and writes to `primary`."""
        return ReplicaRouting(self, primary)

    def read(
        self,
        from_replica: Callable[[Query | None], T],
        from_primary: Callable[[], T],
    ) -> T:
        """Return the result of `from_replica`, or of `from_primary` if the replica cannot serve.

        `from_replica` gets the check to send first, or None. It is not called if `min_lsn` of the
        request's context is None, or if the request has written or has read from the primary.
        """
        use = request_context.current().database
        has_written = bool(use.commit_lsn)
        if use.min_lsn is not None and not has_written and use.served_by != "primary":
            check = Query(CHECK_SQL, {"min_lsn": use.min_lsn}) if use.min_lsn else None
            try:
                result = from_replica(check)
            except (Unavailable, InternalError) as error:
                self._counts["replica_fallbacks"] += 1
                _log_fallback(error)
            else:
                self._counts["replica_reads"] += 1
                use.served_by = "replica"
                return result
        use.served_by = "primary"
        return from_primary()

    def take_counts(self) -> Counter[str]:
        """Return the reads from the replica and the fallbacks to the primary. Reset the counts."""
        counts, self._counts = self._counts, Counter()
        return counts


class ReplicaRouting:
    """An executor for repositories: reads go to the replica if possible, writes to the primary."""

    def __init__(self, replica: Replica, primary: Database) -> None:
        self._replica = replica
        self._primary = primary
        self.write = primary.write

    def read(self, query: Query) -> Rows:
        """Return the rows of one SELECT. Raise what `Database.read` raises."""
        replica = self._replica.database
        return self._replica.read(
            lambda check: replica.read(query._replace(before=check)),
            lambda: self._primary.read(query),
        )


def _log_fallback(error: SluiceError) -> None:
    """Log why the primary serves a read, unless the replica only lags or its circuit is open."""
    if not isinstance(error, ReplicaBehind) and error.code != "circuit_open":
        _log.warning("a read falls back to the primary: %s", error.code, exc_info=error)

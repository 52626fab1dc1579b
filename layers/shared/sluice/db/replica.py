"""Route reads to a replica, and to the primary if the replica cannot serve them.

A write returns the primary's WAL position (LSN) after its commit (driver/). A client that
sends it back reads nothing older. A check is sent before the statement, in the same flush. It fails
if the replica has not replayed the position, and then the primary serves the read. At READ
COMMITTED each statement gets a new snapshot, so the statement sees at least what the check saw.
See docs/decisions/0016-read-replicas.md.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from sluice import request_context
from sluice.db.database import Database, Rows
from sluice.errors import InternalError, NotSetUp, ReplicaBehind, SluiceError, Unavailable
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
        self._lock = threading.Lock()  # for the counts: += is two steps
        self._logged_setup = False

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
                self._count("replica_fallbacks")
                self._log_fallback(error)
            else:
                self._count("replica_reads")
                use.served_by = "replica"
                return result
        use.served_by = "primary"
        return from_primary()

    def take_counts(self) -> Counter[str]:
        """Return the reads from the replica and the fallbacks to the primary. Reset the counts."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return counts

    def _count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def _log_fallback(self, error: SluiceError) -> None:
        """Log why the primary serves a read, unless the replica only lags or its circuit is open.

        NotSetUp is logged once: until the replica has the check's function, each read has it.
        """
        if isinstance(error, ReplicaBehind) or error.code == "circuit_open":
            return
        if isinstance(error, NotSetUp):
            if self._logged_setup:
                return
            self._logged_setup = True
        _log.warning("a read falls back to the primary: %s", error.code, exc_info=error)


class ReplicaRouting:
    """An executor for repositories: reads go to the replica if possible, writes to the primary."""

    def __init__(self, replica: Replica, primary: Database) -> None:
        self._replica = replica
        self._primary = primary
        self.write = primary.write

    def read(self, query: Query) -> Rows:
        """Return the rows of one SELECT. Raise what `Database.read` raises.

        Raise ValueError if the query has a statement `before` it: that is the place of the check.
        """
        if query.before is not None:
            raise ValueError("a read that a replica may serve has no statement before it")
        replica = self._replica.database
        return self._replica.read(
            lambda check: replica.read(query._replace(before=check)),
            lambda: self._primary.read(query),
        )

"""The state of the database: its migration, the settings of the session, the lag of a replica."""

from collections.abc import Collection
from typing import NamedTuple

from sluice.query import Executor, Query

# The newest migration of sluice/migrations/versions, which this code needs. A test compares them.
EXPECTED_MIGRATION = "0008"

# A replica that has replayed all of the primary's WAL has no lag, even if its last transaction is
# old.
LAG_SQL = """
    SELECT
        bytes,
        CASE WHEN bytes <= 0 THEN 0.0 ELSE CAST(
            extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) AS float
        ) END AS seconds
    FROM (
        SELECT CAST(
            pg_wal_lsn_diff(CAST(:lsn AS pg_lsn), pg_last_wal_replay_lsn()) AS bigint
        ) AS bytes
    ) AS lag
"""

# Leaves out the timeouts that driver/connection.py shortens for this transaction only.
SETTINGS_SQL = """
    SELECT name, current_setting(name) AS value FROM pg_catalog.pg_settings
    WHERE name = ANY(CAST(:names AS text[]))
        AND NOT (name IN ('statement_timeout', 'lock_timeout') AND source = 'session')
"""

DRIFT_SQL = """
    SELECT to_json(at) AS at, digest, jsonb_array_length(differences) AS differences
    FROM sluice.drift WHERE app = :app
"""

CURRENT_LSN_SQL = "SELECT CAST(pg_current_wal_insert_lsn() AS text) AS lsn"


class ReplicationLag(NamedTuple):
    """How much of the primary's WAL a replica has not replayed. None means unknown.

    `seconds` is the age of the last transaction that was replayed, or 0 if `bytes` is 0.
    """

    bytes: int | None
    seconds: float | None


class HealthRepository:
    """Reads the state of a primary or of a replica."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def schema_version(self) -> str:
        """Return the newest migration that was applied. Any result proves that reads work."""
        return str(
            self._executor.read(Query("SELECT version_num FROM sluice.version"))[0].version_num
        )

    def settings(self, names: Collection[str]) -> dict[str, str]:
        """Return the session's values of these settings. A setting the server lacks is missing."""
        rows = self._executor.read(Query(SETTINGS_SQL, {"names": list(names)}))
        return {row.name: row.value for row in rows}

    def drift(self, app: str) -> dict[str, object] | None:
        """Return what the last deployment of an application found; None if none has compared."""
        rows = self._executor.read(Query(DRIFT_SQL, {"app": app}))
        return dict(rows[0]._asdict()) if rows else None

    def current_lsn(self) -> str:
        """Return the insert LSN of a primary."""
        return str(self._executor.read(Query(CURRENT_LSN_SQL))[0].lsn)

    def replication_lag(self, lsn: str | None) -> ReplicationLag:
        """Return how far a replica is behind `lsn`, an LSN of its primary. None means unknown."""
        row = self._executor.read(Query(LAG_SQL, {"lsn": lsn}))[0]
        lag_bytes = None if row.bytes is None else max(0, row.bytes)
        return ReplicationLag(lag_bytes, row.seconds)

"""What state is the schema in, and how far is a replica behind?"""

from collections.abc import Collection
from typing import NamedTuple

from sluice.repositories.projection import Executor

EXPECTED_MIGRATION = (
    "0003"  # the newest of sluice/migrations/versions, which this code needs; a test compares them
)

# A replica that has all of it is not behind, however long ago the last transaction was.
LAG = """
    SELECT bytes, CASE WHEN bytes <= 0 THEN 0.0
        ELSE CAST(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) AS float) END AS seconds
    FROM (SELECT CAST(pg_wal_lsn_diff(CAST(:position AS pg_lsn), pg_last_wal_replay_lsn()) AS bigint) AS bytes) AS lag
"""

# Not the timeouts that db/connection.py shortened for this transaction alone.
SETTINGS = """
    SELECT name, current_setting(name) AS value FROM pg_catalog.pg_settings
    WHERE name = ANY(CAST(:names AS text[]))
        AND NOT (name IN ('statement_timeout', 'lock_timeout') AND source = 'session')
"""


class ReplicationLag(NamedTuple):
    """What of the primary's log a replica has not replayed: bytes, and the age of what it replayed last, in seconds.

    None where it cannot tell.
    """

    bytes: int | None
    seconds: float | None


class HealthRepository:
    """Every statement about the schema itself."""

    def __init__(self, statements: Executor) -> None:
        self._statements = statements

    def schema_version(self) -> str:
        """The newest migration that has been applied; answering at all proves that the database serves."""
        return str(self._statements.read("SELECT version_num FROM sluice.version")[0].version_num)

    def settings(self, names: Collection[str]) -> dict[str, str]:
        """What the session has of these settings; those that the server lacks are absent."""
        return {
            row.name: row.value for row in self._statements.read(SETTINGS, {"names": list(names)})
        }

    def current_lsn(self) -> str:
        """How far the log of a primary has come."""
        return str(
            self._statements.read("SELECT CAST(pg_current_wal_insert_lsn() AS text) AS position")[
                0
            ].position
        )

    def replication_lag(self, lsn: str | None) -> ReplicationLag:
        """How far a replica is behind that position of its primary's, where that is known."""
        row = self._statements.read(LAG, {"position": lsn})[0]
        return ReplicationLag(None if row.bytes is None else max(0, row.bytes), row.seconds)

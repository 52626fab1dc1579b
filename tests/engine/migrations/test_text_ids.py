"""Stored responses keep their keys when these become texts (migration 0005)."""

from sluice.migrations.runner import migrate_url
from sluice.sql.health import EXPECTED_MIGRATION
from tests.fixtures.foreign_database import ForeignServer

AS_BEFORE = (
    "DROP FUNCTION sluice.raise_unknown(text)",
    "ALTER TABLE sluice.import_jobs DROP COLUMN tenant",
    "DROP TABLE sluice.drift",
    "DROP FUNCTION sluice.raise_conflict()",
    "ALTER TABLE sluice.idempotency_keys ALTER COLUMN resource_id TYPE bigint USING 0",
    "UPDATE sluice.version SET version_num = '0004'",
)
STORE = """
    INSERT INTO sluice.idempotency_keys (id, fingerprint, response, etag, resource_id)
    SELECT '{id}', '', '', '', CAST({id} AS bigint)
"""


def test_whole_numbers_become_texts(server: ForeignServer) -> None:
    """Functions of the release before store whole numbers before and after the migration."""
    database = server.create_database("SUPERUSER")
    migrate_url(database.url)
    for statement in (*AS_BEFORE, STORE.format(id=7)):
        database.sql(statement)

    assert migrate_url(database.url).revisions == {"sluice": EXPECTED_MIGRATION}

    database.sql(STORE.format(id=8))
    stored = database.sql("SELECT resource_id FROM sluice.idempotency_keys ORDER BY id")
    assert stored == [["7"], ["8"]]

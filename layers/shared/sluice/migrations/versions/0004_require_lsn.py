"""The function with which a replica checks that it has replayed a position in the WAL."""

from alembic import op

revision = "0004"
down_revision = "0003"

# It is sent before a read, in one flush (db/replica.py). Its error skips the read. It is also
# raised in these cases:
# - The position is NULL, because the server replays nothing.
# - The isolation level is not READ COMMITTED, so the snapshot could be older than this check.
# - The server is Aurora. Its replicas share the storage and do not replay WAL.
#
# It is VOLATILE, so that the planner does not run it.
REQUIRE_LSN = """
CREATE FUNCTION sluice.require_lsn(lsn pg_lsn) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF pg_last_wal_replay_lsn() >= lsn
        AND current_setting('transaction_isolation') = 'read committed'
        AND to_regproc('aurora_version') IS NULL
    THEN
        RETURN true;
    END IF;
    RAISE 'this server has not replayed the position' USING ERRCODE = 'SLBHD';
END $$
"""
REVOKE = "REVOKE EXECUTE ON FUNCTION sluice.require_lsn(pg_lsn) FROM PUBLIC"


def upgrade() -> None:
    op.execute(REQUIRE_LSN)
    op.execute(REVOKE)

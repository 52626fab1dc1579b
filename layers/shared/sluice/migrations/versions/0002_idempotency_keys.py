"""The keys under which a POST may be sent again, and the procedure that claims one."""

from alembic import op

revision = "0002"
down_revision = "0001"

# `id` is a digest of client, path and key: it has a fixed size and is not secret. The transaction that did the work
# writes the row, so there is a row exactly where there was an effect.
TABLE = """
CREATE TABLE sluice.idempotency_keys (
    id bytea PRIMARY KEY,
    fingerprint bytea NOT NULL,
    response text NOT NULL,
    etag text NOT NULL,
    resource_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
)
"""
INDEX = "CREATE INDEX idempotency_keys_created_at_idx ON sluice.idempotency_keys (created_at)"

# Sent ahead of the statement it guards, in one flush: its error skips the rest, so nothing is done twice. The lock
# refuses a second request at once; waiting for the first one's row would hold a connection. It is taken before the
# row is looked for and held until the row is committed, so a request that gets the lock sees the row, if there is one.
# It is an advisory lock of the transaction: it blocks no other statement, and RDS Proxy does not pin it.
CLAIM = """
CREATE PROCEDURE sluice.claim_idempotency_key(claimed bytea) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(CAST('x' || encode(substring(claimed, 1, 8), 'hex') AS bit(64))::bigint) THEN
        RAISE 'a request with this key is running' USING ERRCODE = 'IKRUN';
    END IF;
    IF EXISTS (
        SELECT FROM sluice.idempotency_keys k WHERE k.id = claimed AND k.created_at > now() - interval '24 hours'
    ) THEN
        RAISE 'a request with this key has been answered' USING ERRCODE = 'IKHAS';
    END IF;
END $$
"""
REVOKE = "REVOKE EXECUTE ON PROCEDURE sluice.claim_idempotency_key(bytea) FROM PUBLIC"


def upgrade() -> None:
    for statement in (TABLE, INDEX, CLAIM, REVOKE):
        op.execute(statement)

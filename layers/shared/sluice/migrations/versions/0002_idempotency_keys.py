"""Idempotency keys with their responses, and the procedure that claims a key."""

from alembic import op

revision = "0002"
down_revision = "0001"

# `id` is a digest of client, path and key: it has a fixed size and is not secret. The transaction
# that does the work also inserts the row, so a row exists if and only if the work was done.
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

# The call is sent before the statement that does the work, in one flush. Its error skips the rest
# of the flush, so that the work is not done twice.
#
# The lock rejects a second request immediately, because a wait for the first one's row would hold
# a connection. The lock is taken before the row is looked up, and held until the row is committed.
# So a request that gets the lock sees the row if it exists. It is an advisory lock of the
# transaction: it blocks no other statement, and RDS Proxy does not pin the session.
CLAIM = """
CREATE PROCEDURE sluice.claim_idempotency_key(key bytea) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(
        CAST('x' || encode(substring(key, 1, 8), 'hex') AS bit(64))::bigint
    ) THEN
        RAISE 'a request with this idempotency key is running' USING ERRCODE = 'IKRUN';
    END IF;
    IF EXISTS (
        SELECT FROM sluice.idempotency_keys k
        WHERE k.id = key AND k.created_at > now() - interval '24 hours'
    ) THEN
        RAISE 'this idempotency key already has a response' USING ERRCODE = 'IKHAS';
    END IF;
END $$
"""
REVOKE = "REVOKE EXECUTE ON PROCEDURE sluice.claim_idempotency_key(bytea) FROM PUBLIC"


def upgrade() -> None:
    for statement in (TABLE, INDEX, CLAIM, REVOKE):
        op.execute(statement)

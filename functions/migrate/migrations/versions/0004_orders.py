"""The indexes that the list of orders stands on, and the keys under which a POST may be sent again."""

from alembic import op

revision = "0004"
down_revision = "0003"

# Sort id has the primary key, filter user_id has orders_user_id_idx, filter product_id order_items_product_id_idx.
INDEXES = """
CREATE INDEX orders_created_at_idx ON orders (created_at, id);
CREATE INDEX orders_total_idx ON orders (total, id);
CREATE INDEX orders_status_idx ON orders (status, id);
"""

# `id` is a digest of client, path and key: of fixed size, and nobody's secret. A row is written by the transaction
# that did what it answers for, so there is one exactly where there was an effect.
KEYS = """
CREATE TABLE idempotency_keys (
    id bytea PRIMARY KEY,
    fingerprint bytea NOT NULL,
    answer text NOT NULL,
    etag text NOT NULL,
    record_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO sluice_app;
"""

# Sent ahead of the statement it guards, in one flush: its error skips the rest, so nothing is done twice. The lock
# tells whoever comes second at once, where a wait for the first one's row would hold a connection. It is taken before
# the row is looked for, and held until the row is committed; so whoever gets it sees the row, if there is one.
# Advisory, and the transaction's: PostgreSQL keeps it from no other statement, and RDS Proxy does not pin it.
CLAIM = """
CREATE PROCEDURE sluice_claim_key(claimed bytea) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(CAST('x' || encode(substring(claimed, 1, 8), 'hex') AS bit(64))::bigint) THEN
        RAISE 'a request with this key is running' USING ERRCODE = 'IKRUN';
    END IF;
    IF EXISTS (
        SELECT FROM idempotency_keys k WHERE k.id = claimed AND k.created_at > now() - interval '24 hours'
    ) THEN
        RAISE 'a request with this key has been answered' USING ERRCODE = 'IKHAS';
    END IF;
END $$
"""


def upgrade() -> None:
    run = op.get_bind().exec_driver_sql
    for statement in (INDEXES + KEYS).split(";\n"):
        if statement.strip():
            run(statement)
    run(CLAIM)

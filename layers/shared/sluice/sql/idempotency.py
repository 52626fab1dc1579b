"""Idempotency keys: the responses of POST requests, stored so that a retry gets the same response.

The transaction that does the work also stores the response. So both are committed or neither is,
even if the function crashes. A rejected request stores nothing.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sluice.query import Executor, Query
from sluice.sql.projection import Representation

# sluice.claim_idempotency_key fails if the key has a response, or if its request is running (see
# migration 0002). It ignores a row that is older than 24 hours, and _STORE replaces that row.
CLAIM_KEY_SQL = "CALL sluice.claim_idempotency_key(CAST(:key AS bytea))"

_STORE = """
    INSERT INTO sluice.idempotency_keys AS k (id, fingerprint, response, etag, resource_id)
    SELECT CAST(:key AS bytea), CAST(:fingerprint AS bytea), {response}
    ON CONFLICT (id) DO UPDATE SET
        fingerprint = excluded.fingerprint,
        response = excluded.response,
        etag = excluded.etag,
        resource_id = excluded.resource_id,
        created_at = excluded.created_at
"""
STORE_ROW_SQL = _STORE.format(response="json, etag, id FROM created WHERE json IS NOT NULL")
STORE_TEXT_SQL = _STORE.format(response="CAST(:response AS text), '', ''")
FIND_SQL = """
    SELECT fingerprint, response, etag, resource_id
    FROM sluice.idempotency_keys
    WHERE id = CAST(:key AS bytea)
"""

# Deletes a batch, which takes little time and few locks. The oldest rows come first, by the index
# idempotency_keys_created_at_idx. Places of rows need no join: with old statistics a join of two
# ids would compare each with each.
DELETE_EXPIRED_SQL = """
    DELETE FROM sluice.idempotency_keys WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM sluice.idempotency_keys
        WHERE created_at <= now() - interval '24 hours'
        ORDER BY created_at
        LIMIT CAST(:limit AS integer)
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING 1
"""


class IdempotencyKey(NamedTuple):
    """The digest of a client, a path and a key, and the digest of the body that was sent."""

    id: bytes
    fingerprint: bytes


def idempotent_query(
    ctes: str, select: str, values: Mapping[str, object], key: IdempotencyKey | None
) -> Query:
    """Return the query `WITH ctes select`; with a key, it also stores the row that it returns.

    `ctes` write the row, with `values` as parameters. `select` must return the columns of a
    Representation. With a key, the query claims it first. It raises IdempotencyInProgress, and
    IdempotencyKeyReused if the key has a response.
    """
    if key is None:
        return Query(f"WITH {ctes} {select}", values, prepare=True)
    return Query(
        f"WITH {ctes}, created AS ({select}), stored AS ({STORE_ROW_SQL}) SELECT * FROM created",
        {**values, "key": key.id, "fingerprint": key.fingerprint},
        prepare=True,
        before=Query(CLAIM_KEY_SQL, {"key": key.id}),
    )


class IdempotencyKeyRepository:
    """Claims keys, and stores, finds and deletes responses."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def claim(self, key: IdempotencyKey) -> None:
        """Claim a key, as the first statement of the transaction that will store its response.

        Raises IdempotencyInProgress, or IdempotencyKeyReused if the key has a response.
        """
        self._executor.write(Query(CLAIM_KEY_SQL, {"key": key.id}))

    def store_response(self, key: IdempotencyKey, text: str) -> None:
        """Store a response that is not one row, in the transaction that claimed the key."""
        params = {"key": key.id, "fingerprint": key.fingerprint, "response": text}
        self._executor.write(Query(STORE_TEXT_SQL, params))

    def find_response(self, key: IdempotencyKey) -> Representation | None:
        """Return the response to the same request; None if the key was used for another body."""
        for row in self._executor.read(Query(FIND_SQL, {"key": key.id})):
            if row.fingerprint == key.fingerprint:
                return Representation(row.response, row.etag, row.resource_id)
        return None

    def delete_expired(self, limit: int) -> int:
        """Delete up to `limit` responses that are older than 24 hours. Return how many."""
        return len(self._executor.write(Query(DELETE_EXPIRED_SQL, {"limit": limit})))

"""What a POST answered under its Idempotency-Key, kept in the transaction that did what the answer tells of.

So there is an answer exactly where there was an effect, whatever crashed in between; and none after a refusal.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sluice.repositories.projection import Executor, PrecedingStatement, Representation

# `sluice.claim_idempotency_key` fails if the key has an answer or its request is running; see the engine's migration 0002. A row
# that it did not see is older than a day, and is replaced.
CLAIM_KEY_SQL = "CALL sluice.claim_idempotency_key(CAST(:key AS bytea))"
_KEEP = """
    INSERT INTO sluice.idempotency_keys AS k (id, fingerprint, response, etag, resource_id)
    SELECT CAST(:key AS bytea), CAST(:fingerprint AS bytea), {answered}
    ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, response = excluded.response,
        etag = excluded.etag, resource_id = excluded.resource_id, created_at = excluded.created_at
"""
KEEP = _KEEP.format(answered="json, etag, id FROM answered WHERE json IS NOT NULL")
KEEP_TEXT = _KEEP.format(answered="CAST(:response AS text), '', 0")  # of no one row
FIND = "SELECT fingerprint, response, etag, resource_id FROM sluice.idempotency_keys WHERE id = CAST(:key AS bytea)"

# A batch takes little time and few locks; oldest first, by idempotency_keys_created_at_idx.
SWEEP = """
    DELETE FROM sluice.idempotency_keys WHERE id IN (
        SELECT id FROM sluice.idempotency_keys WHERE created_at <= now() - interval '24 hours'
        ORDER BY created_at LIMIT CAST(:most AS integer) FOR UPDATE SKIP LOCKED
    ) RETURNING 1
"""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Whose key for what, as a digest, and a digest of the body it came with."""

    id: bytes
    fingerprint: bytes


def keep(ctes: str, select: str, key: IdempotencyKey | None) -> str:
    """`WITH ctes select`, which gives a Record's columns; with a key, the answer is kept in the same statement."""
    if key is None:
        return f"WITH {ctes} {select}"
    return f"WITH {ctes}, answered AS ({select}), kept AS ({KEEP}) SELECT * FROM answered"


def bound(values: Mapping[str, object], key: IdempotencyKey | None) -> dict[str, object]:
    """The values of a statement that `keep` made."""
    return (
        dict(values) if key is None else {**values, "key": key.id, "fingerprint": key.fingerprint}
    )


def claim(key: IdempotencyKey | None) -> PrecedingStatement | None:
    """What goes ahead of such a statement. IdempotencyInProgress, or IdempotencyKeyReused where there is an answer."""
    return None if key is None else (CLAIM_KEY_SQL, {"key": key.id})


class IdempotencyKeyRepository:
    """Every other statement about answers."""

    def __init__(self, statements: Executor) -> None:
        self._statements = statements

    def claim(self, key: IdempotencyKey) -> None:
        """At the beginning of a transaction that will `keep`. IdempotencyInProgress, IdempotencyKeyReused."""
        self._statements.write(CLAIM_KEY_SQL, {"key": key.id})

    def store_response(self, key: IdempotencyKey, text: str) -> None:
        """An answer that is no record, in the transaction that claimed its key."""
        self._statements.write(
            KEEP_TEXT, {"key": key.id, "fingerprint": key.fingerprint, "response": text}
        )

    def find_response(self, key: IdempotencyKey) -> Representation | None:
        """The answer to this very request; None where the key is free, or was used for another."""
        for row in self._statements.read(FIND, {"key": key.id}):
            if row.fingerprint == key.fingerprint:
                return Representation(row.response, row.etag, row.resource_id)
        return None

    def delete_expired(self, most: int) -> int:
        """Forget up to `most` answers of more than 24 hours ago; how many they were."""
        return len(self._statements.write(SWEEP, {"most": most}))

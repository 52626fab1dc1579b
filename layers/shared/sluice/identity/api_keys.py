"""Whose is this API key? Asked of a DynamoDB table that knows keys only by their hashes.

A key is 256 random bits (scripts/api_keys.py), so its plain SHA-256 can be neither guessed nor looked up.
"""

import logging
from hashlib import sha256
from typing import Any

from sluice.aws.client import AwsClient, AwsError
from sluice.errors import IdentityUnavailable
from sluice.identity.authenticator import Principal

_log = logging.getLogger(__name__)
MOST = 200  # characters; ours have 46


def hash_key(key: str) -> str:
    """What stands in the table in place of the key."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class ApiKeyStore:
    """The table's reader. An item: `key_hash, client, scopes, tier, disabled, expires_at` (seconds since the epoch)."""

    def __init__(self, dynamodb: AwsClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def __call__(self, key: str) -> Principal | None:
        """Whose key it is; None where it is unknown or disabled. IdentityUnavailable where nobody answers."""
        if not 0 < len(key) <= MOST:
            return None
        request = {
            "TableName": self._table,
            "Key": {"key_hash": {"S": hash_key(key)}},
            "ConsistentRead": True,
        }
        try:
            item = self._dynamodb.call("DynamoDB_20120810.GetItem", request).get("Item")
        except AwsError as error:
            raise IdentityUnavailable from error
        return None if item is None else _caller(item)


def _caller(item: dict[str, dict[str, Any]]) -> Principal | None:
    if item.get("disabled", {}).get("BOOL"):
        return None
    try:
        return Principal(
            client_id=item["client"]["S"],
            scopes=frozenset(item["scopes"]["SS"]),
            tier=item.get("tier", {}).get("S", "default"),
            expires_at=float(item["expires_at"]["N"]) if "expires_at" in item else float("inf"),
        )
    except (KeyError, ValueError):
        _log.exception("an API key's item cannot be read: %s", item.get("key_hash"))
        return None

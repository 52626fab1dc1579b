"""Look up API keys in the DynamoDB table, which stores only their hashes.

A key has 256 random bits (scripts/api_keys.py). So a plain SHA-256 is enough: the key cannot be
guessed, nor found in a table of precomputed hashes.
"""

import logging
from hashlib import sha256
from typing import Any

from sluice import application
from sluice.aws.client import AwsClient, AwsError
from sluice.errors import IdentityUnavailable
from sluice.identity.authenticator import Principal
from sluice.identity.tenant_choice import canonical_tenants

_log = logging.getLogger(__name__)

MAX_KEY_LENGTH = 200  # characters; a key of scripts/api_keys.py has 46


def hash_key(key: str) -> str:
    """Return the hash under which the table stores the key."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class ApiKeyStore:
    """Reads the API keys table.

    An item has `key_hash`, `client`, `scopes`, `tier`, `disabled`, `expires_at` (seconds since the
    epoch) and `tenants`.
    """

    def __init__(self, dynamodb: AwsClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def __call__(self, key: str) -> Principal | None:
        """Return the owner of the key, or None if it is unknown or disabled.

        Raises IdentityUnavailable if DynamoDB does not respond.
        """
        if not 0 < len(key) <= MAX_KEY_LENGTH:
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
        return None if item is None else _principal(item)


def _principal(item: dict[str, dict[str, Any]]) -> Principal | None:
    if item.get("disabled", {}).get("BOOL"):
        return None
    try:
        return Principal(
            client_id=item["client"]["S"],
            scopes=application.current().scopes_of(item["scopes"]["SS"]),
            tier=item.get("tier", {}).get("S", "default"),
            expires_at=float(item["expires_at"]["N"]) if "expires_at" in item else float("inf"),
            tenants=canonical_tenants(item.get("tenants", {}).get("SS", ()), item["client"]["S"]),
        )
    except (KeyError, ValueError):
        _log.exception("the item of an API key is invalid: %s", item.get("key_hash"))
        return None

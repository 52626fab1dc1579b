"""List, create, rotate and revoke API keys of the local system's emulated DynamoDB table."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from local import key_table
from local.api_keys import API_KEYS_TABLE, GRANTABLE_SCOPES, LOCAL_KEYS
from local.intrinsics import REGION
from local.key_table import ApiKeyError, KeyRights
from sluice.identity.api_keys import hash_key

BUILT_IN = {hash_key(local_key.key): local_key.key for local_key in LOCAL_KEYS}
MAX_DAYS = 3650


class KeyService:
    """The keys in the table at `endpoint`. Its methods block, and raise ApiKeyError."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def list(self) -> dict[str, object]:
        """Return all keys, without their secrets, and the scopes that a key may have."""
        return {
            "keys": [_row(item) for item in key_table.items(self._table)],
            "scopes": list(GRANTABLE_SCOPES),
            "tiers": sorted({local_key.tier for local_key in LOCAL_KEYS}),
        }

    def create(self, body: Mapping[str, Any]) -> dict[str, object]:
        """Create a key, and return it. It cannot be read again."""
        rights = KeyRights(
            _text(body, "client"),
            _texts(body, "scopes"),
            _text(body, "tier", "default"),
            _texts(body, "tenants"),
            _days(body),
        )
        return {"key": key_table.create(self._table, rights)}

    def rotate(self, key_id: str) -> dict[str, object]:
        """Create a key with the rights of another one, and return it."""
        self._require_not_built_in(key_id)
        return {"key": key_table.rotate(self._table, key_id)}

    def revoke(self, key_id: str) -> dict[str, object]:
        """Disable a key."""
        self._require_not_built_in(key_id)
        key_table.revoke(self._table, key_id)
        return {}

    @cached_property
    def _table(self) -> Any:
        import boto3  # its import takes 0.3 s, and most starts need none

        resource = boto3.resource(
            "dynamodb",
            endpoint_url=self._endpoint,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - the emulation ignores it
        )
        return resource.Table(API_KEYS_TABLE)

    def _require_not_built_in(self, key_id: str) -> None:
        if any(key_hash.startswith(key_id) for key_hash in BUILT_IN):
            raise ApiKeyError("the local keys belong to the local system: each start makes them")


def _row(item: Mapping[str, Any]) -> dict[str, object]:
    expires_at = item.get("expires_at")
    return {
        "id": key_table.id_of(dict(item)),
        "client": item["client"],
        "state": key_table.state_of(dict(item)),
        "tier": item.get("tier", "default"),
        "scopes": sorted(item["scopes"]),
        "tenants": sorted(item.get("tenants", ())),
        "created_at": item.get("created_at"),
        "expires_at": None if expires_at is None else int(expires_at),
        "built_in": BUILT_IN.get(item["key_hash"]),
    }


def _text(body: Mapping[str, Any], name: str, default: str = "") -> str:
    value = body.get(name) or default
    if not isinstance(value, str):
        raise ApiKeyError(f"{name} must be a text")
    return value.strip()


def _texts(body: Mapping[str, Any], name: str) -> list[str]:
    values = body.get(name) or []
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ApiKeyError(f"{name} must be a list of texts")
    return values


def _days(body: Mapping[str, Any]) -> int | None:
    days = body.get("days")
    if days is None:
        return None
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= MAX_DAYS:
        raise ApiKeyError(f"days must be a whole number from 1 to {MAX_DAYS}")
    return days

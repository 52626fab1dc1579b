"""Create, list, rotate and revoke API keys in their DynamoDB table.

The table holds the hash of each key. Functions take a table of boto3, in a deployment or in the
local system. `make key` and the console use them.
"""

import re
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.api_keys import GRANTABLE_SCOPES
from sluice import application
from sluice.identity.api_keys import hash_key
from sluice.tenants import canonical

PREFIX = "sluice_"  # so that scanners for leaked secrets can identify a key
ID_LENGTH = 12  # the first characters of the hash identify a key
DAY = 86_400
COPIED = ("client", "scopes", "tier", "tenants", "expires_at")  # to the key that replaces another


class ApiKeyError(Exception):
    """The command failed. The message says why."""


@dataclass(frozen=True, slots=True)
class KeyRights:
    """The client of a new key, and what the key may do. Without `days` it never expires."""

    client: str
    scopes: Sequence[str]
    tier: str = "default"
    tenants: Sequence[str] = ()
    days: int | None = None


def create(table: Any, rights: KeyRights) -> str:
    """Create a key and return it. Raise ApiKeyError for unknown scopes and tenants."""
    if not rights.scopes:
        raise ApiKeyError("choose at least one scope")
    unknown = sorted(set(rights.scopes).difference(GRANTABLE_SCOPES))
    if unknown:
        known = ", ".join(GRANTABLE_SCOPES)
        raise ApiKeyError(f"there is no scope {', '.join(unknown)}; there are {known}")
    item: dict[str, Any] = {
        "client": client_id(rights.client),
        "scopes": set(rights.scopes),
        "tier": rights.tier,
    }
    if rights.tenants:
        item["tenants"] = {_tenant(text) for text in rights.tenants}
    if rights.days:
        item["expires_at"] = int(time.time()) + rights.days * DAY
    return _store_new(table, item)


def items(table: Any) -> list[dict[str, Any]]:
    """Return all keys, by client and time of creation."""
    return sorted(_scan(table), key=lambda item: (item["client"], item.get("created_at", "")))


def revoke(table: Any, key_id: str) -> None:
    """Disable a key. Raise ApiKeyError if none has this id."""
    table.update_item(
        Key={"key_hash": _find(table, key_id)["key_hash"]},
        UpdateExpression="SET disabled = :yes",
        ConditionExpression="attribute_exists(key_hash)",
        ExpressionAttributeValues={":yes": True},
    )


def rotate(table: Any, key_id: str) -> str:
    """Create a key with the client and rights of another, and return it. Raise ApiKeyError."""
    old = _find(table, key_id)
    if old.get("disabled"):
        raise ApiKeyError(f"{key_id} is disabled; create a new key instead")
    return _store_new(table, {name: value for name, value in old.items() if name in COPIED})


def id_of(item: dict[str, Any]) -> str:
    return str(item["key_hash"])[:ID_LENGTH]


def state_of(item: dict[str, Any]) -> str:
    """Return whether a key is valid, expired or disabled."""
    if item.get("disabled"):
        return "disabled"
    return "expired" if int(item.get("expires_at", sys.maxsize)) <= time.time() else "valid"


def client_id(text: str) -> str:
    """Check a client id. It has no spaces, unlike the client ids of tokens (`jwt SUBJECT`)."""
    if not re.fullmatch(r"[\w.@+-]{1,100}", text):
        raise ApiKeyError("only letters, digits and .@+-_ are allowed in a client id, at most 100")
    return text


def _tenant(text: str) -> str:
    """Return a tenant as the functions compare it. Raise ApiKeyError if there is none like it."""
    if not text.strip():
        raise ApiKeyError("a tenant is empty; name it, or omit the option")
    sql_type = application.current().tenant
    try:
        return canonical(text, sql_type) if sql_type else text
    except ValueError:
        raise ApiKeyError(f"{text!r} is no tenant: the type of tenants is {sql_type}") from None


def _store_new(table: Any, item: dict[str, Any]) -> str:
    key = PREFIX + secrets.token_urlsafe(32)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    table.put_item(
        Item={**item, "key_hash": hash_key(key), "created_at": now},
        ConditionExpression="attribute_not_exists(key_hash)",
    )
    return key


def _scan(table: Any) -> Iterator[dict[str, Any]]:
    start: dict[str, Any] = {}
    while True:
        page = table.scan(**start)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _find(table: Any, key_id: str) -> dict[str, Any]:
    found = [item for item in _scan(table) if item["key_hash"].startswith(key_id)]
    if len(found) != 1:
        raise ApiKeyError(
            f"{len(found) or 'no'} keys have an id that starts with {key_id!r}; "
            "list the keys: make keys"
        )
    return found[0]

"""Create, list, rotate and revoke the API keys of a deployment or of the running local system.

    make key CLIENT=shop-frontend SCOPES='catalog:read orders:write' ARGS='--days 365' STACK=sluice
    make keys STACK=sluice
    make rotate-key ID=3f1c6a527d0e STACK=sluice
    make revoke-key ID=3f1c6a527d0e STACK=sluice

A key is printed only once, when it is created: the table holds its hash. A revoked key is rejected
within a minute. Without STACK the local system is used. With STACK, boto3 needs AWS credentials
with access to the table.
"""

import argparse
import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.api_keys import API_KEYS_TABLE, SCOPES
from local.state import StateFolder
from sluice import application
from sluice.identity.api_keys import hash_key
from sluice.tenants import canonical

PREFIX = "sluice_"  # so that scanners for leaked secrets can identify a key
ID_LENGTH = 12  # the first characters of the hash identify a key
DAY = 86_400


class ApiKeyError(Exception):
    """The command failed. The message says why."""


def main(arguments: list[str]) -> int:
    """Run a command and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.run(_table(options), options)
    except (ApiKeyError, BotoCoreError, ClientError) as error:
        print(f"api_keys: {error}", file=sys.stderr)
        return 1
    return 0


def create(table: Any, options: argparse.Namespace) -> None:
    """Create a key and print it."""
    unknown = sorted(set(options.scopes) - set(SCOPES))
    if unknown:
        raise ApiKeyError(f"there is no scope {', '.join(unknown)}; there are {', '.join(SCOPES)}")
    item = {"client": options.client, "scopes": set(options.scopes), "tier": options.tier}
    if options.tenant:
        item["tenants"] = {_tenant(text) for text in options.tenant}
    if options.days:
        item["expires_at"] = int(time.time()) + options.days * DAY
    print(_store_new(table, item))


def _tenant(text: str) -> str:
    """Return a tenant as the functions compare it. Raise ApiKeyError if there is none like it."""
    if not text.strip():
        raise ApiKeyError("a tenant is empty; name it, or omit the option")
    sql_type = application.current().tenant
    try:
        return canonical(text, sql_type) if sql_type else text
    except ValueError:
        raise ApiKeyError(f"{text!r} is no tenant: the type of tenants is {sql_type}") from None


def list_keys(table: Any, options: argparse.Namespace) -> None:
    """Print a line for each key: id, client, state, expiry, rate tier, scopes and tenants."""
    items = sorted(_items(table), key=lambda item: (item["client"], item.get("created_at", "")))
    for item in items:
        expires: object = "never"
        if "expires_at" in item:
            expires = datetime.fromtimestamp(int(item["expires_at"]), UTC).date()
        key_id, client, state = item["key_hash"][:ID_LENGTH], item["client"], _state_of(item)
        rights = f"{item.get('tier', 'default')}  {','.join(sorted(item['scopes']))}"
        rights += "".join(f"  tenant {tenant}" for tenant in sorted(item.get("tenants", ())))
        print(f"{key_id}  {client:<24} {state:<9} expires {expires}  {rights}")


def revoke(table: Any, options: argparse.Namespace) -> None:
    """Disable a key."""
    _disable(table, _find(table, options.id))
    print(f"{options.id} is revoked; functions that have it in their cache accept it for a minute")


def rotate(table: Any, options: argparse.Namespace) -> None:
    """Create a key with the client and rights of an old one, which stays valid until revoked."""
    old = _find(table, options.id)
    if old.get("disabled"):
        raise ApiKeyError(f"{options.id} is disabled; create a new key instead")
    copied = {
        name: value
        for name, value in old.items()
        if name in ("client", "scopes", "tier", "tenants", "expires_at")
    }
    print(_store_new(table, copied))
    print(
        f"revoke the old key when no client uses it any more: make revoke-key ID={options.id}",
        file=sys.stderr,
    )


def _store_new(table: Any, item: dict[str, Any]) -> str:
    key = PREFIX + secrets.token_urlsafe(32)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    table.put_item(
        Item={**item, "key_hash": hash_key(key), "created_at": now},
        ConditionExpression="attribute_not_exists(key_hash)",
    )
    return key


def _disable(table: Any, item: dict[str, Any]) -> None:
    table.update_item(
        Key={"key_hash": item["key_hash"]},
        UpdateExpression="SET disabled = :yes",
        ConditionExpression="attribute_exists(key_hash)",
        ExpressionAttributeValues={":yes": True},
    )


def _items(table: Any) -> Iterator[dict[str, Any]]:
    start: dict[str, Any] = {}
    while True:
        page = table.scan(**start)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _find(table: Any, key_id: str) -> dict[str, Any]:
    found = [item for item in _items(table) if item["key_hash"].startswith(key_id)]
    if len(found) != 1:
        raise ApiKeyError(
            f"{len(found) or 'no'} keys have an id that starts with {key_id!r}; "
            "list the keys: make keys"
        )
    return found[0]


def _state_of(item: dict[str, Any]) -> str:
    if item.get("disabled"):
        return "disabled"
    return "expired" if _is_expired(item) else "valid"


def _is_expired(item: dict[str, Any]) -> bool:
    return int(item.get("expires_at", sys.maxsize)) <= time.time()


def _table(options: argparse.Namespace) -> Any:
    if options.table:
        return boto3.resource("dynamodb").Table(options.table)
    if options.stack:
        stack = boto3.resource("cloudformation").Stack(options.stack)
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.outputs or ()}
        if "ApiKeysTable" not in outputs:
            raise ApiKeyError(f"the stack {options.stack} has no output ApiKeysTable")
        return boto3.resource("dynamodb").Table(outputs["ApiKeysTable"])
    published = StateFolder(options.state).read("local.json")
    if published is None:
        raise ApiKeyError("name a --stack or a --table, or start the local system (make run)")
    local = boto3.resource(
        "dynamodb",
        endpoint_url=published["dynamodb_url"],
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - the emulation ignores it
    )
    return local.Table(API_KEYS_TABLE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="api_keys.py", description="API keys of a Sluice deployment"
    )
    target = argparse.ArgumentParser(add_help=False)
    target.add_argument("--stack", help="the CloudFormation stack")
    target.add_argument("--table", help="or the name of its ApiKeysTable")
    target.add_argument(
        "--state",
        type=Path,
        default=_state(),
        help="or the local system's state folder; default: SLUICE_STATE, or .sluice",
    )
    commands = parser.add_subparsers(required=True, metavar="create | list | revoke | rotate")
    _add_create(commands.add_parser("create", parents=[target], help="create a key and print it"))
    listing = commands.add_parser("list", parents=[target], help="list all keys with their ids")
    listing.set_defaults(run=list_keys)
    for name, run, text in (
        ("revoke", revoke, "disable a key"),
        ("rotate", rotate, "create a key that replaces another one"),
    ):
        command = commands.add_parser(name, parents=[target], help=text)
        command.add_argument("id", help="the key's id, as list prints it")
        command.set_defaults(run=run)
    return parser


def _add_create(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "client", type=_client, help="the client id, for rate limits and idempotency keys"
    )
    command.add_argument(
        "--scopes", required=True, type=lambda text: text.split(","), help=", ".join(SCOPES)
    )
    command.add_argument("--tier", default="default", help="the rate tier")
    command.add_argument(
        "--tenant", action="append", default=[], help="a tenant of the key; may be repeated"
    )
    command.add_argument("--days", type=_days, help="days until it expires; default: never")
    command.set_defaults(run=create)


def _state() -> Path:
    # the same variable as in local/command.py
    return Path(os.environ.get("SLUICE_STATE") or ".sluice")  # noqa: TID251


def _client(text: str) -> str:
    """Check a client id. It has no spaces, unlike the client ids of tokens (`jwt SUBJECT`)."""
    if not re.fullmatch(r"[\w.@+-]{1,100}", text):
        raise argparse.ArgumentTypeError("only letters, digits and .@+-_ are allowed, at most 100")
    return text


def _days(text: str) -> int:
    days = int(text)
    if days < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return days


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

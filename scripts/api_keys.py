"""Makes, lists, revokes and rotates the API keys of a deployment, or of the local system while it runs.

    make key CLIENT=shop-frontend SCOPES='catalog:read orders:write' ARGS='--days 365' STACK=sluice
    make keys STACK=sluice
    make rotate-key ID=3f1c6a527d0e STACK=sluice
    make revoke-key ID=3f1c6a527d0e STACK=sluice

A key is shown once, when it is made: the table holds its hash. What is revoked is refused within a minute. Needs AWS
credentials with access to the table, as boto3 finds them; without STACK, the local system.
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

from local.api_keys import API_KEYS_TABLE
from local.state import State
from sluice.identity.api_keys import hash_key
from sluice.identity.authenticator import SCOPES

PREFIX = "sluice_"  # so that scanners of leaked secrets can tell what it is
ID_LENGTH = 12  # of the hash: enough to name a key
DAY = 86_400


class CannotDo(Exception):
    """The message is for whoever typed the command."""


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(_table(options), options)
    except (CannotDo, BotoCoreError, ClientError) as error:
        print(f"api_keys: {error}", file=sys.stderr)
        return 1
    return 0


def create(table: Any, options: argparse.Namespace) -> None:
    unknown = sorted(set(options.scopes) - set(SCOPES))
    if unknown:
        raise CannotDo(f"there is no scope {', '.join(unknown)}; there are {', '.join(SCOPES)}")
    item = {"client": options.client, "scopes": set(options.scopes), "tier": options.tier}
    if any(not tenant.strip() for tenant in options.tenant):
        raise CannotDo("a tenant is empty; name it, or leave it out")
    if options.tenant:
        item["tenants"] = set(options.tenant)
    if options.days:
        item["expires_at"] = int(time.time()) + options.days * DAY
    print(_store_new(table, item))


def list_keys(table: Any, options: argparse.Namespace) -> None:
    for item in sorted(
        _items(table), key=lambda item: (item["client"], item.get("created_at", ""))
    ):
        state = "disabled" if item.get("disabled") else "expired" if _is_expired(item) else "holds"
        expires = (
            datetime.fromtimestamp(int(item["expires_at"]), UTC).date()
            if "expires_at" in item
            else "never"
        )
        rights = f"{item.get('tier', 'default')}  {','.join(sorted(item['scopes']))}"
        rights += "".join(f"  tenant {tenant}" for tenant in sorted(item.get("tenants", ())))
        print(
            f"{item['key_hash'][:ID_LENGTH]}  {item['client']:<24} {state:<9} expires {expires}  {rights}"
        )


def revoke(table: Any, options: argparse.Namespace) -> None:
    _disable(table, _found(table, options.id))
    print(f"{options.id} is refused from now on, by environments that remember it within a minute")


def rotate(table: Any, options: argparse.Namespace) -> None:
    """A new key with the old one's client and rights. The old one goes on until it is revoked."""
    old = _found(table, options.id)
    if old.get("disabled"):
        raise CannotDo(f"{options.id} is disabled; create a new key")
    kept = {
        name: value
        for name, value in old.items()
        if name in ("client", "scopes", "tier", "tenants", "expires_at")
    }
    print(_store_new(table, kept))
    print(
        f"when nobody uses the old one any more: api_keys.py revoke {options.id}", file=sys.stderr
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


def _found(table: Any, key_id: str) -> dict[str, Any]:
    found = [item for item in _items(table) if item["key_hash"].startswith(key_id)]
    if len(found) != 1:
        raise CannotDo(
            f"{len(found) or 'no'} keys have an id that starts with {key_id!r}; see list"
        )
    return found[0]


def _is_expired(item: dict[str, Any]) -> bool:
    return int(item.get("expires_at", sys.maxsize)) <= time.time()


def _table(options: argparse.Namespace) -> Any:
    if options.table:
        return boto3.resource("dynamodb").Table(options.table)
    if options.stack:
        stack = boto3.resource("cloudformation").Stack(options.stack)
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.outputs or ()}
        if "ApiKeysTable" not in outputs:
            raise CannotDo(f"the stack {options.stack} has no output ApiKeysTable")
        return boto3.resource("dynamodb").Table(outputs["ApiKeysTable"])
    published = State(options.state).read("local.json")
    if published is None:
        raise CannotDo("name a --stack or a --table, or start the local system (make run)")
    local = boto3.resource(
        "dynamodb",
        endpoint_url=published["dynamodb_url"],
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - which the emulation does not look at
    )
    return local.Table(API_KEYS_TABLE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="api_keys.py", description="API keys of a Sluice deployment"
    )
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--stack", help="the CloudFormation stack")
    where.add_argument("--table", help="or its ApiKeysTable")
    where.add_argument(
        "--state", type=Path, default=_state(), help="or the local system's state; or SLUICE_STATE"
    )
    commands = parser.add_subparsers(required=True, metavar="create | list | revoke | rotate")
    making = commands.add_parser("create", parents=[where], help="make a key, and show it once")
    making.add_argument(
        "client", type=_client, help="whose it is: limits and idempotency keys go by this"
    )
    making.add_argument(
        "--scopes", required=True, type=lambda text: text.split(","), help=", ".join(SCOPES)
    )
    making.add_argument("--tier", default="default", help="rate tier")
    making.add_argument(
        "--tenant", action="append", default=[], help="whose rows it may use; may be repeated"
    )
    making.add_argument("--days", type=_days, help="expires after so many; else never")
    making.set_defaults(run=create)
    commands.add_parser("list", parents=[where], help="all keys, by their ids").set_defaults(
        run=list_keys
    )
    for name, run, told in (
        ("revoke", revoke, "refuse a key"),
        ("rotate", rotate, "a new key in place of one"),
    ):
        changing = commands.add_parser(name, parents=[where], help=told)
        changing.add_argument("id", help="as list shows it")
        changing.set_defaults(run=run)
    return parser


def _state() -> Path:
    return Path(os.environ.get("SLUICE_STATE") or ".sluice")  # noqa: TID251 - as the local system reads it


def _client(text: str) -> str:
    """A name without spaces, so that it is no token's: those are `jwt` and a subject."""
    if not re.fullmatch(r"[\w.@+-]{1,100}", text):
        raise argparse.ArgumentTypeError("letters, digits and .@+-_ alone, at most 100")
    return text


def _days(text: str) -> int:
    days = int(text)
    if days < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return days


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

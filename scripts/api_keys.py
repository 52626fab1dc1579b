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
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import key_table
from local.api_keys import API_KEYS_TABLE, GRANTABLE_SCOPES
from local.key_table import ApiKeyError, KeyRights
from local.state import StateFolder, home_of_system


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
    rights = KeyRights(options.client, options.scopes, options.tier, options.tenant, options.days)
    print(key_table.create(table, rights))


def list_keys(table: Any, options: argparse.Namespace) -> None:
    """Print a line for each key: id, client, state, expiry, rate tier, scopes and tenants."""
    for item in key_table.items(table):
        expires: object = "never"
        if "expires_at" in item:
            expires = datetime.fromtimestamp(int(item["expires_at"]), UTC).date()
        key_id, client, state = key_table.id_of(item), item["client"], key_table.state_of(item)
        rights = f"{item.get('tier', 'default')}  {','.join(sorted(item['scopes']))}"
        rights += "".join(f"  tenant {tenant}" for tenant in sorted(item.get("tenants", ())))
        print(f"{key_id}  {client:<24} {state:<9} expires {expires}  {rights}")


def revoke(table: Any, options: argparse.Namespace) -> None:
    """Disable a key."""
    key_table.revoke(table, options.id)
    print(f"{options.id} is revoked; functions that have it in their cache accept it for a minute")


def rotate(table: Any, options: argparse.Namespace) -> None:
    """Create a key with the client and rights of an old one, which stays valid until revoked."""
    print(key_table.rotate(table, options.id))
    print(
        f"revoke the old key when no client uses it any more: make revoke-key ID={options.id}",
        file=sys.stderr,
    )


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
        default=home_of_system(),
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
        "--scopes",
        required=True,
        type=lambda text: text.split(","),
        help=", ".join(GRANTABLE_SCOPES),
    )
    command.add_argument("--tier", default="default", help="the rate tier")
    command.add_argument(
        "--tenant", action="append", default=[], help="a tenant of the key; may be repeated"
    )
    command.add_argument("--days", type=_days, help="days until it expires; default: never")
    command.set_defaults(run=create)


def _client(text: str) -> str:
    try:
        return key_table.client_id(text)
    except ApiKeyError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _days(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,4}", text, re.ASCII):
        raise argparse.ArgumentTypeError("must be a number of days, at least 1 and at most 99999")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

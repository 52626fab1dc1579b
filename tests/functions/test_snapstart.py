"""Nothing that a snapshot holds is in two environments that are restored from it; see restored.py."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from local.api_keys import emulated_client
from sluice import runtime
from sluice.settings import AwsSettings, Settings
from tests.fixtures.aws import API_KEYS_TABLE, RATE_LIMIT_TABLE, AddApiKey
from tests.fixtures.shop import Shop
from tests.functions.snapstart_child import COLD, LEASED

ROOT = Path(__file__).parents[2]
DAY = 86_400  # a window that no test crosses by chance


def environment(settings: Settings) -> dict[str, str]:
    """A function's, where Lambda takes snapshots."""
    database, aws = settings.database, settings.aws
    return {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'shared'}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "SLUICE_DB_HOST": database.host,
        "SLUICE_DB_PORT": str(database.port),
        "SLUICE_DB_NAME": database.name,
        "SLUICE_DB_USER": database.user,
        "SLUICE_DB_PASSWORD": database.password,
        "SLUICE_DB_TLS": "off",
        "SLUICE_CURSOR_KEY": settings.cursor_key.decode(),
        "SLUICE_API_KEYS_TABLE": API_KEYS_TABLE,
        "SLUICE_RATE_LIMIT_TABLE": RATE_LIMIT_TABLE,
        "SLUICE_RATE_TIERS": f"default=100000/{DAY}",
        "SLUICE_LOG_LEVEL": "WARNING",
        "AWS_REGION": aws.region,
        "AWS_ACCESS_KEY_ID": "AKIDSNAPSHOT",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL_DYNAMODB": aws.dynamodb_endpoint,
    }


@pytest.fixture
def life(shop: Shop, add_api_key: AddApiKey, emulated_aws: AwsSettings) -> dict[str, Any]:
    """What was told; with `counted`, the requests that DynamoDB has counted for the caller by the end."""
    key, revoked = (
        add_api_key(f"snapshot {shop.source_ip}", "catalog:read"),
        add_api_key(f"revoked {shop.source_ip}", "catalog:read"),
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.functions.snapstart_child", key, revoked],
        cwd=ROOT, env=environment(runtime.current().settings), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    while "snapshot" not in (line := process.stdout.readline()):
        assert line, "it ended before there was a snapshot"
    add_api_key(revoked, "catalog:read", disabled={"BOOL": True})
    out, _ = process.communicate("\n", timeout=60)
    assert process.returncode == 0
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    return told | {"counted": counted(emulated_aws, f"client of {key}")}


def counted(aws: AwsSettings, client: str) -> int:
    """In the window, and in the one after where it was midnight."""
    dynamodb = emulated_client("dynamodb", aws.dynamodb_endpoint)
    items = dynamodb.call("DynamoDB_20120810.Scan", {"TableName": RATE_LIMIT_TABLE})["Items"]
    dynamodb.close()
    id = sha256(f"default\0{DAY}\0{client}".encode()).hexdigest()
    return sum(int(item["n"]["N"]) for item in items if item["id"]["S"].startswith(f"{id}:"))


def test_what_is_restored_shares_nothing_and_serves(life: dict[str, Any]) -> None:
    held, (one, two) = life["snapshot"], life["restored"]
    assert set(held["statuses"]) == {200}
    assert held["sockets_while_warm"] > 0
    assert held["sockets"] == []
    assert [set(one["statuses"]), set(two["statuses"])] == [{200}, {200}]
    assert len({*one["request_ids"], *two["request_ids"]}) == 2 * COLD
    assert not {*one["sockets"]} & {*two["sockets"]}
    assert one["backend"] != two["backend"]
    assert all(mine != yours for mine, yours in zip(one["drawn"], two["drawn"], strict=True))
    assert (held["signed_as"], one["signed_as"], two["signed_as"]) == (
        "AKIDSNAPSHOT",
        "AKIDONE",
        "AKIDTWO",
    )
    assert (one["refused"], two["refused"]) == (
        401,
        401,
    )  # it was a client's when the snapshot was taken
    # A lease that the snapshot held would be given out by both, and counted once.
    assert held["leased"] == LEASED
    assert life["counted"] >= len(held["statuses"]) - 1 + LEASED + 2 * COLD

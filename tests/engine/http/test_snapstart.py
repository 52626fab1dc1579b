"""Two execution environments restored from one snapshot share no state. See snapstart_child.py."""

import json
import subprocess
import sys
from hashlib import sha256
from typing import Any

import pytest

from local.api_keys import emulated_client
from sluice import runtime
from sluice.settings import AwsSettings
from testing.aws import RATE_LIMIT_TABLE
from tests.engine.http.snapstart_child import LEASED_REQUESTS, REQUESTS_AFTER_RESTORE
from tests.fixtures.aws import AddApiKey
from tests.fixtures.lambda_environment import DAY_SECONDS, ROOT, lambda_environment
from tests.fixtures.sample import Library


@pytest.fixture
def snapstart(
    library: Library, add_api_key: AddApiKey, emulated_aws: AwsSettings
) -> dict[str, Any]:
    """Run snapstart_child.py and return its result.

    `counted` is the number of requests that DynamoDB has counted for the client in the end.
    """
    key = add_api_key(f"snapshot {library.source_ip}", "library:read")
    revoked = add_api_key(f"revoked {library.source_ip}", "library:read")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.engine.http.snapstart_child", key, revoked],
        cwd=ROOT,
        env=lambda_environment(runtime.current().settings, "snap-start"),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    while "snapshot" not in (line := process.stdout.readline()):
        assert line, "the child ended before the snapshot"
    add_api_key(revoked, "library:read", disabled={"BOOL": True})
    out, _ = process.communicate("\n", timeout=60)
    assert process.returncode == 0
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result | {"counted": counted_requests(emulated_aws, f"client of {key}")}


def counted_requests(aws: AwsSettings, client: str) -> int:
    """Return the client's request count, summed over windows in case midnight has passed."""
    dynamodb = emulated_client("dynamodb", aws.dynamodb_endpoint)
    items = dynamodb.call("DynamoDB_20120810.Scan", {"TableName": RATE_LIMIT_TABLE})["Items"]
    dynamodb.close()
    id = sha256(f"default\0{DAY_SECONDS}\0{client}".encode()).hexdigest()
    return sum(int(item["n"]["N"]) for item in items if item["id"]["S"].startswith(f"{id}:"))


def test_restored_environments_share_no_state(snapstart: dict[str, Any]) -> None:
    snapshot = snapstart["snapshot"]
    one, two = snapstart["restored"]
    assert set(snapshot["statuses"]) == {200}
    assert snapshot["sockets_while_warm"] > 0
    assert snapshot["sockets"] == []
    assert [set(one["statuses"]), set(two["statuses"])] == [{200}, {200}]
    assert len({*one["request_ids"], *two["request_ids"]}) == 2 * REQUESTS_AFTER_RESTORE
    assert not {*one["sockets"]} & {*two["sockets"]}
    assert one["backend"] != two["backend"]
    random_values = zip(one["random_values"], two["random_values"], strict=True)
    assert all(first != second for first, second in random_values)
    access_keys = [state["signed_as"] for state in (snapshot, one, two)]
    assert access_keys == ["AKIDSNAPSHOT", "AKIDONE", "AKIDTWO"]
    # The key was valid when the snapshot was taken.
    assert (one["rejected"], two["rejected"]) == (401, 401)
    # A lease in the snapshot would be used by both environments but counted only once.
    assert snapshot["leased"] == LEASED_REQUESTS
    before_snapshot = len(snapshot["statuses"]) - 1
    after_restore = 2 * REQUESTS_AFTER_RESTORE
    assert snapstart["counted"] >= before_snapshot + LEASED_REQUESTS + after_restore

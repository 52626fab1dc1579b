"""The quota of a key that many clients use in many sandboxes: not exceeded, and nearly used up."""

import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from local.api_keys import TABLES, emulated_client
from testing.local_system import LocalSystem, temporary_system
from tests.fixtures.database import owner_connection
from tests.fixtures.waiting import wait_until

QUOTA = 40
SECONDS = 2
CLIENTS = 64
SANDBOXES = 8
WINDOWS = 4


class TimedResponse(NamedTuple):
    """The status of a response, and when the request was sent and the response received."""

    sent: float
    received: float
    status: int


@pytest.fixture(scope="module")
def system() -> Iterator[LocalSystem]:
    with temporary_system() as system:
        system.start(
            "--set", f"RateTiers=default={QUOTA}/{SECONDS},limited=5/60,unlimited=1000000/60"
        )
        start_sandboxes(system)
        yield system


def start_sandboxes(system: LocalSystem) -> None:
    """Start SANDBOXES sandboxes: requests wait for a lock, so that each needs its own."""
    with closing(owner_connection(system.local_json["database_url"])) as owner:
        owner.run("BEGIN")
        owner.run("LOCK TABLE categories IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(SANDBOXES) as threads:
            ends = time.time() + 0.1
            requests = [threads.submit(ask_until, system, ends) for _ in range(SANDBOXES)]
            try:
                wait_until(lambda: sandboxes(system) >= SANDBOXES, f"{SANDBOXES} sandboxes")
            finally:
                owner.run("ROLLBACK")
            wait(requests)


def sandboxes(system: LocalSystem) -> int:
    commands = [Path(f"/proc/{pid}/cmdline") for pid in system.child_pids()]
    return sum(b"bootstrap.py" in command.read_bytes() for command in commands if command.exists())


def ask_until(system: LocalSystem, ends: float) -> list[TimedResponse]:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{system.local_json['base_url']}/api/categories", headers={"X-API-Key": "local-reader"}
    )
    responses = []
    while (sent := time.time()) < ends:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                status = response.status
        except urllib.error.HTTPError as error:
            with error:
                status = error.code
        responses.append(TimedResponse(sent, time.time(), status))
    return responses


def counts(system: LocalSystem) -> dict[int, int]:
    """Return the number of requests that DynamoDB has counted in each window."""
    dynamodb = emulated_client("dynamodb", system.local_json["dynamodb_url"])
    scanned = dynamodb.call(
        "DynamoDB_20120810.Scan", {"TableName": TABLES["SLUICE_RATE_LIMIT_TABLE"]}
    )
    dynamodb.close()
    return {
        int(item["id"]["S"].rpartition(":")[2]): int(item["n"]["N"]) for item in scanned["Items"]
    }


def rush(system: LocalSystem) -> None:
    """Let every client send requests as fast as it can for WINDOWS windows; check the counts."""
    begins = (time.time() // SECONDS + 1) * SECONDS
    ends = begins + WINDOWS * SECONDS
    with ThreadPoolExecutor(CLIENTS) as threads:
        by_client = threads.map(lambda _: ask_until(system, ends), range(CLIENTS))
        responses = [response for client in by_client for response in client]
    assert {response.status for response in responses} <= {200, 429}
    counted = counts(system)
    assert max(counted.values()) <= QUOTA

    # A request that was sent and answered in one window was admitted in that window. Neither one
    # window nor all windows together may have more admitted requests than were counted.
    windows = range(int(begins) // SECONDS, int(ends) // SECONDS)
    admitted = [response for response in responses if response.status == 200]
    within_one_window = Counter(
        int(each.sent) // SECONDS
        for each in admitted
        if int(each.sent) // SECONDS == int(each.received) // SECONDS
    )
    exceeded = {
        window: number
        for window, number in within_one_window.items()
        if number > counted.get(window, 0)
    }
    assert exceeded == {}
    assert len(admitted) <= sum(
        number for window, number in counted.items() if window >= windows[0] - 1
    )

    assert sum(counted.get(window, 0) for window in windows) >= 0.9 * QUOTA * len(windows), counted
    assert len(responses) > 2 * len(admitted), "the demand must exceed the quota"


@pytest.mark.slow  # tests/engine/limits/test_concurrent_environments.py has a clock of its own
@pytest.mark.parametrize("run", range(20))
def test_quota_holds_in_every_run(system: LocalSystem, run: int) -> None:
    rush(system)

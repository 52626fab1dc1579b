"""One key, many clients, many environments: never more than its quota in a window of the clock, and nearly all."""

import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from local.api_keys import TABLES, emulated_client
from tests.fixtures.local_system import LocalSystem, temporary_system

QUOTA, SECONDS = 40, 2
CLIENTS, SANDBOXES, WINDOWS = 64, 8, 4


class Answer(NamedTuple):
    """When it was asked for and had, by the clock that the functions have too."""

    sent: float
    had: float
    status: int


@pytest.fixture(scope="module")
def system() -> Iterator[LocalSystem]:
    with temporary_system() as system:
        system.start(
            "--set", f"RateTiers=default={QUOTA}/{SECONDS},limited=5/60,unlimited=1000000/60"
        )
        while sandboxes(system) < SANDBOXES:
            with ThreadPoolExecutor(CLIENTS) as threads:
                list(threads.map(lambda _: ask_until(system, time.time() + 0.2), range(CLIENTS)))
        yield system


def sandboxes(system: LocalSystem) -> int:
    commands = [Path(f"/proc/{pid}/cmdline") for pid in system.child_pids()]
    return sum(b"bootstrap.py" in command.read_bytes() for command in commands if command.exists())


def ask_until(system: LocalSystem, ends: float) -> list[Answer]:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{system.local_json['base_url']}/api/categories", headers={"X-API-Key": "local-reader"}
    )
    answers = []
    while (sent := time.time()) < ends:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                status = answer.status
        except urllib.error.HTTPError as error:
            with error:
                status = error.code
        answers.append(Answer(sent, time.time(), status))
    return answers


def counts(system: LocalSystem) -> dict[int, int]:
    """Window → what DynamoDB has counted in it."""
    dynamodb = emulated_client("dynamodb", system.local_json["dynamodb_url"])
    scanned = dynamodb.call(
        "DynamoDB_20120810.Scan", {"TableName": TABLES["SLUICE_RATE_LIMIT_TABLE"]}
    )
    dynamodb.close()
    return {
        int(item["id"]["S"].rpartition(":")[2]): int(item["n"]["N"]) for item in scanned["Items"]
    }


def rush(system: LocalSystem) -> None:
    """Every client asks as often as it can, for WINDOWS whole windows."""
    begins = (time.time() // SECONDS + 1) * SECONDS
    ends = begins + WINDOWS * SECONDS
    with ThreadPoolExecutor(CLIENTS) as threads:
        asked = threads.map(lambda _: ask_until(system, ends), range(CLIENTS))
        answers = [answer for one in asked for answer in one]
    assert {answer.status for answer in answers} <= {200, 429}
    counted = counts(system)
    assert max(counted.values()) <= QUOTA

    # An answer that was asked for and had in one window was admitted in it: of those no window may have more than was
    # counted, nor all windows together.
    windows = range(int(begins) // SECONDS, int(ends) // SECONDS)
    admitted = [answer for answer in answers if answer.status == 200]
    surely = Counter(
        int(a.sent) // SECONDS for a in admitted if int(a.sent) // SECONDS == int(a.had) // SECONDS
    )
    assert {window: number for window, number in surely.items() if number > counted[window]} == {}
    assert len(admitted) <= sum(
        number for window, number in counted.items() if window >= windows[0] - 1
    )

    assert sum(counted[window] for window in windows) >= 0.9 * QUOTA * len(windows), counted
    assert len(answers) > 2 * len(admitted), "there was more demand than there was quota"


def test_a_key_on_many_environments_gets_its_quota_and_no_more(system: LocalSystem) -> None:
    rush(system)


@pytest.mark.slow
@pytest.mark.parametrize("run", range(20))
def test_and_so_it_does_every_time(system: LocalSystem, run: int) -> None:
    rush(system)

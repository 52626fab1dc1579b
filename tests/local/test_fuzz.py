"""Schemathesis asks the running system whatever openapi.json allows, and what it forbids, and holds every answer to it.

`make fuzz` asks thousands of times; here each route is asked a little.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.local_system import LocalSystem, temporary_system

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fuzzed_shop() -> Iterator[LocalSystem]:
    """Of these tests alone: nobody knows what they leave of it."""
    with temporary_system(SLUICE_SEED="") as system:
        yield system.start()


def fuzz(system: LocalSystem, *options: str) -> None:
    document, base_url = str(ROOT / "openapi.json"), system.local_json["base_url"]
    config = str(ROOT / "tests/fuzz.toml")
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        config,
        "run",
        document,
        "--url",
        base_url,
    ]
    command += ["-H", "X-API-Key: local-admin", "--checks", "all"]
    command += ["--workers", "2", "--continue-on-failure", "--no-color", *options]
    run = subprocess.run(command, cwd=system.home, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-8_000:] + run.stderr


def test_the_running_system_is_what_its_document_says(fuzzed_shop: LocalSystem) -> None:
    fuzz(fuzzed_shop, "--phases", "fuzzing", "--max-examples", "4", "--seed", "1")


@pytest.mark.slow
def test_thousands_of_requests_find_no_difference(fuzzed_shop: LocalSystem) -> None:
    fuzz(fuzzed_shop, "--max-examples", os.environ.get("SLUICE_FUZZ", "30"))

"""Schemathesis sends requests that openapi.json allows and forbids, and checks every response.

Here each route gets a few requests; `make fuzz` sends thousands.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.local_system import LocalSystem, temporary_system

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fuzzed_shop() -> Iterator[LocalSystem]:
    """A system for these tests only, because they change its data arbitrarily."""
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
    hooks = {"SCHEMATHESIS_HOOKS": "tests.fixtures.whole_numbers", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        command,
        cwd=system.home,
        env=os.environ | hooks,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-8_000:] + run.stderr


def test_system_conforms_to_openapi(fuzzed_shop: LocalSystem) -> None:
    fuzz(fuzzed_shop, "--phases", "fuzzing", "--max-examples", "4", "--seed", "1")


@pytest.mark.slow
def test_system_conforms_in_thousands_of_requests(fuzzed_shop: LocalSystem) -> None:
    fuzz(fuzzed_shop, "--max-examples", os.environ.get("SLUICE_FUZZ", "30"))

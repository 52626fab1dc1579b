"""Schemathesis sends requests that the OpenAPI document allows and forbids.

Here each route gets a few requests. `make fuzz` sends thousands. An application that has texts for
its OpenAPI document has a test of its own, which sends the requests to the whole system.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import openapi
from sluice import application
from tests.fixtures.cases import case_of
from tests.fixtures.client import Client
from tests.fixtures.resources import RESOURCES, fill
from tests.fixtures.served import served_handlers

CONFIG = Path(__file__).with_name("fuzz.toml")
pytestmark = pytest.mark.skipif(
    bool(application.current().openapi), reason="tests/local sends the requests"
)


def send_requests(client: Client, folder: Path, *options: str) -> None:
    """Fill each table, send requests to each route, and check every response."""
    for name in RESOURCES:
        if case_of(name).resource.writes:
            fill(client, name, 3)
    document = folder / "openapi.json"
    document.write_text(json.dumps(openapi.document()))
    with served_handlers() as url:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
        command += [str(document), "--url", url, "-H", "X-API-Key: local-admin", "--checks", "all"]
        command += ["--exclude-path-regex", "/api/(graphql|imports)", "--no-color"]
        command += ["--workers", "1", "--continue-on-failure", *options]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    report = "\n".join(line[:300] for line in run.stdout.splitlines())  # URLs may be long
    assert run.returncode == 0, report[-12_000:] + run.stderr


@pytest.mark.timeout(900)
def test_handlers_conform_to_openapi(isolated_client: Client, tmp_path: Path) -> None:
    examples = os.environ.get("SLUICE_FUZZ") or "4"
    send_requests(
        isolated_client, tmp_path, "--phases", "fuzzing", "--max-examples", examples, "--seed", "1"
    )


@pytest.mark.slow
def test_handlers_conform_in_thousands_of_requests(isolated_client: Client, tmp_path: Path) -> None:
    send_requests(isolated_client, tmp_path, "--max-examples", os.environ.get("SLUICE_FUZZ", "30"))

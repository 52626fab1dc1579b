"""Schemathesis sends requests that the OpenAPI document allows and forbids.

Here each route gets a few requests. `make fuzz` sends thousands. An application that has texts for
its OpenAPI document has a test of its own, which sends the requests to the whole system.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pg8000.exceptions import DatabaseError

from scripts import openapi
from sluice import application
from sluice.sql.identifiers import qualified
from tests.fixtures.cases import case_of, stored
from tests.fixtures.client import Client
from tests.fixtures.resources import RESOURCES, fill
from tests.fixtures.served import served_handlers
from tests.fixtures.template import ROOT

SYNTAX_OR_NAMES = "42"  # the class of SQLSTATEs

CONFIG = Path(__file__).with_name("fuzz.toml")
HOOKS = {"SCHEMATHESIS_HOOKS": "tests.fixtures.whole_numbers", "PYTHONPATH": str(ROOT)}
pytestmark = pytest.mark.skipif(
    bool(application.current().openapi), reason="tests/local sends the requests"
)


def broken_functions(client: Client) -> Iterator[str]:
    """Yield the functions of an owner whose SQL names what is not there: each call is an error."""
    for resource in (case_of(name).resource for name in RESOURCES):
        for function in resource.functions:
            fields = [*resource.keys, *function.arguments]
            values = ", ".join(field.bind(f"p{at}") for at, field in enumerate(fields))
            samples = {f"p{at}": stored(each, each.sample(1)) for at, each in enumerate(fields)}
            client.sql("BEGIN")
            try:
                client.sql(f"SELECT {qualified(function.function)}({values})", **samples)
            except DatabaseError as error:
                if error.args[0]["C"].startswith(SYNTAX_OR_NAMES):
                    yield function.name
            client.sql("ROLLBACK")


def send_requests(client: Client, folder: Path, *options: str) -> None:
    """Fill each table, send requests to each route, and check every response."""
    for name in RESOURCES:
        if case_of(name).resource.writes:
            fill(client, name, 3)
    broken = [*broken_functions(client)]
    document = folder / "openapi.json"
    document.write_text(json.dumps(openapi.document()))
    with served_handlers() as url:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
        command += [str(document), "--url", url, "-H", "X-API-Key: local-admin", "--checks", "all"]
        excluded = "|".join(["/api/(graphql|imports)", *(f"/{name}$" for name in broken)])
        command += ["--exclude-path-regex", excluded, "--no-color"]
        command += ["--workers", "1", "--continue-on-failure", *options]
        run = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | HOOKS,
            capture_output=True,
            text=True,
            check=False,
        )
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

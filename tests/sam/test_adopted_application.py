"""Adopt forty tables, build them, and call the built functions with `sam local invoke`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testing.copied_repository import copy_of_repository, run
from testing.local_system import LocalSystem, temporary_system
from tests.adopted.__main__ import adopt, loaded
from tests.fixtures.postgres import throwaway_server
from tests.fixtures.template import ROOT
from tests.sam.conftest import Sam

pytestmark = pytest.mark.slow

APP = "forty"


@dataclass(frozen=True, slots=True)
class Adopted:
    """The application in a copy of the repository, which a local system serves, too."""

    copy: Path
    system: LocalSystem
    sam: Sam

    def invoke(self, function: str, event: str) -> tuple[int, Any]:
        """Call a built function with one of the derived events."""
        path = self.copy / f"deploy/{APP}/events/{event}.json"
        command = self.sam.command("invoke", function, "--event", str(path))
        done = subprocess.run(command, cwd=self.copy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        response = json.loads(done.stdout.strip().splitlines()[-1])
        return response["statusCode"], json.loads(response["body"])


@pytest.fixture(scope="module")
def adopted(sam_program: str) -> Iterator[Adopted]:
    with throwaway_server(durable=False) as server, copy_of_repository() as copy:
        url = loaded(server, ROOT / "tests/adopted/forty.sql", APP)
        adopt(url, copy, APP)
        run(copy, sys.executable, "scripts/connection_budget.py", SLUICE_APP=APP)
        run(copy, "make", "build", f"APP={APP}", SAM_CLI_TELEMETRY="0")
        run(
            copy,
            sys.executable,
            "-m",
            "local",
            "migrate",
            DATABASE_URL=url,
            SLUICE_APP=APP,
            APP=APP,
        )
        docker = {name: value for name, value in os.environ.items() if name == "DOCKER_HOST"}
        with temporary_system(copy, DATABASE_URL=url, SLUICE_APP=APP, APP=APP, **docker) as system:
            system.start()
            yield Adopted(copy, system, Sam(sam_program, system.home / "state/env.json"))


def test_forty_tables_are_served(adopted: Adopted) -> None:
    paths = json.loads((adopted.copy / f"deploy/{APP}/openapi.json").read_text())["paths"]

    assert len([path for path in paths if path.count("/") == 2 and path.startswith("/api/")]) >= 40


def test_built_functions_create_and_list_rows(adopted: Adopted) -> None:
    for group, function in (("sales", "SalesFunction"), ("stock", "StockFunction")):
        created, row = adopted.invoke(function, f"{group}_labels_create")
        listed, page = adopted.invoke(function, f"{group}_labels_list")

        assert (created, listed) == (201, 200)
        assert page["data"] == [row]
        assert adopted.system.request(f"/api/{group}_labels")[1]["data"] == [row]


def test_built_graphql_queries_an_adopted_table(adopted: Adopted) -> None:
    status, answer = adopted.invoke("GraphqlFunction", "graphql_query")

    assert status == 200
    assert "errors" not in answer
    [connection] = answer["data"].values()
    assert connection == {"nodes": []}

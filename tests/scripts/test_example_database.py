"""`make example-database` creates the tables of the tutorial on the running system's server."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from scripts.example_database import create
from tests.fixtures.database import owner_connection
from tests.fixtures.postgres import throwaway_server
from tests.fixtures.template import ROOT


def test_existing_example_stays_as_it_is() -> None:
    with throwaway_server(durable=False) as server:
        url = create(server.url())
        with closing(owner_connection(url)) as connection:
            connection.run("DELETE FROM invoices WHERE number = 'R-1001'")

        assert create(server.url()) == url == server.url(database="company")

        with closing(owner_connection(url)) as connection:
            assert connection.run("SELECT count(*) FROM invoices") == [[599]]
            assert connection.run("SELECT count(*) FROM customers") == [[60]]


def test_without_running_system_it_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.example_database"],
        cwd=ROOT,
        env={"PYTHONPATH": ".:layers/shared", "SLUICE_STATE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "sluice: not running; start it with: make run\n"

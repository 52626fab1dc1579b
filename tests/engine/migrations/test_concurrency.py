"""Migrations that run at the same time, or are killed."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sluice.migrations.runner import migrate_url
from tests.fixtures.database import owner_connection
from tests.fixtures.foreign_database import ForeignDatabase, ForeignServer
from tests.fixtures.waiting import wait_until

ROOT = Path(__file__).parents[3]
MIGRATE = """
import sys
from sluice.migrations.runner import migrate_url
migrate_url(sys.argv[1], "sample", analyst_connections=8)
"""


def start_migration(database: ForeignDatabase) -> subprocess.Popen[bytes]:
    """Start a migration in another process, because Alembic keeps its context in a global."""
    command = [sys.executable, "-c", MIGRATE, database.url]
    path = f"{ROOT / 'layers' / 'shared'}:{ROOT / 'tests' / 'apps'}"
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})


def migrate_at_once(databases: list[ForeignDatabase]) -> list[int]:
    """Migrate all databases at the same time. Return the exit codes."""
    processes = [start_migration(database) for database in databases]
    return [process.wait() for process in processes]


def test_concurrent_runs_in_one_database(database: ForeignDatabase) -> None:
    assert migrate_at_once([database] * 4) == [0] * 4
    assert database.sql("SELECT count(*) FROM sluice.version") == [[1]]


@pytest.mark.parametrize("rounds", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_concurrent_runs_in_several_databases(server: ForeignServer, rounds: int) -> None:
    databases = [server.create_database("SUPERUSER") for _ in range(4)]
    for _ in range(rounds):
        assert migrate_at_once(databases) == [0] * 4
        for database in databases:
            database.remove("sample")
        assert databases[0].roles() == set()


def test_killed_run_leaves_nothing(database: ForeignDatabase) -> None:
    before = database.snapshot()
    with closing(owner_connection(database.superuser_url)) as other:
        other.run("BEGIN")
        other.run("LOCK TABLE pg_catalog.pg_description IN ACCESS EXCLUSIVE MODE")
        # The trigger of import_jobs waits for this lock, after two revisions.
        other.run("LOCK TABLE pg_catalog.pg_trigger IN ACCESS EXCLUSIVE MODE")
        process = start_migration(database)
        is_waiting = """
            SELECT EXISTS (
                SELECT FROM pg_locks WHERE NOT granted AND relation = 'pg_trigger'::regclass
            )
        """
        wait_until(lambda: other.run(is_waiting) == [[True]], "the migration to wait for a lock")
        process.send_signal(signal.SIGKILL)
        process.wait()
        other.run("ROLLBACK")
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice-batch'"
    wait_until(lambda: database.sql(sessions) == [[0]], "the server to end the session")
    assert database.snapshot() == before
    assert migrate_url(database.url, "sample").revisions["sample"] == "0001"

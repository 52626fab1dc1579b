"""Migrations that run at the same time, or are killed half-way."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from sluice.migrations.runner import migrate_url
from tests.fixtures.shop import owner_connection
from tests.local.waiting import wait_until
from tests.migrations.conftest import Company, Server

ROOT = Path(__file__).parents[2]
MIGRATE = """
import sys
from sluice.migrations.runner import migrate_url
migrate_url(sys.argv[1], "shop", analyst_connections=8)
"""


def start(company: Company) -> subprocess.Popen[bytes]:
    """A migration in a process of its own: Alembic keeps its context in a global."""
    return subprocess.Popen(
        [sys.executable, "-c", MIGRATE, company.url], cwd=ROOT / "layers/shared"
    )


def at_once(companies: list[Company]) -> list[int]:
    """Migrate all of these at the same time; the exit status of each."""
    return [process.wait() for process in [start(company) for company in companies]]


def test_several_at_once_in_one_database_are_one(company: Company) -> None:
    assert at_once([company] * 4) == [0] * 4
    assert company.sql("SELECT count(*) FROM sluice.version") == [[1]]


def test_several_at_once_in_different_databases_of_a_server(server: Server) -> None:
    companies = [server.company("SUPERUSER") for _ in range(4)]
    for _ in range(3):
        assert at_once(companies) == [0] * 4
        for company in companies:
            company.remove("shop")
        assert companies[0].roles() == set()


def test_one_that_is_killed_leaves_nothing(company: Company) -> None:
    before = company.seen()
    with closing(owner_connection(company.superuser)) as other:
        other.run("BEGIN")
        other.run("LOCK TABLE pg_catalog.pg_description IN ACCESS EXCLUSIVE MODE")
        other.run(
            "LOCK TABLE pg_catalog.pg_trigger IN ACCESS EXCLUSIVE MODE"
        )  # of import_jobs, after 2 revisions
        killed = start(company)
        waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'pg_trigger'::regclass)"
        wait_until(lambda: other.run(waits) == [[True]], "the migration to wait for a lock")
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        other.run("ROLLBACK")
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice-batch'"
    wait_until(lambda: company.sql(sessions) == [[0]], "the server to notice")
    assert company.seen() == before
    assert migrate_url(company.url, "shop").revisions["shop"] == "0003"

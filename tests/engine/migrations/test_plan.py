"""Plans: the SQL that a migration would run, for an administrator to read and psql to run."""

import re
import subprocess

import pytest

from local.postgres import SERVER_ENVIRONMENT
from sluice.db.engine import make_engine
from sluice.migrations.plan import plan
from sluice.migrations.runner import migrate_url
from sluice.settings import DatabaseSettings
from tests.fixtures.foreign_database import ForeignDatabase, ForeignServer

GRANTS_SQL = """
    SELECT role, privilege, kind, regexp_replace(name, '^foreign.*', '')
    FROM sluice.grants ORDER BY 1, 2, 3, 4
"""
SETTINGS_SQL = """
    SELECT rolname, setconfig FROM pg_db_role_setting s
    JOIN pg_roles r ON r.oid = setrole
    JOIN pg_database d ON d.oid = setdatabase AND datname = current_database()
    ORDER BY 1
"""


def make_plan(url: str, app: str) -> str:
    return plan(make_engine(DatabaseSettings.from_url(url), "batch"), app)


def run_psql(database: ForeignDatabase, script: str) -> None:
    psql = str(database.bindir / "psql")
    command = [psql, "-qX", "-v", "ON_ERROR_STOP=1", "-d", database.url]
    subprocess.run(
        command, input=script, text=True, check=True, capture_output=True, env=SERVER_ENVIRONMENT
    )


def comparable_state(database: ForeignDatabase) -> list[object]:
    """Return the state without the owners' names and the times of the grants."""
    dump = re.sub("(owner|reader)_[0-9a-f]{8}", r"\1", database.dump())
    return [dump, database.sql(GRANTS_SQL), database.sql(SETTINGS_SQL)]


@pytest.mark.parametrize("app", ["", "sample"])
def test_psql_does_the_same_as_a_migration(server: ForeignServer, app: str) -> None:
    database, other = server.create_database("SUPERUSER"), server.create_database("SUPERUSER")
    before = database.snapshot()
    script = make_plan(database.url, app)
    assert database.snapshot() == before
    run_psql(database, script)
    assert make_plan(database.url, app) == "-- Nothing is missing.\n"
    migrate_url(other.url, app)
    assert comparable_state(database) == comparable_state(other)


def test_any_user_can_make_a_plan(database: ForeignDatabase, server: ForeignServer) -> None:
    database.sql("CREATE ROLE sluice_onlooker LOGIN PASSWORD 'canary-onlooker'")
    name = database.sql("SELECT current_database()")[0][0]
    url = server.server.url("sluice_onlooker", name, password="canary-onlooker")
    script = make_plan(url, "sample")
    assert "CREATE SCHEMA sluice;" in script
    assert "CREATE TABLE public.books (" in script
    assert 'CREATE ROLE "sluice_app" LOGIN;' in script


def test_plan_has_only_new_migrations(database: ForeignDatabase) -> None:
    migrate_url(database.url)
    script = make_plan(database.superuser_url, "sample")
    assert "CREATE SCHEMA" not in script
    assert "CREATE TABLE sluice.import_jobs" not in script
    assert "CREATE TABLE public.books (" in script

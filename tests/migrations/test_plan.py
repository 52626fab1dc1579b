"""The plan: what a migration would run, for an administrator to read and for psql to run."""

import re
import subprocess

import pytest

from local.postgres import SERVER_ENVIRONMENT
from sluice.db.engine import make_engine
from sluice.migrations.plan import plan
from sluice.migrations.runner import migrate_url
from sluice.settings import DatabaseSettings
from tests.migrations.conftest import Company, Server


def planned(url: str, app: str) -> str:
    return plan(make_engine(DatabaseSettings.from_url(url), "batch"), app)


def run_by_psql(company: Company, script: str) -> None:
    words = [str(company.bindir / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-d", company.url]
    subprocess.run(
        words, input=script, text=True, check=True, capture_output=True, env=SERVER_ENVIRONMENT
    )


@pytest.mark.parametrize("app", ["", "shop"])
def test_psql_makes_of_it_what_a_migration_makes(server: Server, app: str) -> None:
    company, other = server.company("SUPERUSER"), server.company("SUPERUSER")
    before = company.seen()
    script = planned(company.url, app)
    assert company.seen() == before
    run_by_psql(company, script)
    assert planned(company.url, app) == "-- Nothing is missing.\n"
    migrate_url(other.url, app)
    assert alike(company) == alike(other)


def alike(company: Company) -> list[object]:
    """What is the same in two companies: all but the owners' names, and when something was granted."""
    dump = re.sub("(owner|reader)_[0-9a-f]{8}", r"\1", company.dump())
    grants = "SELECT role, privilege, kind, regexp_replace(name, '^company.*', '') FROM sluice.grants ORDER BY 1, 2, 3, 4"
    settings = (
        "SELECT rolname, setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = setrole "
        "JOIN pg_database d ON d.oid = setdatabase AND datname = current_database() ORDER BY 1"
    )
    return [dump, company.sql(grants), company.sql(settings)]


def test_any_user_may_make_it(company: Company, server: Server) -> None:
    company.sql("CREATE ROLE sluice_onlooker LOGIN PASSWORD 'canary-onlooker'")
    name = company.sql("SELECT current_database()")[0][0]
    script = planned(server.server.url("sluice_onlooker", name, password="canary-onlooker"), "shop")
    assert "CREATE SCHEMA sluice;" in script
    assert "CREATE TABLE public.orders (" in script
    assert 'CREATE ROLE "sluice_app" LOGIN;' in script


def test_it_has_what_is_new_alone(company: Company) -> None:
    migrate_url(company.url)
    script = planned(company.superuser, "shop")
    assert "CREATE SCHEMA" not in script
    assert "CREATE TABLE sluice.import_jobs" not in script
    assert "CREATE TABLE public.orders (" in script

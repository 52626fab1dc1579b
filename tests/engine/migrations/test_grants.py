"""The privileges that follow from an application's registry."""

import sys
from pathlib import Path

import pytest

from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.db.sqlalchemy_pool import SqlalchemyPool
from sluice.migrations.applications import application_grants
from sluice.migrations.grants import Grant, of_functions, of_tables, required
from sluice.migrations.roles import ANALYST, APP
from sluice.query import Query
from sluice.settings import DatabaseSettings

TABLES = (
    ("lib.books", "SELECT, INSERT", True),
    ("lib.Shelf", "SELECT", False),
)
FUNCTIONS = ("lib.Lend",)
LEND = """CREATE FUNCTION public."Lend"(bigint, text) RETURNS text LANGUAGE sql AS 'SELECT $2'"""


def test_tables_give_privileges_on_tables_and_schemas() -> None:
    assert list(dict.fromkeys(of_tables(TABLES))) == [
        Grant(APP, "USAGE", "SCHEMA", "lib"),
        Grant(APP, "SELECT, INSERT", "TABLE", "lib.books"),
        Grant(ANALYST, "USAGE", "SCHEMA", "lib"),
        Grant(ANALYST, "SELECT", "TABLE", "lib.books"),
        Grant(APP, "SELECT", "TABLE", 'lib."Shelf"'),
    ]


def test_functions_give_privileges_by_their_name() -> None:
    assert list(of_functions(FUNCTIONS)) == [
        Grant(APP, "USAGE", "SCHEMA", "lib"),
        Grant(APP, "EXECUTE", "FUNCTION", 'lib."Lend"'),
    ]


def test_function_is_found_by_its_name(empty_database: str) -> None:
    settings = DatabaseSettings.from_url(empty_database)
    database = Database(SqlalchemyPool(make_engine(settings, "function")))
    grant = Grant("pg_monitor", "EXECUTE", "FUNCTION", 'public."Lend"')

    def is_granted() -> bool:
        return bool(database.read(Query(grant.check_query()))[0][0])

    assert not is_granted()
    database.write(Query(LEND))
    database.write(Query('REVOKE EXECUTE ON FUNCTION public."Lend" FROM PUBLIC'))
    assert not is_granted()
    database.write(Query(grant.statements()[0]))
    assert is_granted()
    database.dispose()


def test_each_privilege_is_required_once() -> None:
    twice = [Grant(APP, "SELECT, INSERT", "TABLE", "lib.books"), *of_tables(TABLES)]

    found = [grant for grant in required("d", twice) if grant.name == "lib.books"]

    assert found == [
        Grant(APP, "SELECT", "TABLE", "lib.books"),
        Grant(APP, "INSERT", "TABLE", "lib.books"),
        Grant(ANALYST, "SELECT", "TABLE", "lib.books"),
    ]


def test_registry_and_further_grants_are_those_of_an_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations = tmp_path / "granting" / "migrations"
    migrations.mkdir(parents=True)
    (tmp_path / "granting" / "registry.py").write_text(
        f"TABLES = {TABLES!r}\nFUNCTIONS = {FUNCTIONS!r}\n"
    )
    (migrations / "grants.py").write_text('GRANTS = ("by hand",)\n')
    monkeypatch.syspath_prepend(tmp_path)

    found = list(application_grants("granting"))

    assert found == [*of_tables(TABLES), *of_functions(FUNCTIONS), "by hand"]
    for name in [name for name in sys.modules if name.split(".")[0] == "granting"]:
        del sys.modules[name]

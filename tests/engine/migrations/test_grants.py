"""The privileges that follow from an application's registry."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.migrations.applications import application_grants
from sluice.migrations.grants import Grant, combined, of_functions, of_tables, required
from sluice.migrations.pending import PendingChanges
from sluice.migrations.roles import ANALYST, APP
from sluice.query import Query
from sluice.settings import DatabaseSettings

TABLES = (
    ("lib.books", {"SELECT": ("id", "order"), "DELETE": ()}, True),
    ("lib.Shelf", {"SELECT": ()}, False),
)
FUNCTIONS = ("lib.Lend",)
SEQUENCES = """CREATE SCHEMA "order";
CREATE SEQUENCE "order".by_hand;
CREATE TABLE "order"."T" (
    id serial, number bigint DEFAULT nextval('"order".by_hand'),
    same bigint GENERATED ALWAYS AS IDENTITY
);
CREATE TABLE "order".reads (id serial)"""
LEND = """CREATE FUNCTION public."Lend"(bigint, text) RETURNS text LANGUAGE sql AS 'SELECT $2'"""


def test_tables_give_privileges_on_tables_and_schemas() -> None:
    assert list(dict.fromkeys(of_tables(TABLES))) == [
        Grant(APP, "USAGE", "SCHEMA", "lib"),
        Grant(APP, "SELECT", "TABLE", "lib.books", ("id", "order")),
        Grant(APP, "DELETE", "TABLE", "lib.books"),
        Grant(ANALYST, "USAGE", "SCHEMA", "lib"),
        Grant(ANALYST, "SELECT", "TABLE", "lib.books", ("id", "order")),
        Grant(APP, "SELECT", "TABLE", 'lib."Shelf"'),
    ]


def test_functions_give_privileges_by_their_name() -> None:
    assert list(of_functions(FUNCTIONS)) == [
        Grant(APP, "USAGE", "SCHEMA", "lib"),
        Grant(APP, "EXECUTE", "FUNCTION", 'lib."Lend"'),
    ]


def test_function_is_found_by_its_name(empty_database: str) -> None:
    settings = DatabaseSettings.from_url(empty_database)
    database = Database(make_pool(settings, "function"))
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


def test_any_name_of_a_schema_is_quoted() -> None:
    tables = [(name, {"SELECT": ()}, False) for name in ("order.x", "a-b.Y", "c:d.z")]

    names = [grant.name for grant in of_tables(tables) if grant.kind == "TABLE"]

    assert names == ['"order".x', '"a-b"."Y"', '"c:d".z']


def test_insert_needs_the_sequence_of_a_serial(empty_database: str) -> None:
    settings = DatabaseSettings.from_url(empty_database)
    database = Database(make_pool(settings, "function"))
    for statement in SEQUENCES.split(";\n"):
        database.write(Query(statement))
    tables = (
        ("order.T", {"SELECT": (), "INSERT": ("number",)}, False),
        ("order.reads", {"SELECT": ("id",)}, False),
    )
    pending = PendingChanges(lambda query: database.read(Query(query))[0][0])

    def sequences() -> list[str]:
        grants = pending.privileges(replace(each, role="pg_monitor") for each in of_tables(tables))
        found = [grant for grant in grants if grant.kind == "SEQUENCE"]
        for grant in found:
            database.write(Query(grant.statements()[0]))
        return sorted(grant.name for grant in found)

    assert sequences() == ['"order"."T_id_seq"', '"order".by_hand']
    assert sequences() == []
    database.dispose()


def test_each_privilege_is_required_once() -> None:
    twice = [Grant(APP, "SELECT", "TABLE", "lib.books", ("id",)), *of_tables(TABLES)]

    found = [grant for grant in required("d", twice) if grant.name == "lib.books"]

    assert found == [
        Grant(APP, "SELECT", "TABLE", "lib.books", ("id",)),
        Grant(APP, "SELECT", "TABLE", "lib.books", ("order",)),
        Grant(APP, "DELETE", "TABLE", "lib.books"),
        Grant(ANALYST, "SELECT", "TABLE", "lib.books", ("id",)),
        Grant(ANALYST, "SELECT", "TABLE", "lib.books", ("order",)),
    ]


def test_columns_are_granted_at_once_and_recorded_one_by_one() -> None:
    (grant,) = combined(Grant(APP, "SELECT", "TABLE", "lib.books", (c,)) for c in ("id", "a (b"))

    statement, record = grant.statements()

    assert statement == 'GRANT SELECT (id, "a (b") ON TABLE lib.books TO "sluice_app"'
    assert "'SELECT (id)'" in record
    assert Grant.of_record(APP, "SELECT (a (b)", "TABLE", "lib.books").columns == ("a (b",)


def test_registry_and_further_grants_are_those_of_an_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations = tmp_path / "granting" / "migrations"
    migrations.mkdir(parents=True)
    (tmp_path / "granting" / "registry.py").write_text(
        f"TABLES = {TABLES!r}\nFUNCTIONS = {FUNCTIONS!r}\n"
    )
    (tmp_path / "granting" / "application.py").write_text(
        "from sluice.application import Application\n"
        'APPLICATION = Application(format=1, name="granting", search_path=("lib", "Odd order"))\n'
    )
    (migrations / "grants.py").write_text('GRANTS = ("by hand",)\n')
    monkeypatch.syspath_prepend(tmp_path)

    found = list(application_grants("granting"))

    of_path = [
        Grant(role, "USAGE", "SCHEMA", schema)
        for schema in ("lib", '"Odd order"')
        for role in (APP, ANALYST)
    ]
    assert found == [*of_tables(TABLES), *of_functions(FUNCTIONS), *of_path, "by hand"]
    for name in [name for name in sys.modules if name.split(".")[0] == "granting"]:
        del sys.modules[name]

"""An application without migrations: its owner made the tables, and Sluice only grants."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.db.engine import make_engine
from sluice.errors import SluiceError
from sluice.migrations.plan import plan
from sluice.migrations.removal import CannotRemove
from sluice.migrations.runner import migrate_url
from sluice.settings import DatabaseSettings
from tests.fixtures.foreign_database import ForeignDatabase

APPLICATION = """
from sluice.application import Application
APPLICATION = Application(format=1, name="wholesale")
"""
REGISTRY = """
TABLES = (("public.{table}", {{"SELECT": ("id", "name"), "INSERT": ("name",)}}, False),)
FUNCTIONS = ()
"""
GRANTED = """
    SELECT has_column_privilege('sluice_app', 'public.suppliers', 'name', 'SELECT'),
        has_column_privilege('sluice_app', 'public.suppliers', 'notes', 'SELECT'),
        has_table_privilege('sluice_app', 'public.suppliers', 'DELETE')
"""


def write_registry(folder: Path, table: str = "suppliers") -> None:
    (folder / "registry.py").write_text(REGISTRY.format(table=table))


@pytest.fixture(autouse=True)
def wholesale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of an application with a table of the other application, and no migrations."""
    folder = tmp_path / "wholesale"
    folder.mkdir()
    (folder / "application.py").write_text(APPLICATION)
    write_registry(folder)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "wholesale"]:
        del sys.modules[name]


def test_migrate_grants_and_records(database: ForeignDatabase) -> None:
    result = migrate_url(database.url, "wholesale")

    assert result.revisions.keys() == {"sluice"}
    assert database.sql(GRANTED) == [[True, False, False]]
    recorded = "SELECT privilege FROM sluice.grants WHERE name = 'public.suppliers' ORDER BY 1"
    assert database.sql(recorded) == [["INSERT (name)"], ["SELECT (id)"], ["SELECT (name)"]]


def test_remove_revokes_and_keeps_the_table(database: ForeignDatabase) -> None:
    before = database.snapshot()
    migrate_url(database.url, "wholesale")

    assert database.remove().kept == []
    assert database.snapshot() == before


def test_plan_only_grants(database: ForeignDatabase) -> None:
    migrate_url(database.url)
    engine = make_engine(DatabaseSettings.from_url(database.url), "batch")

    script = plan(engine, "wholesale")

    assert "GRANT SELECT (id, name) ON TABLE public.suppliers TO" in script
    assert "CREATE" not in script.replace("CREATE TABLE IF NOT EXISTS sluice.grants", "")
    assert database.sql(GRANTED) == [[False, False, False]]


def test_missing_table_is_named(database: ForeignDatabase, wholesale: Path) -> None:
    write_registry(wholesale, "vendors")

    with pytest.raises(SluiceError) as error:
        migrate_url(database.url, "wholesale")

    assert 'relation "public.vendors" does not exist' in str(error.value.__cause__)
    assert database.roles() == set()


def test_its_tables_are_not_dropped(database: ForeignDatabase) -> None:
    migrate_url(database.url, "wholesale")

    with pytest.raises(CannotRemove, match="did not create the tables of wholesale"):
        database.remove("wholesale")

    assert database.sql(GRANTED) == [[True, False, False]]


def test_sequence_of_a_default_is_granted(database: ForeignDatabase, wholesale: Path) -> None:
    database.sql_as_owner('CREATE TABLE "Parts" (id serial PRIMARY KEY, name text)')
    (wholesale / "registry.py").write_text(
        'TABLES = (("public.Parts", {"SELECT": ("id",), "INSERT": ("name",)}, False),)\n'
        "FUNCTIONS = ()\n"
    )
    before = database.dump()

    migrate_url(database.url, "wholesale")

    usage = """SELECT has_sequence_privilege('sluice_app', '"Parts_id_seq"', 'USAGE')"""
    assert database.sql(usage) == [[True]]
    database.remove()
    assert database.dump() == before


def test_privilege_on_the_table_includes_its_columns(database: ForeignDatabase) -> None:
    migrate_url(database.url)
    database.sql_as_owner("GRANT SELECT ON suppliers TO sluice_app")

    migrate_url(database.url, "wholesale")

    recorded = "SELECT privilege FROM sluice.grants WHERE name = 'public.suppliers'"
    assert database.sql(recorded) == [["INSERT (name)"]]

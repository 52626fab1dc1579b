"""An application's search_path is a setting of both roles, and of each session."""

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.db.pools import make_pool
from sluice.db.session_settings import deviations
from sluice.migrations.plan import plan
from sluice.migrations.runner import migrate_url
from sluice.query import Query
from sluice.settings import DatabaseSettings
from tests.fixtures.database import owner_connection
from tests.fixtures.foreign_database import ForeignDatabase

SCHEMAS = ("order", 'Odd "one"', "ext")
TABLES = (
    'CREATE SCHEMA "order"',
    'CREATE SCHEMA "Odd ""one"""',
    "CREATE SCHEMA ext",
    "CREATE EXTENSION citext SCHEMA ext",
    'CREATE TABLE "order".log (line text)',
    'CREATE TABLE "order".items (id int PRIMARY KEY, code ext.citext)',
    """
    CREATE FUNCTION "order".write_log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    'BEGIN INSERT INTO log VALUES (NEW.code); RETURN NEW; END'
    """,
    """
    CREATE TRIGGER items_log AFTER INSERT ON "order".items
    FOR EACH ROW EXECUTE FUNCTION "order".write_log()
    """,
)
STORED = 'search_path="order", "Odd ""one""", ext'  # as ALTER ROLE stores it
ROLE_SETTING = f"""
    SELECT count(*) FROM pg_db_role_setting, unnest(setconfig) AS each WHERE each = '{STORED}'
"""


@pytest.fixture(autouse=True)
def routed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An application whose tables are in a schema that is a keyword."""
    folder = tmp_path / "routed"
    folder.mkdir()
    (folder / "application.py").write_text(
        "from sluice.application import Application\n"
        f"APPLICATION = Application(format=1, name='routed', search_path={SCHEMAS!r})\n"
    )
    (folder / "registry.py").write_text(
        "TABLES = (('order.items', {'SELECT': (), 'INSERT': ()}, True),)\nFUNCTIONS = ()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "routed"]:
        del sys.modules[name]


@pytest.fixture
def tables(database: ForeignDatabase) -> ForeignDatabase:
    for statement in TABLES:
        database.sql(statement)
    migrate_url(database.superuser_url, "routed")
    database.sql("ALTER ROLE sluice_app PASSWORD 'canary-app'")
    return database


def test_both_roles_have_the_setting(tables: ForeignDatabase) -> None:
    engine = make_engine(DatabaseSettings.from_url(tables.superuser_url), "batch")

    assert tables.sql(ROLE_SETTING) == [[2]]
    assert plan(engine, "routed") == "-- Nothing is missing.\n"


def test_migration_without_application_keeps_it(tables: ForeignDatabase) -> None:
    migrate_url(tables.superuser_url)

    assert tables.sql(ROLE_SETTING) == [[2]]


def test_removal_resets_it(tables: ForeignDatabase) -> None:
    tables.remove(url=tables.superuser_url)

    assert tables.sql(ROLE_SETTING) == [[0]]
    assert tables.roles() == set()


@pytest.mark.parametrize("schemas", [SCHEMAS, ()])
def test_trigger_and_operators_find_their_schemas(
    tables: ForeignDatabase, schemas: tuple[str, ...]
) -> None:
    """Sessions that send no search_path have that of the role."""
    owner = DatabaseSettings.from_url(tables.superuser_url)
    settings = DatabaseSettings(
        owner.host,
        owner.name,
        "sluice_app",
        owner.port,
        "canary-app",
        tls="off",
        search_path=schemas,
        pooler="none" if schemas else "rds-proxy",
    )
    database = Database(make_pool(settings, "function"))

    database.write(Query("""INSERT INTO "order".items VALUES (1, 'Ab')"""))

    found = """SELECT id FROM "order".items WHERE code = CAST('aB' AS ext.citext)"""
    assert database.read(Query(found))[0].id == 1
    path = database.read(Query("SELECT current_setting('search_path') AS path"))[0].path
    assert deviations({"search_path": path}, SCHEMAS) == []
    assert [each.setting for each in deviations({"search_path": path})] == ["search_path"]
    database.dispose()
    with closing(owner_connection(tables.superuser_url)) as connection:
        assert connection.run('SELECT line FROM "order".log') == [["Ab"]]

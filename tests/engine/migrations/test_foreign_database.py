"""What changes in a database with another application: nothing, a schema and two roles, nothing."""

from contextlib import closing
from pathlib import Path

import pytest

from sluice.migrations.applications import application_drops
from sluice.migrations.removal import CannotRemove
from sluice.migrations.runner import migrate_url
from tests.fixtures.database import owner_connection
from tests.fixtures.foreign_database import ForeignDatabase, ForeignServer

ROLES = {"sluice_app", "sluice_analyst"}


def test_migrate_adds_only_schema_and_roles(database: ForeignDatabase) -> None:
    before = database.snapshot()
    migrate_url(database.url)
    after = database.snapshot()
    assert after["rows"] == before["rows"]
    assert {row[0] for row in after["roles"] if row not in before["roles"]} == ROLES
    assert [row for row in before["roles"] if row not in after["roles"]] == []
    changed = [
        name for name, acl in after["privileges"].items() if before["privileges"].get(name) != acl
    ]
    assert [name for name in changed if " sluice" not in name] == []
    assert database.dump("--exclude-schema=sluice") == before["dump"]


@pytest.mark.parametrize("app", ["", "sample"])
@pytest.mark.parametrize("hardened", [False, True])
def test_remove_restores_everything(database: ForeignDatabase, app: str, hardened: bool) -> None:
    if hardened:
        name = database.sql("SELECT quote_ident(current_database())")[0][0]
        database.sql(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        database.sql("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        database.sql("GRANT ALL ON SCHEMA public TO " + database.owner)
    before = database.snapshot()
    migrate_url(database.url, app)
    assert database.roles() == ROLES
    report = database.remove(app)
    assert report.kept == []
    assert database.snapshot() == before


def test_migrate_revokes_no_create_privilege(database: ForeignDatabase) -> None:
    migrate_url(database.url, "sample")
    assert database.sql("SELECT has_schema_privilege('public', 'public', 'CREATE')") == [[True]]


def test_other_applications_alembic_still_works(database: ForeignDatabase) -> None:
    revision = "SELECT version_num FROM alembic_version"
    migrate_url(database.url, "sample")
    assert database.sql(revision) == [["a1b2c3d4e5f6"]]
    database.alembic("b2c3d4e5f6a1")
    migrate_url(database.url, "sample")
    assert database.sql(revision) == [["b2c3d4e5f6a1"]]
    database.remove("sample")
    database.alembic("head")
    assert database.sql("SELECT note FROM bookings") == []


def test_remove_keeps_tables_without_drop_app(database: ForeignDatabase) -> None:
    migrate_url(database.url, "sample")
    database.sql_as_owner("INSERT INTO shelves (name, slug) VALUES ('Mugs', 'mugs')")
    report = database.remove()
    assert database.roles() == set()
    assert "trigger shelves_touch on public.shelves" in report.removed
    database.sql_as_owner("UPDATE shelves SET name = 'Cups'")
    assert database.sql("SELECT name, slug, version FROM shelves") == [["Cups", "mugs", 1]]


def test_drops_of_newer_migrations_are_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = tmp_path / "dropped" / "migrations" / "versions"
    versions.mkdir(parents=True)
    for number, previous in ((1, None), (2, "0001")):
        (versions / f"000{number}_table.py").write_text(
            f"revision = '000{number}'\ndown_revision = {previous!r}\n"
            f"DROPS = ('DROP TABLE t{number}',)\n"
        )
    (versions.parent / "removal.py").write_text("DROPS = ('DROP TABLE t0',)\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert list(application_drops("dropped")) == [f"DROP TABLE t{n}" for n in (2, 1, 0)]


def test_remove_fails_if_a_view_uses_the_schema(database: ForeignDatabase) -> None:
    migrate_url(database.url)
    database.sql_as_owner("CREATE VIEW found AS SELECT sluice.words(name) AS w FROM suppliers")
    with pytest.raises(CannotRemove, match="found"):
        database.remove()
    assert database.sql("SELECT count(*) FROM found") == [[300]]
    assert database.roles() == ROLES


def test_role_of_another_database_is_kept(server: ForeignServer) -> None:
    one = server.create_database()
    two = server.create_database("SUPERUSER", name='The "Other" Co. x')
    migrate_url(two.url)
    migrate_url(one.superuser_url)
    report = one.remove(url=one.superuser_url)
    assert report.kept == [
        f'role {role}: The "Other" Co. x still uses it' for role in ("sluice_app", "sluice_analyst")
    ]
    assert two.roles() == ROLES
    assert two.remove().kept == []
    assert two.roles() == set()


def test_grants_of_administrator_do_not_keep_roles(database: ForeignDatabase) -> None:
    migrate_url(database.url)
    database.sql_as_owner("GRANT SELECT ON suppliers TO sluice_app")
    database.sql("CREATE TABLE owned (id int)")
    database.sql("ALTER TABLE owned OWNER TO sluice_app")
    assert database.remove().kept == []
    assert database.roles() == set()
    assert database.sql("SELECT count(*) FROM owned") == [[0]]  # it has another owner now


def test_repeated_migrate_and_remove_change_nothing(database: ForeignDatabase) -> None:
    before = database.snapshot()
    for app in ("", "sample", ""):
        migrate_url(database.url, app)
        migrate_url(database.url, app)
        database.remove(app)
        assert database.remove().removed == []
    assert database.snapshot() == before


def test_open_transaction_is_not_disturbed(database: ForeignDatabase) -> None:
    with closing(owner_connection(database.url)) as client:
        client.run("BEGIN")
        client.run("UPDATE suppliers SET name = 'x' WHERE id = 1")
        migrate_url(database.url, "sample")
        database.remove("sample")
        client.run("COMMIT")
    assert database.sql("SELECT name FROM suppliers WHERE id = 1") == [["x"]]

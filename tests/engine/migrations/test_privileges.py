"""Migrations by users with different privileges.

A superuser and an owner with CREATEROLE can migrate. An owner without it needs an administrator.
"""

import pytest

from functions.migrate.handler import handler as migrate
from sluice.migrations.roles import ROLES
from sluice.migrations.runner import MigrationResult, MissingPrivilege, migrate_url
from sluice.settings import DatabaseSettings
from sluice.sql.health import EXPECTED_MIGRATION
from tests.fixtures.foreign_database import ForeignDatabase, ForeignServer

SUPERUSER_SETTINGS = {"temp_file_limit", "session_replication_role", "lo_compat_privileges"}


def settings_in(statements: list[str]) -> set[str]:
    return {
        statement.split(" SET ")[1].split(" = ")[0]
        for statement in statements
        if " SET " in statement
    }


def assert_migrated(database: ForeignDatabase, result: MigrationResult) -> None:
    """Check the revisions, and that the roles have the privileges they need."""
    assert result.revisions == {"sluice": EXPECTED_MIGRATION, "sample": "0001"}
    for role, table, privilege, expected in (
        ("sluice_app", "books", "INSERT", True),
        ("sluice_analyst", "books", "SELECT", True),
        ("sluice_analyst", "books", "INSERT", False),
    ):
        query = f"SELECT has_table_privilege('{role}', '{table}', '{privilege}')"
        assert database.sql(query) == [[expected]]


def test_superuser_needs_no_administrator(server: ForeignServer) -> None:
    database = server.create_database("SUPERUSER")
    result = migrate_url(database.url, "sample")
    assert_migrated(database, result)
    assert result.for_administrator == []


def test_createrole_sets_all_but_superuser_settings(server: ForeignServer) -> None:
    database = server.create_database("CREATEROLE")
    result = migrate_url(database.url, "sample")
    assert_migrated(database, result)
    assert settings_in(result.for_administrator) <= SUPERUSER_SETTINGS
    assert len(result.for_administrator) == len(settings_in(result.for_administrator))
    for statement in result.for_administrator:
        database.sql(statement)
    assert migrate_url(database.url, "sample").for_administrator == []
    assert database.remove("sample").kept == []


def test_nocreaterole_gets_statements_to_run(server: ForeignServer) -> None:
    database = server.create_database("NOCREATEROLE")
    before = database.snapshot()
    with pytest.raises(MissingPrivilege, match="may not create roles") as error:
        migrate_url(database.url, "sample")
    assert database.snapshot() == before
    for statement in error.value.statements:
        database.sql(statement)
    result = migrate_url(database.url, "sample")
    assert_migrated(database, result)
    assert result.for_administrator == []


def test_error_of_the_function_has_the_statements(
    server: ForeignServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = DatabaseSettings.from_url(server.create_database("NOCREATEROLE").url)
    for name, value in {
        **{"HOST": owner.host, "PORT": str(owner.port), "NAME": owner.name, "USER": owner.user},
        **{"PASSWORD": owner.password, "TLS": "off"},
    }.items():
        monkeypatch.setenv(f"SLUICE_DB_{name}", value)
    for name in ("SLUICE_CURSOR_KEY", "SLUICE_API_KEYS_TABLE", "SLUICE_RATE_LIMIT_TABLE"):
        monkeypatch.setenv(name, "k" * 32)
    with pytest.raises(MissingPrivilege, match=r'has to run: CREATE ROLE "?sluice_app"? LOGIN; '):
        migrate({"app": "sample"}, None)


def test_remove_keeps_roles_of_an_administrator(server: ForeignServer) -> None:
    database = server.create_database("NOCREATEROLE")
    database.sql("CREATE ROLE sluice_app LOGIN")
    database.sql("CREATE ROLE sluice_analyst LOGIN")
    before = database.snapshot()
    migrate_url(database.url)
    assert all("role sluice_" in line for line in database.remove().kept)
    assert database.snapshot() == before


def test_remove_revokes_on_names_that_begin_with_sluice(server: ForeignServer) -> None:
    database = server.create_database("NOCREATEROLE", name="sluice_staging")
    for role in ROLES:
        database.sql(f"CREATE ROLE {role} LOGIN")
    database.sql("REVOKE ALL ON DATABASE sluice_staging FROM PUBLIC")
    before = database.snapshot()
    migrate_url(database.url)
    assert database.snapshot()["privileges"] != before["privileges"]
    database.remove()
    assert database.snapshot() == before


def test_existing_roles_are_used(server: ForeignServer) -> None:
    """Since PostgreSQL 16, CREATEROLE is not enough to change roles of a superuser."""
    database = server.create_database("CREATEROLE")
    database.sql("CREATE ROLE sluice_app LOGIN")
    database.sql("CREATE ROLE sluice_analyst LOGIN")
    result = migrate_url(database.url, "sample")
    assert_migrated(database, result)
    for statement in result.for_administrator:
        database.sql(statement)
    assert migrate_url(database.url, "sample").for_administrator == []


def test_user_who_is_not_owner_gets_the_grant_to_run(server: ForeignServer) -> None:
    database = server.create_database("CREATEROLE")
    name = database.sql("SELECT quote_ident(current_database())")[0][0]
    database.sql(f"ALTER DATABASE {name} OWNER TO postgres")
    database.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    for message in ("may not create a schema", "may not create tables in the schema public"):
        with pytest.raises(MissingPrivilege, match=message) as error:
            migrate_url(database.url, "sample")
        assert len(error.value.statements) == 1
        database.sql(error.value.statements[0])
    assert_migrated(database, migrate_url(database.url, "sample"))


@pytest.mark.parametrize("rights", ["SUPERUSER", "CREATEROLE"])
@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("My Company", "Mrs Owner"),
        ("a \"b\" 'c'", "o\\w'n\"er"),
        ("UPPER", "Ünïcode"),
        ("50%s", "%d"),
    ],
)
def test_any_database_and_owner_name(
    server: ForeignServer, rights: str, name: str, owner: str
) -> None:
    database = server.create_database(rights, name=name, owner=owner)
    before = database.snapshot()
    assert_migrated(database, migrate_url(database.url, "sample"))
    settings = "SELECT count(*) FROM pg_db_role_setting WHERE setdatabase <> 0"
    assert database.sql(settings)[0][0] == 2
    assert database.remove("sample").kept == []
    assert database.snapshot() == before


def test_migrate_resets_settings_a_role_changed(database: ForeignDatabase) -> None:
    migrate_url(database.url)
    database.sql("ALTER ROLE sluice_analyst SET statement_timeout = 0")
    name = database.sql("SELECT quote_ident(current_database())")[0][0]
    database.sql(f"ALTER ROLE sluice_analyst IN DATABASE {name} SET statement_timeout = 0")
    database.sql("ALTER ROLE sluice_analyst CONNECTION LIMIT -1")
    migrate_url(database.url, analyst_connections=6)
    [[settings, limit]] = database.sql(
        """
        SELECT s.setconfig, r.rolconnlimit
        FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
        WHERE rolname = 'sluice_analyst' AND setdatabase <> 0
        """
    )
    assert "statement_timeout=5s" in settings
    assert limit == 6


def test_roles_may_only_call_what_they_need(database: ForeignDatabase) -> None:
    """The analyst's role may use the schema sluice, so its functions are not for PUBLIC."""
    migrate_url(database.url)
    callable_by = """
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'sluice'::regnamespace
            AND has_function_privilege({}, p.oid, 'EXECUTE')
    """
    public = 0  # the OID of PUBLIC in these functions
    assert database.sql(callable_by.format(public)) == []
    analyst = database.sql(callable_by.format("'sluice_analyst'"))
    assert analyst == [["sluice.require_lsn(pg_lsn)"]]

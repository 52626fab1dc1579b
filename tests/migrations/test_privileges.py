"""Who may migrate: a superuser, an owner that may create roles, and one that needs an administrator for it."""

import pytest

from sluice.migrations.runner import MigrationResult, MissingPrivilege, migrate_url
from tests.migrations.conftest import Company, Server

SUPERUSERS_ALONE = {"temp_file_limit", "session_replication_role", "lo_compat_privileges"}


def settings_in(statements: list[str]) -> set[str]:
    return {
        statement.split(" SET ")[1].split(" = ")[0]
        for statement in statements
        if " SET " in statement
    }


def works(company: Company, done: MigrationResult) -> None:
    """The roles can do what they are for."""
    assert done.revisions == {"sluice": "0003", "shop": "0003"}
    assert company.sql("SELECT has_table_privilege('sluice_app', 'products', 'INSERT')") == [[True]]
    assert company.sql("SELECT has_table_privilege('sluice_analyst', 'orders', 'SELECT')") == [
        [True]
    ]
    assert company.sql("SELECT has_table_privilege('sluice_analyst', 'orders', 'INSERT')") == [
        [False]
    ]


def test_a_superuser_needs_no_one(server: Server) -> None:
    company = server.company("SUPERUSER")
    done = migrate_url(company.url, "shop")
    works(company, done)
    assert done.for_administrator == []


def test_an_owner_with_createrole_sets_all_but_a_superusers_settings(server: Server) -> None:
    company = server.company("CREATEROLE")
    done = migrate_url(company.url, "shop")
    works(company, done)
    assert settings_in(done.for_administrator) <= SUPERUSERS_ALONE
    assert len(done.for_administrator) == len(settings_in(done.for_administrator))
    for statement in done.for_administrator:
        company.sql(statement)
    assert migrate_url(company.url, "shop").for_administrator == []
    assert company.remove("shop").kept == []


def test_an_owner_without_createrole_gets_the_statements_for_an_administrator(
    server: Server,
) -> None:
    company = server.company("NOCREATEROLE")
    before = company.seen()
    with pytest.raises(MissingPrivilege, match="may not create roles") as refused:
        migrate_url(company.url, "shop")
    assert company.seen() == before
    for statement in refused.value.statements:
        company.sql(statement)
    done = migrate_url(company.url, "shop")
    works(company, done)
    assert done.for_administrator == []


def test_roles_of_an_administrator_stay(server: Server) -> None:
    company = server.company("NOCREATEROLE")
    company.sql("CREATE ROLE sluice_app LOGIN")
    company.sql("CREATE ROLE sluice_analyst LOGIN")
    before = company.seen()
    migrate_url(company.url)
    assert all("role sluice_" in line for line in company.remove().kept)
    assert company.seen() == before


def test_roles_of_a_superuser_are_used_as_they_are(server: Server) -> None:
    """Since PostgreSQL 16 CREATEROLE is not enough to change them; then an administrator has to."""
    company = server.company("CREATEROLE")
    company.sql("CREATE ROLE sluice_app LOGIN")
    company.sql("CREATE ROLE sluice_analyst LOGIN")
    done = migrate_url(company.url, "shop")
    works(company, done)
    for statement in done.for_administrator:
        company.sql(statement)
    assert migrate_url(company.url, "shop").for_administrator == []


def test_a_user_that_does_not_own_the_database_is_helped(server: Server) -> None:
    company = server.company("CREATEROLE")
    name = company.sql("SELECT quote_ident(current_database())")[0][0]
    company.sql(f"ALTER DATABASE {name} OWNER TO postgres")
    company.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    for sentence in ("may not create a schema", "may not create tables in the schema public"):
        with pytest.raises(MissingPrivilege, match=sentence) as refused:
            migrate_url(company.url, "shop")
        assert len(refused.value.statements) == 1
        company.sql(refused.value.statements[0])
    works(company, migrate_url(company.url, "shop"))


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
def test_any_name_of_a_database_and_of_its_owner_will_do(
    server: Server, rights: str, name: str, owner: str
) -> None:
    company = server.company(rights, name=name, owner=owner)
    before = company.seen()
    works(company, migrate_url(company.url, "shop"))
    assert company.sql("SELECT count(*) FROM pg_db_role_setting WHERE setdatabase <> 0")[0][0] == 2
    assert company.remove("shop").kept == []
    assert company.seen() == before


def test_a_migration_sets_again_what_a_role_has_changed_for_itself(company: Company) -> None:
    migrate_url(company.url)
    company.sql("ALTER ROLE sluice_analyst SET statement_timeout = 0")
    name = company.sql("SELECT quote_ident(current_database())")[0][0]
    company.sql(f"ALTER ROLE sluice_analyst IN DATABASE {name} SET statement_timeout = 0")
    company.sql("ALTER ROLE sluice_analyst CONNECTION LIMIT -1")
    migrate_url(company.url, analyst_connections=6)
    found = company.sql(
        "SELECT s.setconfig, r.rolconnlimit FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole "
        "WHERE rolname = 'sluice_analyst' AND setdatabase <> 0"
    )
    assert "statement_timeout=5s" in found[0][0]
    assert found[0][1] == 6

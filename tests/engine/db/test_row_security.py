"""Which tables of tenants PostgreSQL does not protect from a role, and why."""

from contextlib import closing
from typing import Any

import pytest

from sluice.db.database import Database
from sluice.settings import DatabaseSettings
from sluice.sql.row_security import Unprotected, unprotected
from tests.engine.db.conftest import MakeDatabase, stock

USER = {"user": "subject", "password": "canary-subject"}
TENANT = "(SELECT nullif(current_setting('sluice.tenant', true), ''))"
ROLES = """
    CREATE ROLE subject LOGIN PASSWORD 'canary-subject';
    CREATE ROLE group_of_subject; GRANT group_of_subject TO subject; CREATE ROLE table_owner
"""
TABLES = f"""
    DROP SCHEMA IF EXISTS secured CASCADE; CREATE SCHEMA secured;
    CREATE TABLE secured.rows (tenant text, n int);
    INSERT INTO secured.rows VALUES ('a', 1), ('b', 2);
    ALTER TABLE secured.rows ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY sluice_tenant ON secured.rows TO group_of_subject USING (tenant = {TENANT});
    CREATE POLICY sluice_others ON secured.rows TO table_owner USING (true);
    ALTER TABLE secured.rows OWNER TO table_owner;
    GRANT USAGE ON SCHEMA secured TO subject; GRANT SELECT ON secured.rows TO subject
"""
VIEW = "CREATE VIEW secured.shown {} AS SELECT * FROM secured.rows"
BREAKS = [
    ("ALTER TABLE secured.rows DISABLE ROW LEVEL SECURITY", "row-level security is not enabled"),
    ("ALTER TABLE secured.rows NO FORCE ROW LEVEL SECURITY", "row-level security is not forced"),
    (
        "ALTER TABLE secured.rows OWNER TO group_of_subject",
        "the role subject is the owner, or a member of it",
    ),
    (
        "CREATE POLICY more ON secured.rows FOR SELECT USING (n = 2)",
        "another permissive policy applies to the role subject",
    ),
]
POLICY_BREAKS = [
    "ALTER POLICY sluice_tenant ON secured.rows TO table_owner",
    "ALTER POLICY sluice_tenant ON secured.rows RENAME TO other",
    "ALTER POLICY sluice_tenant ON secured.rows USING (true)",
    "ALTER POLICY sluice_tenant ON secured.rows WITH CHECK (true)",
    "DROP POLICY sluice_tenant ON secured.rows",
]
NO_POLICY = "no policy sluice_tenant compares sluice.tenant for the role subject"


@pytest.fixture(scope="module")
def roles(settings: DatabaseSettings) -> None:
    with closing(stock(settings)) as admin:
        admin.autocommit = True
        for statement in ROLES.split(";"):
            admin.run(statement)


@pytest.fixture
def subject(roles: None, admin: Any, make_database: MakeDatabase) -> Database:
    """A database whose user is subject to the policy of the table."""
    for statement in TABLES.split(";"):
        admin.run(statement)
    return make_database(**USER)


def found(database: Database, table: str = "rows") -> list[Unprotected]:
    return unprotected(database, [f"secured.{table}"])


def test_protected_table_is_not_listed(subject: Database) -> None:
    assert found(subject) == []


@pytest.mark.parametrize(("statement", "reason"), BREAKS)
def test_unprotected_table_has_its_reason(
    subject: Database, admin: Any, statement: str, reason: str
) -> None:
    admin.run(statement)
    assert found(subject) == [("secured.rows", reason)]


@pytest.mark.parametrize("statement", POLICY_BREAKS)
def test_other_policy_is_none_of_the_tenant(subject: Database, admin: Any, statement: str) -> None:
    admin.run(statement)
    assert Unprotected("secured.rows", NO_POLICY) in found(subject)


def test_restrictive_policy_and_those_of_other_roles_are_allowed(
    subject: Database, admin: Any
) -> None:
    admin.run("CREATE POLICY less ON secured.rows AS RESTRICTIVE USING (n > 0)")
    admin.run("CREATE POLICY others ON secured.rows TO postgres USING (true)")
    assert found(subject) == []


def test_owner_and_superuser_are_not_subject(subject: Database, database: Database) -> None:
    reasons = {each.reason for each in found(database)}
    assert "the role postgres is not subject to policies" in reasons


def test_bypassing_role_is_not_subject(subject: Database, admin: Any) -> None:
    admin.run("ALTER ROLE subject BYPASSRLS")
    reasons = found(subject)
    admin.run("ALTER ROLE subject NOBYPASSRLS")
    assert reasons == [("", "the role subject is not subject to policies")]


def test_view_needs_the_rights_of_its_user(subject: Database, admin: Any) -> None:
    admin.run(VIEW.format(""))
    needed = "the view needs security_invoker, which PostgreSQL has since 15"
    assert found(subject, "shown") == [("secured.shown", needed)]
    version = int(admin.run("SHOW server_version_num")[0][0])
    if version >= 150_000:
        admin.run("ALTER VIEW secured.shown SET (security_invoker = on)")
        assert found(subject, "shown") == []
        admin.run("CREATE VIEW secured.plain WITH (security_invoker = true) AS SELECT 1 AS n")
        assert found(subject, "plain") == [
            ("secured.plain", "the view reads no table with policies")
        ]


def test_what_has_no_policies_is_listed(subject: Database, admin: Any) -> None:
    admin.run("CREATE MATERIALIZED VIEW secured.stored AS SELECT * FROM secured.rows")
    assert found(subject, "stored") == [("secured.stored", "only tables can have policies")]
    assert found(subject, "missing") == [("secured.missing", "there is no such table")]


def test_one_table_has_all_its_reasons(subject: Database, admin: Any) -> None:
    admin.run("CREATE TABLE secured.bare (n int)")
    assert [each.reason for each in found(subject, "bare")] == [
        NO_POLICY,
        "row-level security is not enabled",
        "row-level security is not forced",
    ]

"""A database with another application in it, and snapshots of everything visible in it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from alembic import command
from alembic.config import Config

from local.binaries import find_bindir
from local.postgres import SERVER_ENVIRONMENT, PostgresServer
from sluice.db.engine import make_engine
from sluice.migrations.removal import RemovalReport, remove
from sluice.settings import DatabaseSettings
from tests.fixtures.database import owner_connection
from tests.fixtures.postgres import bindir_from_env, throwaway_server

# Another application: tables with the names of Sluice's, default settings, grants, and a role that
# may create tables, as PUBLIC may in every database of PostgreSQL 14.
OTHER_APPLICATION = [
    """
    CREATE TABLE suppliers (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text UNIQUE,
        notes jsonb
    )
    """,
    """
    INSERT INTO suppliers (name, notes)
    SELECT 'Supplier ' || n, '{}' FROM generate_series(1, 300) n
    """,
    "CREATE TABLE idempotency_keys (id text PRIMARY KEY)",
    "CREATE TABLE version (n integer)",
    "CREATE FUNCTION words(text) RETURNS integer LANGUAGE sql RETURN 1",
    "CREATE VIEW names AS SELECT name FROM suppliers",
    "GRANT SELECT ON suppliers TO {role}",
    "GRANT CREATE ON SCHEMA public TO PUBLIC",
    "ALTER ROLE {role} SET statement_timeout = '3s'",
]
ROLES_SQL = """
    SELECT
        r.rolname,
        to_jsonb(r) - 'oid',
        coalesce((
            SELECT jsonb_agg(jsonb_build_array(d.datname, s.setconfig) ORDER BY d.datname)
            FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase
            WHERE s.setrole = r.oid
        ), '[]'),
        shobj_description(r.oid, 'pg_authid')
    FROM pg_roles r WHERE rolname !~ '^pg_' ORDER BY 1
"""
PRIVILEGES_SQL = """
    SELECT 'database', datname, datacl::text FROM pg_database
    WHERE datname = current_database()
    UNION ALL
    SELECT 'schema', nspname, nspacl::text FROM pg_namespace
    WHERE nspname !~ '^pg_(temp|toast)'
    UNION ALL
    SELECT 'relation', oid::regclass::text, relacl::text FROM pg_class
    WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace)
    UNION ALL
    SELECT 'function', oid::regprocedure::text, proacl::text FROM pg_proc
    WHERE pronamespace NOT IN ('pg_catalog'::regnamespace)
    ORDER BY 1, 2
"""
TABLES_SQL = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind = 'r'
        AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'sluice')
    ORDER BY 1
"""
FIRST_REVISION = """
from alembic import op
revision = "a1b2c3d4e5f6"
down_revision = None
def upgrade(): op.execute("CREATE TABLE bookings (id int)")
"""
SECOND_REVISION = """
from alembic import op
revision = "b2c3d4e5f6a1"
down_revision = "a1b2c3d4e5f6"
def upgrade(): op.execute("ALTER TABLE bookings ADD note text")
"""
ALEMBIC_ENV = """
from alembic import context
with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
"""


@dataclass
class ForeignDatabase:
    """A database with another application in it.

    `url` is the owner's URL, `superuser_url` a superuser's. `home` is the folder with the other
    application's Alembic migrations.
    """

    url: str
    superuser_url: str
    bindir: Path
    home: Path

    @property
    def owner(self) -> str:
        """The owner's name, quoted."""
        return _quoted(DatabaseSettings.from_url(self.url).user)

    def sql(self, statement: str, **params: Any) -> list[list[Any]]:
        """Run a statement as the superuser."""
        with closing(owner_connection(self.superuser_url)) as connection:
            return [list(row) for row in connection.run(statement, **params) or ()]

    def sql_as_owner(self, statement: str) -> list[list[Any]]:
        with closing(owner_connection(self.url)) as connection:
            return [list(row) for row in connection.run(statement) or ()]

    def snapshot(self) -> dict[str, Any]:
        """Return the schema's dump, the roles, the privileges, and a hash of each table's rows."""
        hash_sql = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t"
        return {
            "dump": self.dump(),
            "roles": self.sql(ROLES_SQL),
            "privileges": self.privileges(),
            "rows": {name: self.sql(hash_sql.format(name)) for (name,) in self.sql(TABLES_SQL)},
        }

    def privileges(self) -> dict[str, set[str]]:
        """Return the ACL items of each object. NULL means the defaults of the owner and PUBLIC."""
        return {
            f"{kind} {name}": set((acl or "").strip("{}").split(","))
            for kind, name, acl in self.sql(PRIVILEGES_SQL)
        }

    def dump(self, *options: str) -> str:
        pg_dump = str(self.bindir / "pg_dump")
        command = [pg_dump, "--schema-only", "-d", self.superuser_url, *options]
        usage = subprocess.run([pg_dump, "--help"], capture_output=True, text=True, check=True)
        if "--restrict-key" in usage.stdout:
            command.append("--restrict-key=fixed")
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=SERVER_ENVIRONMENT
        )
        return done.stdout

    def alembic(self, revision: str) -> None:
        """Run the other application's migrations."""
        engine = make_engine(DatabaseSettings.from_url(self.url), "batch")
        config = Config(attributes={"engine": engine})
        config.set_main_option("script_location", str(self.home))
        command.upgrade(config, revision)
        engine.dispose()

    def remove(self, drop_app: str = "", url: str = "") -> RemovalReport:
        return remove(make_engine(DatabaseSettings.from_url(url or self.url), "batch"), drop_app)

    def roles(self) -> set[str]:
        """Return the names of Sluice's roles on the server."""
        rows = self.sql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'sluice%'")
        return {name for (name,) in rows}


class ForeignServer:
    """Creates databases on one server, each with an owner, and drops them after the test."""

    def __init__(self, server: PostgresServer, home: Path) -> None:
        self.server = server
        self._home = home
        self._created: list[tuple[str, list[str]]] = []

    def create_database(
        self, rights: str = "CREATEROLE", *, name: str = "", owner: str = ""
    ) -> ForeignDatabase:
        """Create a database. `rights` of its owner: SUPERUSER, CREATEROLE or NOCREATEROLE."""
        suffix = os.urandom(4).hex()
        name = name or f"foreign_{suffix}"
        owner = owner or f"owner_{suffix}"
        role = f"reader_{suffix}"
        with closing(owner_connection(self.server.url())) as connection:
            connection.run(f"CREATE ROLE {_quoted(owner)} LOGIN {rights} PASSWORD 'canary-owner'")
            connection.run(f"CREATE ROLE {role}")
            connection.run(f"CREATE DATABASE {_quoted(name)} OWNER {_quoted(owner)}")
        self._created.append((name, [owner, role]))
        self._write_alembic_files()
        database = ForeignDatabase(
            url=self.server.url(quote(owner), quote(name), password="canary-owner"),
            superuser_url=self.server.url(database=quote(name)),
            bindir=bindir_from_env() or find_bindir(),
            home=self._home,
        )
        database.alembic("a1b2c3d4e5f6")
        for statement in OTHER_APPLICATION:
            sql = statement.replace("{role}", role)
            if "ROLE" in sql or "SCHEMA" in sql:
                database.sql(sql)
            else:
                database.sql_as_owner(sql)
        return database

    def clean_up(self) -> None:
        with closing(owner_connection(self.server.url())) as connection:
            for name, _ in self._created:
                connection.run(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")
            rows = connection.run("SELECT rolname FROM pg_roles WHERE rolname LIKE 'sluice%'")
            names = [role for _, roles in self._created for role in roles]
            for role in [*names, *(name for (name,) in rows)]:
                connection.run(f"DROP ROLE IF EXISTS {_quoted(role)}")

    def _write_alembic_files(self) -> None:
        (self._home / "versions").mkdir(exist_ok=True)
        (self._home / "env.py").write_text(ALEMBIC_ENV)
        (self._home / "versions/a.py").write_text(FIRST_REVISION)
        (self._home / "versions/b.py").write_text(SECOND_REVISION)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture(scope="session")
def postgres_without_roles() -> Iterator[PostgresServer]:
    """A server on which no other test creates Sluice's roles."""
    with throwaway_server(durable=False) as server:
        yield server


@pytest.fixture
def server(postgres_without_roles: PostgresServer, tmp_path: Path) -> Iterator[ForeignServer]:
    """A server without databases of this test, and without Sluice's roles."""
    server = ForeignServer(postgres_without_roles, tmp_path)
    yield server
    server.clean_up()


@pytest.fixture
def database(server: ForeignServer) -> ForeignDatabase:
    """A database whose owner has CREATEROLE and is not a superuser."""
    return server.create_database()

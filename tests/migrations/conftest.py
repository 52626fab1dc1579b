"""A database that belongs to someone else, with another application in it, and what can be seen of it from outside."""

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
from tests.fixtures.postgres import bindir_from_env, throwaway_server
from tests.fixtures.shop import owner_connection

# Another application: tables with the names of Sluice's, defaults, grants, and a role of its own that creates tables.
COMPANY = [
    "CREATE TABLE suppliers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE, notes jsonb)",
    "INSERT INTO suppliers (name, notes) SELECT 'Supplier ' || n, '{}' FROM generate_series(1, 300) n",
    "CREATE TABLE idempotency_keys (id text PRIMARY KEY)",
    "CREATE TABLE version (n integer)",
    "CREATE FUNCTION words(text) RETURNS integer LANGUAGE sql RETURN 1",
    "CREATE VIEW names AS SELECT name FROM suppliers",
    "GRANT SELECT ON suppliers TO {reader}",
    "GRANT CREATE ON SCHEMA public TO PUBLIC",  # as every database of PostgreSQL 14 has it
    "ALTER ROLE {reader} SET statement_timeout = '3s'",
]
ROLES = """
    SELECT r.rolname, to_jsonb(r) - 'oid', coalesce((SELECT jsonb_agg(jsonb_build_array(d.datname, s.setconfig)
        ORDER BY d.datname) FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase
        WHERE s.setrole = r.oid), '[]'), shobj_description(r.oid, 'pg_authid')
    FROM pg_roles r WHERE rolname !~ '^pg_' ORDER BY 1
"""
PRIVILEGES = """
    SELECT 'database', datname, datacl::text FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT 'schema', nspname, nspacl::text FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)'
    UNION ALL SELECT 'relation', oid::regclass::text, relacl::text FROM pg_class
        WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace)
    UNION ALL SELECT 'function', oid::regprocedure::text, proacl::text FROM pg_proc
        WHERE pronamespace NOT IN ('pg_catalog'::regnamespace)
    ORDER BY 1, 2
"""
REVISION = """
from alembic import op
revision = "a1b2c3d4e5f6"
down_revision = None
def upgrade(): op.execute("CREATE TABLE bookings (id int)")
"""
SECOND = """
from alembic import op
revision = "b2c3d4e5f6a1"
down_revision = "a1b2c3d4e5f6"
def upgrade(): op.execute("ALTER TABLE bookings ADD note text")
"""
ENVIRONMENT = """
from alembic import context
with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
"""


@dataclass
class Company:
    """`url` is its owner's; `superuser` another of the same database. `home` has its Alembic migrations."""

    url: str
    superuser: str
    bindir: Path
    home: Path

    def sql(self, statement: str, **params: Any) -> list[list[Any]]:
        with closing(owner_connection(self.superuser)) as connection:
            return [list(row) for row in connection.run(statement, **params) or ()]

    @property
    def owner(self) -> str:
        """The owner's name, quoted."""
        return _quoted(DatabaseSettings.from_url(self.url).user)

    def as_owner(self, statement: str) -> list[list[Any]]:
        with closing(owner_connection(self.url)) as connection:
            return [list(row) for row in connection.run(statement) or ()]

    def seen(self) -> dict[str, Any]:
        """All that can be seen of it: the schema's dump, roles, privileges, and every row of every table."""
        names = self.sql("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace"
                         "::text NOT IN ('pg_catalog', 'information_schema', 'sluice') ORDER BY 1")  # fmt: skip
        rows = {name: self.sql(f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")
                for (name,) in names}  # fmt: skip
        return {
            "dump": self.dump(),
            "roles": self.sql(ROLES),
            "privileges": self.privileges(),
            "rows": rows,
        }

    def privileges(self) -> dict[str, set[str]]:
        """As sets of items, where NULL stands for the owner's and PUBLIC's defaults."""
        return {
            f"{kind} {name}": set((acl or "").strip("{}").split(","))
            for kind, name, acl in self.sql(PRIVILEGES)
        }

    def dump(self, *options: str) -> str:
        words = [str(self.bindir / "pg_dump"), "--schema-only", "-d", self.superuser, *options]
        helped = subprocess.run(
            [words[0], "--help"], capture_output=True, text=True, check=True
        ).stdout
        if "--restrict-key" in helped:
            words.append("--restrict-key=fixed")
        done = subprocess.run(
            words, capture_output=True, text=True, check=True, env=SERVER_ENVIRONMENT
        )
        return done.stdout

    def alembic(self, revision: str) -> None:
        """Run the other application's own migrations."""
        engine = make_engine(DatabaseSettings.from_url(self.url), "batch")
        config = Config(attributes={"engine": engine})
        config.set_main_option("script_location", str(self.home))
        command.upgrade(config, revision)
        engine.dispose()

    def remove(self, drop_app: str = "", url: str = "") -> RemovalReport:
        return remove(make_engine(DatabaseSettings.from_url(url or self.url), "batch"), drop_app)

    def roles(self) -> set[str]:
        return {
            name
            for (name,) in self.sql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'sluice%'")
        }


class Server:
    """Makes companies on one server, each with an owner of its own; tidies up after each test."""

    def __init__(self, server: PostgresServer, home: Path) -> None:
        self.server = server
        self._home = home
        self._made: list[tuple[str, list[str]]] = []

    def company(self, rights: str = "CREATEROLE", *, name: str = "", owner: str = "") -> Company:
        """A company's database, whose owner has these rights: SUPERUSER, CREATEROLE, NOCREATEROLE."""
        suffix = os.urandom(4).hex()
        name, owner, reader = (
            name or f"company_{suffix}",
            owner or f"owner_{suffix}",
            f"reader_{suffix}",
        )
        with closing(owner_connection(self.server.url())) as connection:
            connection.run(f"CREATE ROLE {_quoted(owner)} LOGIN {rights} PASSWORD 'canary-owner'")
            connection.run(f"CREATE ROLE {reader}")
            connection.run(f"CREATE DATABASE {_quoted(name)} OWNER {_quoted(owner)}")
        self._made.append((name, [owner, reader]))
        superuser = self.server.url(database=quote(name))
        url = self.server.url(quote(owner), quote(name), password="canary-owner")
        (self._home / "versions").mkdir(exist_ok=True)
        for path, text in {
            "env.py": ENVIRONMENT,
            "versions/a.py": REVISION,
            "versions/b.py": SECOND,
        }.items():
            (self._home / path).write_text(text)
        made = Company(url, superuser, bindir_from_env() or find_bindir(), self._home)
        made.alembic("a1b2c3d4e5f6")
        for statement in COMPANY:
            text = statement.replace("{reader}", reader)
            made.sql(text) if "ROLE" in text or "SCHEMA" in text else made.as_owner(text)
        return made

    def tidy(self) -> None:
        with closing(owner_connection(self.server.url())) as connection:
            for name, _ in self._made:
                connection.run(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")
            found = connection.run("SELECT rolname FROM pg_roles WHERE rolname LIKE 'sluice%'")
            for role in [role for _, roles in self._made for role in roles] + [
                role for (role,) in found
            ]:
                connection.run(f"DROP ROLE IF EXISTS {_quoted(role)}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture(scope="session")
def company_server() -> Iterator[PostgresServer]:
    """A server on which nobody else makes Sluice's roles."""
    with throwaway_server(durable=False) as made:
        yield made


@pytest.fixture
def server(company_server: PostgresServer, tmp_path: Path) -> Iterator[Server]:
    """One without companies, and without Sluice's roles."""
    made = Server(company_server, tmp_path)
    yield made
    made.tidy()


@pytest.fixture
def company(server: Server) -> Company:
    """A company whose owner may create roles and is no superuser."""
    return server.company()

"""`make run`, `make migrate` and `make remove` with a database that DATABASE_URL names."""

import re
import signal
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from local.postgres import PostgresServer
from sluice.db.engine import make_engine
from sluice.migrations.removal import remove
from sluice.migrations.runner import migrate_url
from sluice.settings import DatabaseSettings
from testing.local_system import LocalSystem, temporary_system
from tests.fixtures.database import owner_connection
from tests.fixtures.postgres import throwaway_server


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with throwaway_server(durable=False) as started:
        yield started


class OwnDatabase:
    """A database on the server, which the test created."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.url = server.url(database=name)
        self._server = server
        self._name = name
        with closing(owner_connection(server.url())) as connection:
            connection.run(f"CREATE DATABASE {name}")

    def sql(self, statement: str) -> list[list[Any]]:
        with closing(owner_connection(self.url)) as connection:
            return [list(row) for row in connection.run(statement) or ()]

    def roles(self) -> list[str]:
        return [
            name
            for (name,) in self.sql(
                "SELECT rolname FROM pg_roles WHERE rolname LIKE 'sluice_local%'"
            )
        ]

    def drop(self) -> None:
        with closing(owner_connection(self._server.url())) as connection:
            connection.run(f"DROP DATABASE {self._name} WITH (FORCE)")


@pytest.fixture
def own(server: PostgresServer) -> Iterator[OwnDatabase]:
    """A new database. Afterwards it is dropped with all of Sluice's roles."""
    database = OwnDatabase(server, "own")
    yield database
    database.drop()
    with closing(owner_connection(server.url())) as connection:
        for (role,) in connection.run(
            "SELECT rolname FROM pg_roles WHERE rolname ~ '^sluice|^clerk$'"
        ):
            connection.run(f"DROP ROLE {role}")


def run(system: LocalSystem, command: str) -> tuple[int, str, str]:
    process = system.spawn(command)
    output, wrong = process.communicate(timeout=60)
    assert "Traceback" not in wrong
    return process.returncode, output, wrong


def test_database_without_schema_is_read_only(own: OwnDatabase) -> None:
    migrate_url(own.url, "shop")
    own.sql("INSERT INTO categories (name, slug) VALUES ('Mugs', 'mugs')")
    remove(make_engine(DatabaseSettings.from_url(own.url), "batch"))
    with temporary_system(DATABASE_URL=own.url, SLUICE_SEED="") as system:
        system.start()
        assert [row["slug"] for row in system.request("/api/categories")[1]["data"]] == ["mugs"]
        assert system.request("/api/products?search=mug")[1]["code"] == "not_set_up"
        for headers in ({}, {"Idempotency_Key": "k"}):
            status, problem = system.request("/api/categories", {"name": "Cups"}, **headers)
            assert (status, problem["code"]) == (503, "not_set_up")
        create = 'createProduct(input: {name: "a", price: "1", categoryId: "1"}) { id }'
        mutation = {"query": f"mutation {{ {create} }}"}
        assert system.request("/api/graphql", mutation)[1]["code"] == "not_set_up"
        assert system.request("/api/graphql", {"query": "{ products { nodes { id } } }"})[0] == 200
        _, output, _ = system.stop()
    assert output.count("make migrate DATABASE_URL=") == 1
    assert own.roles() == []
    assert own.sql("SELECT slug FROM categories") == [["mugs"]]


def test_foreign_table_is_not_set_up(own: OwnDatabase) -> None:
    own.sql("CREATE TABLE products (sku text PRIMARY KEY, label text)")
    own.sql("INSERT INTO products VALUES ('a', 'Mug')")
    with temporary_system(DATABASE_URL=own.url, SLUICE_SEED="") as system:
        system.start()
        for path in ("/api/products", "/api/products/1", "/api/users"):
            status, problem = system.request(path)
            assert (status, problem["code"]) == (503, "not_set_up"), path
        system.stop()
    assert own.sql("SELECT * FROM products") == [["a", "Mug"]]


def test_stop_drops_login_roles(own: OwnDatabase) -> None:
    migrate_url(own.url, "shop")
    with temporary_system(DATABASE_URL=own.url) as system:
        system.start()
        assert len(own.roles()) == 2
        assert system.request("/api/categories", {"name": "Cups"})[0] == 201
        assert system.request("/api/analytics/query?query=select+1+as+one")[1]["rows"] == [[1]]
        settings = own.sql(
            "SELECT count(*) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = setrole "
            "WHERE rolname LIKE 'sluice_local%' AND 'random_page_cost=1.1' = ANY (setconfig)"
        )
        assert settings == [[2]]
        assert system.stop()[0] == 0
    assert own.roles() == []


def test_next_start_drops_stale_roles(own: OwnDatabase, server: PostgresServer) -> None:
    other = OwnDatabase(server, "other")
    migrate_url(own.url)
    migrate_url(other.url)
    with (
        temporary_system(DATABASE_URL=other.url) as running,
        temporary_system(DATABASE_URL=own.url) as crashed,
    ):
        running.start()
        held = own.roles()
        crashed.start()
        stale = [role for role in own.roles() if role not in held]
        crashed.stop(signal.SIGKILL)
        assert set(own.roles()) == {*held, *stale}
        with temporary_system(DATABASE_URL=own.url) as third:
            third.start()
            assert not set(stale) & set(own.roles())
            assert set(held) < set(own.roles())
            third.stop()
        assert own.roles() == held
        assert running.request("/health/ready")[0] == 200
        running.stop()
    assert own.roles() == []
    other.drop()


def test_remove_fails_while_database_is_in_use(own: OwnDatabase) -> None:
    migrate_url(own.url)
    with temporary_system(DATABASE_URL=own.url) as system:
        system.start()
        status, _, wrong = run(system, "remove")
        assert (status, "stop it first (Ctrl-C)" in wrong) == (1, True)
        assert system.request("/health/ready")[0] == 200
        system.stop()
        assert run(system, "remove")[0] == 0
        assert run(system, "remove")[1] == "nothing to remove\n"
    assert own.sql("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'sluice%'") == [[0]]


@pytest.mark.parametrize(
    ("seed", "products"),
    [("", 0), pytest.param("none", 0, marks=pytest.mark.slow), ("demo", 171)],
)
def test_demo_data_is_added_on_request(own: OwnDatabase, seed: str, products: int) -> None:
    migrate_url(own.url, "shop")
    with temporary_system(DATABASE_URL=own.url, SLUICE_SEED=seed) as system:
        system.start().stop()
    assert own.sql("SELECT count(*) FROM products") == [[products]]


@pytest.mark.parametrize(
    ("command", "environ", "message"),
    [
        (
            "migrate",
            {"DATABASE_URL": ""},
            "make migrate needs the URL of a database: DATABASE_URL=postgresql://",
        ),
        (
            "remove",
            {"DATABASE_URL": ""},
            "make remove needs the URL of a database: DATABASE_URL=postgresql://",
        ),
        (
            "migrate",
            {"APP": "nothing"},
            "APP: there is no application 'nothing' here; there are: shop",
        ),
        ("migrate", {"APP": "../shop"}, "APP: there is no application '../shop' here"),
        ("remove", {"DROP_APP": "sluice"}, "DROP_APP: there is no application 'sluice' here"),
        ("migrate", {"FUNCTION_CONCURRENCY": "many"}, "FUNCTION_CONCURRENCY must be a number"),
        (
            "migrate",
            {"APP": "shop"},
            'relation "users" already exists; the application needs that name',
        ),
        (
            "migrate",
            {"DATABASE_URL": "postgresql://guest:x@127.0.0.1:1/x"},
            "127.0.0.1:1 (as guest) cannot be",
        ),
    ],
)
def test_command_error_is_one_sentence(
    own: OwnDatabase, command: str, environ: dict[str, str], message: str
) -> None:
    own.sql("CREATE TABLE users (id int)")
    with temporary_system(**{"DATABASE_URL": own.url, **environ}) as system:
        status, _, wrong = run(system, command)
    assert status == 1
    assert message in wrong
    assert wrong.count("\n") == 1
    assert own.sql("SELECT to_regnamespace('sluice') IS NULL") == [[True]]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        *(pytest.param(each, marks=pytest.mark.slow) for each in ({"PLAN": "1"}, {"APP": "shop"})),
    ],
)
def test_schema_of_other_release_is_reported(own: OwnDatabase, environ: dict[str, str]) -> None:
    migrate_url(own.url)
    own.sql("UPDATE sluice.version SET version_num = '0099'")
    with temporary_system(DATABASE_URL=own.url, **environ) as system:
        status, _, wrong = run(system, "migrate")
    assert (status, wrong.count("\n")) == (1, 1)
    assert "it was migrated by another release of Sluice" in wrong


def test_plan_changes_nothing(own: OwnDatabase) -> None:
    with temporary_system(DATABASE_URL=own.url, APP="shop", PLAN="1") as system:
        status, output, _ = run(system, "migrate")
    assert status == 0
    assert output.startswith("BEGIN;\n")
    assert output.endswith("COMMIT;\n")
    assert "CREATE TABLE public.orders (" in output
    assert own.sql("SELECT to_regnamespace('sluice') IS NULL") == [[True]]


def test_stdout_is_sql_for_administrator(own: OwnDatabase, server: PostgresServer) -> None:
    own.sql("CREATE ROLE clerk LOGIN CREATEROLE PASSWORD 'canary-clerk'")
    own.sql("ALTER DATABASE own OWNER TO clerk")
    with temporary_system(
        DATABASE_URL=server.url("clerk", "own", password="canary-clerk")
    ) as system:
        status, statements, wrong = run(system, "migrate")
        assert status == 0
        assert "Sluice works without them; an administrator of the server can run:\n" in wrong
        for statement in statements.strip().splitlines():
            own.sql(statement)
        assert "temp_file_limit" in statements
        assert run(system, "remove")[0] == 0


def test_owner_without_createrole_gets_sql(own: OwnDatabase, server: PostgresServer) -> None:
    own.sql("CREATE ROLE clerk LOGIN PASSWORD 'canary-clerk'")
    own.sql("ALTER DATABASE own OWNER TO clerk")
    url = server.url("clerk", "own", password="canary-clerk")
    with temporary_system(DATABASE_URL=url, APP="shop") as system:
        status, statements, wrong = run(system, "migrate")
        assert status == 1
        assert (
            "the user clerk cannot migrate it: it may not create roles; an administrator" in wrong
        )
        for statement in statements.strip().splitlines():
            own.sql(statement)
        status, statements, wrong = run(system, "migrate")
        assert (status, statements) == (0, "")
        assert re.search(r"is set up: sluice \d{4}, shop \d{4}\n", wrong)
        system.start()
        assert system.request("/api/categories", {"name": "Cups"}, Idempotency_Key="k")[0] == 201
        assert system.request("/api/analytics/query?query=select+1+as+one")[0] == 404
        output = system.stop()[1]
    assert "the user clerk may not create login roles, so the functions work as that user" in output


def test_user_without_rights_on_the_schema_only_reads(
    own: OwnDatabase, server: PostgresServer
) -> None:
    migrate_url(own.url, "shop")
    own.sql("INSERT INTO categories (name, slug) VALUES ('Mugs', 'mugs')")
    own.sql("CREATE ROLE clerk LOGIN PASSWORD 'canary-clerk'")
    own.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk")
    url = server.url("clerk", "own", password="canary-clerk")
    with temporary_system(DATABASE_URL=url, SLUICE_SEED="") as system:
        system.start()
        assert [row["slug"] for row in system.request("/api/categories")[1]["data"]] == ["mugs"]
        assert system.request("/api/categories", {"name": "Cups"})[1]["code"] == "not_set_up"
        output = system.stop()[1]
    own.sql("DROP OWNED BY clerk")
    assert "an administrator can change that: GRANT sluice_app TO clerk" in output
    assert "another release" not in output


def test_embedded_database_revokes_defaults() -> None:
    with temporary_system() as system:
        url = system.start().local_json["database_url"]
        with closing(owner_connection(url)) as owner:
            privileges = owner.run("""
                SELECT
                    has_database_privilege('public', d, 'CONNECT'),
                    has_database_privilege('public', d, 'TEMP'),
                    has_database_privilege('sluice_app', d, 'CONNECT'),
                    has_database_privilege('sluice_analyst', d, 'TEMP')
                FROM unnest(ARRAY['sluice', 'postgres', 'template1']) d
            """)
            assert privileges == [
                [False, False, True, False],
                [False, False, False, False],
                [False, False, False, False],
            ]
            for name in ("lo_creat(int)", "lo_create(oid)", "lo_from_bytea(oid, bytea)"):
                allowed = owner.run(
                    f"SELECT has_function_privilege('sluice_app', '{name}', 'EXECUTE')"
                )
                assert allowed == [[False]], name
            owner.run("ALTER ROLE sluice_analyst IN DATABASE sluice SET statement_timeout = 0")
        system.stop()
        with closing(owner_connection(system.start().local_json["database_url"])) as owner:
            settings = owner.run(
                "SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'sluice_analyst'::regrole"
            )
            assert "statement_timeout=5s" in settings[0][0]

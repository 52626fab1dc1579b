"""Statements run with the request's tenant in `sluice.tenant`, and nothing of it stays behind.

The statements of this module name no tenant: only the policy of the table separates the rows.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from sluice import errors, request_context
from sluice.db.database import Database
from sluice.db.replica import Replica
from sluice.query import Query
from sluice.settings import DatabaseSettings
from testing.tcp_proxy import TcpProxy
from tests.engine.db.conftest import MakeDatabase

MINE, OTHER = "tenant 'a'", "tenant b"
USER = {"user": "tenant_reader", "password": "canary-reader"}
STOCK = {"unsupported_reason": lambda: "requested by a test"}
TENANT = "(SELECT nullif(current_setting('sluice.tenant', true), ''))"
TABLES = f"""
    CREATE TABLE guarded (tenant text NOT NULL, n int);
    INSERT INTO guarded VALUES ('tenant ''a''', 1), ('tenant ''a''', 2), ('tenant b', 3);
    ALTER TABLE guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY sluice_tenant ON guarded USING (tenant = {TENANT}) WITH CHECK (tenant = {TENANT});
    CREATE TABLE copied (n int, tenant text DEFAULT current_setting('sluice.tenant', true));
    CREATE SEQUENCE attempts;
    GRANT ALL ON guarded, copied, attempts TO tenant_reader
"""
ALL_ROWS = Query("SELECT n FROM guarded ORDER BY n")
ALL_ROWS_PREPARED = ALL_ROWS._replace(prepare=True)


@pytest.fixture
def tables(admin: Any) -> None:
    admin.run("DROP TABLE IF EXISTS guarded, copied; DROP SEQUENCE IF EXISTS attempts")
    admin.run(
        "DO $$ BEGIN CREATE ROLE tenant_reader LOGIN PASSWORD 'canary-reader';"
        " EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    for statement in TABLES.split(";"):
        admin.run(statement)


@pytest.fixture
def make_guarded(tables: None, make_database: MakeDatabase) -> MakeDatabase:
    """Return `make_guarded(**changes)`: a database that sets the tenant."""

    def make(**changes: Any) -> Database:
        options = {"sets_tenant": True, **changes.pop("options", {})}
        return make_database(options=options, **USER, **changes)

    return make


@pytest.fixture(params=[{}, STOCK], ids=["pipelined", "stock"])
def guarded(request: pytest.FixtureRequest, make_guarded: MakeDatabase) -> Database:
    """A database of one connection, with each driver."""
    return make_guarded(options=request.param, pool_size=1, pool_overflow=0)


@contextmanager
def caller(tenant: str, seconds: float = 60) -> Iterator[request_context.RequestContext]:
    with request_context.begin(seconds) as context:
        context.tenant = tenant
        yield context


def numbers(rows: Any) -> list[int]:
    return [row.n for row in rows]


def visible_without_guard(database: Database) -> int:
    """Return the rows that the idle connection sees, by a statement that sets no tenant."""
    checkout = database.pool.checkout()
    context = checkout.connection.execute_simple("SELECT count(*) FROM guarded")
    checkout.close()
    return int(context.rows[0][0])


def test_read_sees_the_rows_of_its_tenant(guarded: Database) -> None:
    for tenant, expected in ((MINE, [1, 2]), (OTHER, [3]), ("", []), (MINE, [1, 2])):
        with caller(tenant):
            assert numbers(guarded.read(ALL_ROWS)) == expected
            assert numbers(guarded.read(ALL_ROWS_PREPARED)) == expected
        assert visible_without_guard(guarded) == 0
        assert numbers(guarded.read(ALL_ROWS)) == [], "outside of a request"


def test_tenant_costs_no_round_trip(
    make_guarded: MakeDatabase, make_proxy: Callable[..., TcpProxy], settings: DatabaseSettings
) -> None:
    proxy = make_proxy(settings.host, settings.port)
    database = make_guarded(host=proxy.host, port=proxy.port)
    insert = Query("INSERT INTO guarded VALUES (:tenant, 4)", {"tenant": MINE})
    with caller(MINE) as context:
        database.read(Query("SELECT 1"))
        assert proxy.count_round_trips(lambda: database.read(ALL_ROWS)) == 1
        assert proxy.count_round_trips(lambda: database.read(ALL_ROWS_PREPARED)) == 1
        assert proxy.count_round_trips(lambda: database.write(insert)) == 1
        before = Query("SELECT 1 WHERE false")
        read = lambda: database.read(ALL_ROWS._replace(before=before))  # noqa: E731
        assert proxy.count_round_trips(read) == 1
        statements = context.database.statements
        assert numbers(database.read(ALL_ROWS)) == [1, 2, 4]
        assert context.database.statements == statements + 1, "the tenant is not counted"


def test_write_is_limited_to_its_tenant(guarded: Database) -> None:
    with caller(MINE):
        changed = guarded.write(Query("UPDATE guarded SET n = n + 10 RETURNING n"))
        assert sorted(numbers(changed)) == [11, 12]
        with pytest.raises(errors.SluiceError):
            guarded.write(Query("INSERT INTO guarded VALUES (:tenant, 9)", {"tenant": OTHER}))
        assert numbers(guarded.write(Query("DELETE FROM guarded RETURNING n"))) == [11, 12]
    with caller(OTHER):
        assert numbers(guarded.read(ALL_ROWS)) == [3]


def test_setting_left_in_the_session_does_not_count(guarded: Database) -> None:
    checkout = guarded.pool.checkout()
    checkout.connection.execute_simple("SET sluice.tenant = 'tenant b'")
    checkout.connection.execute_simple("COMMIT")
    checkout.close()
    with caller(MINE):
        assert numbers(guarded.read(ALL_ROWS)) == [1, 2]
        with guarded.transaction() as transaction:
            assert numbers(transaction.read(ALL_ROWS)) == [1, 2]
    with caller(""):
        assert numbers(guarded.read(ALL_ROWS)) == []
    with guarded.transaction() as transaction:
        assert numbers(transaction.read(ALL_ROWS)) == []


@pytest.mark.parametrize(
    "query",
    [
        Query("SELECT 1 / n FROM (SELECT n - n AS n FROM guarded) AS zero"),
        Query("SELECT no_such_column FROM guarded"),
        ALL_ROWS._replace(before=Query("SELECT 1 WHERE 1 / length('') > 1")),
        Query("SELECT n, pg_cancel_backend(pg_backend_pid()), pg_sleep(60) FROM guarded"),
    ],
    ids=["execute", "parse", "before", "cancelled"],
)
def test_nothing_stays_after_a_failed_statement(guarded: Database, query: Query) -> None:
    with caller(MINE), pytest.raises(errors.SluiceError):
        guarded.read(query)
    assert visible_without_guard(guarded) == 0
    with caller(OTHER):
        assert numbers(guarded.read(ALL_ROWS)) == [3]


def test_each_statement_of_a_transaction_has_the_tenant(guarded: Database) -> None:
    insert = Query("INSERT INTO guarded VALUES (:tenant, 4)", {"tenant": MINE})
    with caller(MINE), guarded.transaction() as transaction:
        assert numbers(transaction.read(ALL_ROWS)) == [1, 2]
        transaction.write(insert)
        rows = transaction.session.execute(text(ALL_ROWS.sql)).all()
        assert numbers(rows) == [1, 2, 4]
    assert visible_without_guard(guarded) == 0, "after ROLLBACK"
    with caller(MINE), guarded.transaction() as transaction:
        rows = transaction.session.execute(text(ALL_ROWS.sql)).all()
        assert numbers(rows) == [1, 2], "the session sends the first statement"
        transaction.write(insert)
        transaction.commit()
    assert visible_without_guard(guarded) == 0, "after COMMIT"


def test_transaction_follows_the_request(guarded: Database) -> None:
    """A worker's transaction may begin before the tenant of its file is known."""
    with guarded.transaction() as transaction:
        assert numbers(transaction.read(ALL_ROWS)) == []
        for tenant, expected in ((MINE, [1, 2]), (OTHER, [3]), ("", [])):
            with caller(tenant):
                assert numbers(transaction.read(ALL_ROWS)) == expected


@pytest.mark.parametrize("seconds", [60, 3], ids=["timeouts of the role", "shorter timeouts"])
def test_savepoints_keep_the_tenant(guarded: Database, seconds: float) -> None:
    with caller(MINE, seconds), guarded.transaction() as transaction:
        session = transaction.session
        savepoint = session.begin_nested()
        with caller(OTHER, seconds):
            assert numbers(transaction.read(ALL_ROWS)) == [3]
        with pytest.raises(errors.SluiceError):
            session.execute(text("SELECT 1 / 0"))
        savepoint.rollback()
        assert numbers(transaction.read(ALL_ROWS)) == [1, 2]
        with session.begin_nested():
            session.execute(text("DELETE FROM guarded"))
        assert numbers(transaction.read(ALL_ROWS)) == []
        transaction.commit()
    with caller(OTHER):
        assert numbers(guarded.read(ALL_ROWS)) == [3]


def test_copy_runs_with_the_tenant(guarded: Database) -> None:
    with caller(MINE), guarded.transaction() as transaction:
        transaction.copy("COPY copied (n) FROM STDIN", b"1\n2\n")
        transaction.copy("COPY copied (n) FROM STDIN", b"3\n")
        rows = transaction.read(Query("SELECT DISTINCT tenant FROM copied"))
        assert [row.tenant for row in rows] == [MINE]
    assert visible_without_guard(guarded) == 0


def test_second_attempt_has_the_tenant(guarded: Database, admin: Any) -> None:
    admin.run("""
        CREATE OR REPLACE FUNCTION fail_once() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('attempts') = 1 THEN RAISE 'again' USING ERRCODE = '40001'; END IF;
            RETURN true;
        END $$
    """)
    with caller(MINE):
        changed = guarded.write(Query("UPDATE guarded SET n = n + 1 WHERE fail_once() RETURNING n"))
    assert sorted(numbers(changed)) == [2, 3]


def test_read_after_a_lost_connection_has_the_tenant(
    make_guarded: MakeDatabase, make_proxy: Callable[..., TcpProxy], settings: DatabaseSettings
) -> None:
    proxy = make_proxy(settings.host, settings.port)
    database = make_guarded(host=proxy.host, port=proxy.port)
    with caller(MINE):
        database.read(ALL_ROWS)
        proxy.disconnect_at(b"FROM guarded", delivered=True)
        assert numbers(database.read(ALL_ROWS)) == [1, 2]
    assert proxy.connections == 2


def test_replica_reads_with_the_tenant(make_guarded: MakeDatabase) -> None:
    reads = Replica(make_guarded()).route_reads(make_guarded())
    with caller(MINE) as context:
        context.database.min_lsn = ""
        assert numbers(reads.read(ALL_ROWS)) == [1, 2]
        assert context.database.served_by == "replica"


def test_database_without_the_option_sets_nothing(
    tables: None, make_database: MakeDatabase
) -> None:
    with caller(MINE):
        assert numbers(make_database(**USER).read(ALL_ROWS)) == []

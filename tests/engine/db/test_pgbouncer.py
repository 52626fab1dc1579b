"""Behind PgBouncer in transaction mode: each transaction may get another server connection."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sluice import errors, request_context
from sluice.db.database import Database
from sluice.db.driver.connection import UNKNOWN_LSN
from sluice.query import Query
from sluice.settings import DatabaseSettings
from tests.engine.db.test_deadline import TIMEOUTS
from tests.fixtures.pgbouncer import SERVER_CONNECTIONS, pgbouncer

STOCK = {"unsupported_reason": lambda: "requested by a test"}
INSERT = "INSERT INTO counted_up VALUES (:n) RETURNING n"
THREADS = 16
MakeDatabase = Callable[..., Database]


@pytest.fixture(scope="module")
def pooler(settings: DatabaseSettings) -> Iterator[int]:
    """The port of a PgBouncer whose clients wait at most 1 s for a server connection."""
    with pgbouncer(
        settings.port, {settings.user: settings.password}, "query_wait_timeout=1"
    ) as port:
        yield port


@pytest.mark.parametrize(
    ("options", "prepare", "reads_per_thread"),
    [({}, False, 125), ({}, True, 125), (STOCK, False, 25)],
    ids=["pipelined", "prepared", "stock"],
)
def test_threads_get_their_own_rows(
    make_database: MakeDatabase,
    pooler: int,
    options: dict[str, Any],
    prepare: bool,
    reads_per_thread: int,
) -> None:
    database = make_database(
        "web",
        options=options,
        port=pooler,
        pooler="pgbouncer",
        pool_overflow=THREADS,
        pool_timeout=30,
    )

    def reads(thread: int) -> tuple[bool, set[int]]:
        mine = [thread * 1000 + n for n in range(reads_per_thread)]
        statements = [
            f"SELECT CAST(:n AS int) + {n % 7} - {n % 7} AS n, pg_backend_pid() AS pid"
            for n in mine
        ]
        rows = [
            database.read(Query(statement, {"n": n}, prepare=prepare))[0]
            for statement, n in zip(statements, mine, strict=True)
        ]
        return [row.n for row in rows] == mine, {row.pid for row in rows}

    with ThreadPoolExecutor(THREADS) as threads:
        results = list(threads.map(reads, range(THREADS)))
    assert all(right for right, _ in results)
    assert len(set().union(*(pids for _, pids in results))) <= SERVER_CONNECTIONS


def test_transactions_commit_and_roll_back(
    make_database: MakeDatabase, pooler: int, admin: Any
) -> None:
    admin.run("CREATE TABLE IF NOT EXISTS pooled (id int)")
    database = make_database(port=pooler, pooler="pgbouncer")
    with database.transaction() as transaction:
        transaction.write(Query("INSERT INTO pooled VALUES (1)"))
    with database.transaction() as transaction:
        transaction.write(Query("INSERT INTO pooled VALUES (2)"))
        transaction.commit()
    assert list(admin.run("SELECT id FROM pooled")) == [[2]]


@pytest.mark.parametrize("prepare", [False, True], ids=["unnamed", "prepared"])
def test_write_reports_its_lsn(
    make_database: MakeDatabase, pooler: int, admin: Any, prepare: bool
) -> None:
    """If the pooler loses a prepared statement, one write of that connection has no known LSN."""
    admin.run("CREATE TABLE IF NOT EXISTS counted_up (n int)")
    databases = [
        Database(make_database(port=pooler, pooler="pgbouncer").pool, report_lsn=True)
        for _ in range(THREADS)
    ]

    def writes(thread: int) -> list[str]:
        lsns = []
        for n in range(25):
            with request_context.begin(60) as context:
                value = {"n": thread * 1000 + n}
                written = databases[thread].write(Query(INSERT, value, prepare=prepare))
            assert written[0].n == value["n"]
            lsns.append(context.database.commit_lsn)
        return lsns

    with ThreadPoolExecutor(THREADS) as threads:
        lsns = list(threads.map(writes, range(THREADS)))
    assert [
        list(row) for row in admin.run("SELECT count(*), count(DISTINCT n) FROM counted_up")
    ] == [[400, 400]]
    admin.run("DROP TABLE counted_up")
    assert all(lsns_of_thread.count(UNKNOWN_LSN) <= 1 for lsns_of_thread in lsns)
    assert all(
        re.fullmatch(r"[0-9A-F]+/[0-9A-F]+", lsn)
        for lsns_of_thread in lsns
        for lsn in lsns_of_thread
    )


@pytest.mark.parametrize("options", [{}, STOCK], ids=["pipelined", "stock"])
def test_rejected_startup_parameter_names_the_setting(
    make_database: MakeDatabase, pooler: int, options: dict[str, Any]
) -> None:
    database = make_database(port=pooler, options=options)
    with pytest.raises(errors.DatabaseUnavailable) as caught:
        database.read(Query("SELECT 1"))

    message = str(caught.value.__cause__)
    assert "unsupported startup parameter: " in message
    assert "set SLUICE_DB_POOLER to pgbouncer or rds-proxy; it is none" in message


def test_timeouts_do_not_leak_to_other_clients(make_database: MakeDatabase, pooler: int) -> None:
    one, other = (make_database(port=pooler, pooler="pgbouncer") for _ in range(2))
    for _ in range(2 * SERVER_CONNECTIONS):
        with request_context.begin(3):
            assert one.read(Query(TIMEOUTS))[0].statement.endswith("ms")
        assert tuple(other.read(Query(TIMEOUTS))[0]) == ("0", "0"), "the superuser has no timeouts"


def test_full_pooler_is_unavailable(make_database: MakeDatabase, pooler: int) -> None:
    """PgBouncer reports 08P01 and closes the connection. 08P01 alone would be an internal error."""
    databases = [
        make_database(port=pooler, pooler="pgbouncer") for _ in range(SERVER_CONNECTIONS + 1)
    ]
    assert databases[2].read(Query("SELECT 1 AS n"))[0].n == 1
    with databases[0].transaction() as one, databases[1].transaction() as two:
        one.read(Query("SELECT 1")), two.read(Query("SELECT 1"))
        with pytest.raises(errors.DatabaseUnavailable):
            databases[2].write(Query("SELECT 1"))
    assert databases[2].read(Query("SELECT 1 AS n"))[0].n == 1

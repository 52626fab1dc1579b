"""Statements, locks and waits end at the request's deadline, also on the server."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sluice import request_context
from sluice.db.database import Database
from sluice.db.driver.connection import SET_TIMEOUTS
from sluice.errors import DatabaseUnavailable, PoolExhausted, StatementTimeout
from sluice.query import Query
from sluice.settings import DatabaseSettings
from testing.tcp_proxy import TcpProxy

LONG = 60.0  # seconds; a test that waits for its deadline ends long before
SLEEP = f"SELECT pg_sleep({LONG}) AS outlives_its_request"
TIMEOUTS = """
    SELECT current_setting('statement_timeout') AS statement,
           current_setting('lock_timeout') AS lock
"""
MakeDatabase = Callable[..., Database]


def active_statements(admin: Any, what: str) -> int:
    query = """
        SELECT count(*) FROM pg_stat_activity
        WHERE query LIKE :q AND state = 'active' AND pid <> pg_backend_pid()
    """
    return int(admin.run(query, q=f"%{what}%")[0][0])


def test_nested_deadlines_use_the_earlier_one() -> None:
    assert request_context.remaining() is None
    with request_context.begin(10):
        with request_context.begin(100):
            assert 9 < (request_context.remaining() or 0) <= 10
        with request_context.begin(1):
            assert request_context.cap(5) <= 1
        assert request_context.cap(5) == 5
    assert request_context.cap(5) == 5
    with request_context.begin(-1):
        assert request_context.cap(5) == 0.001


@pytest.mark.parametrize("way", ["read", "write", "transaction", "session"])
def test_statement_ends_at_the_deadline(database: Database, admin: Any, way: str) -> None:
    def run() -> None:
        if way == "read":
            database.read(Query(SLEEP))
        elif way == "write":
            database.write(Query(SLEEP))
        else:
            with database.transaction() as transaction:
                if way == "session":
                    transaction.session.connection().exec_driver_sql(SLEEP)
                else:
                    transaction.write(Query("SELECT 1"))
                    transaction.write(Query(SLEEP))

    with request_context.begin(0.6), pytest.raises(StatementTimeout):
        run()
    assert active_statements(admin, "outlives_its_request") == 0
    assert database.pool.metrics().invalid == 0, "the server gave up first"


def test_lock_wait_ends_at_the_deadline(make_database: MakeDatabase) -> None:
    database = make_database(pool_size=2, lock_timeout=LONG, socket_timeout=LONG)
    database.write(Query("CREATE TABLE IF NOT EXISTS waited_for (id int)"))
    with database.transaction() as holder:
        holder.write(Query("LOCK TABLE waited_for"))
        began = time.monotonic()
        with (
            request_context.begin(0.5),
            pytest.raises((DatabaseUnavailable, StatementTimeout)),
        ):  # either may come first
            database.read(Query("SELECT * FROM waited_for"))
        assert time.monotonic() - began < LONG / 2


def test_timeouts_apply_to_one_transaction(database: Database) -> None:
    with request_context.begin(3):
        assert [
            2700 < int(text.removesuffix("ms")) <= 2800
            for text in database.read(Query(TIMEOUTS))[0]
        ] == [True, True]
        with database.transaction() as transaction:
            assert transaction.read(Query(TIMEOUTS))[0].statement.endswith("ms")
    assert tuple(database.read(Query(TIMEOUTS))[0]) == ("0", "0"), "the superuser has no timeouts"


def test_lock_timeout_never_exceeds_the_roles(make_database: MakeDatabase) -> None:
    with request_context.begin(3):
        assert make_database(lock_timeout=1.0).read(Query(TIMEOUTS))[0].lock == "1s"


def test_rds_proxy_gets_no_timeouts(make_database: MakeDatabase) -> None:
    with request_context.begin(3):
        assert tuple(make_database(pooler="rds-proxy").read(Query(TIMEOUTS))[0]) == ("0", "0"), (
            "the superuser has no timeouts"
        )


def test_distant_deadline_sends_no_timeouts(
    settings: DatabaseSettings, make_proxy: Callable[..., TcpProxy], make_database: MakeDatabase
) -> None:
    proxy = make_proxy(settings.host, settings.port)
    database = make_database(host=proxy.host, port=proxy.port)

    def bytes_sent_within(seconds: float) -> int:
        before = proxy.bytes_sent
        with request_context.begin(seconds):
            assert proxy.count_round_trips(lambda: database.read(Query("SELECT 1"))) == 1
        return proxy.bytes_sent - before

    database.read(Query("SELECT 1"))
    assert bytes_sent_within(14.5) + len(SET_TIMEOUTS) < bytes_sent_within(14.1)


def test_expired_deadline_sends_nothing(database: Database) -> None:
    with request_context.begin(0.1), pytest.raises(StatementTimeout):
        database.write(Query("CREATE TABLE never (id int)"))
    assert not database.read(Query("SELECT 1 FROM pg_class WHERE relname = 'never'"))


def test_silent_server_ends_at_the_deadline(
    settings: DatabaseSettings, make_proxy: Callable[..., TcpProxy], make_database: MakeDatabase
) -> None:
    proxy = make_proxy(settings.host, settings.port)
    database = make_database(
        host=proxy.host, port=proxy.port, connect_timeout=LONG, socket_timeout=LONG
    )
    database.read(Query("SELECT 1"))
    proxy.drop_data()
    began = time.monotonic()
    with request_context.begin(0.5), pytest.raises(DatabaseUnavailable):
        database.read(Query("SELECT 1"))
    with request_context.begin(0.5), pytest.raises(DatabaseUnavailable):
        database.read(Query("SELECT 1"))  # connecting fails
    assert time.monotonic() - began < LONG / 2
    proxy.drop_data(False)
    assert database.read(Query("SELECT 1"))


def test_pool_wait_ends_at_the_deadline(make_database: MakeDatabase) -> None:
    database = make_database(pool_overflow=0, pool_timeout=LONG)
    with database.transaction() as holder, ThreadPoolExecutor() as threads:
        holder.read(Query("SELECT 1"))

        def wait() -> float:
            began = time.monotonic()
            with request_context.begin(0.3), pytest.raises(PoolExhausted):
                database.read(Query("SELECT 1"))
            return time.monotonic() - began

        assert all(0.2 < seconds < LONG / 2 for seconds in threads.map(lambda _: wait(), range(4)))


def test_batch_has_no_timeouts(make_database: MakeDatabase) -> None:
    assert tuple(make_database("batch").read(Query(TIMEOUTS))[0]) == ("0", "0")

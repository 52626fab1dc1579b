"""A statement ends with the time of its request, on the server too, and costs nothing more while there is enough."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sluice import deadline
from sluice.db.connection import SET_TIMEOUTS
from sluice.db.database import Database
from sluice.errors import DatabaseUnavailable, PoolExhausted, StatementTimeout
from sluice.settings import DatabaseSettings
from tests.fixtures.tcp_proxy import TcpProxy

SLEEP = "SELECT pg_sleep(5) AS outlives_its_request"
TIMEOUTS = "SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock"
Make = Callable[..., Database]


def running(admin: Any, what: str) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE :q AND state = 'active' AND pid <> pg_backend_pid()"
    return int(admin.run(query, q=f"%{what}%")[0][0])


def test_the_inner_of_two_deadlines_counts_and_then_the_outer_again() -> None:
    assert deadline.remaining() is None
    with deadline.within(10):
        with deadline.within(100):
            assert 9 < (deadline.remaining() or 0) <= 10
        with deadline.within(1):
            assert deadline.cap(5) <= 1
        assert deadline.cap(5) == 5
    assert deadline.cap(5) == 5
    with deadline.within(-1):
        assert deadline.cap(5) == 0.001


@pytest.mark.parametrize("way", ["read", "write", "transaction", "session"])
def test_a_statement_ends_with_the_request_and_nothing_runs_on(
    database: Database, admin: Any, way: str
) -> None:
    def run() -> None:
        if way == "read":
            database.read(SLEEP)
        elif way == "write":
            database.write(SLEEP)
        else:
            with database.transaction() as transaction:
                if way == "session":
                    transaction.session.connection().exec_driver_sql(SLEEP)
                else:
                    transaction.write("SELECT 1")
                    transaction.write(SLEEP)

    began = time.monotonic()
    with deadline.within(0.6), pytest.raises(StatementTimeout):
        run()
    assert 0.3 < time.monotonic() - began < 0.6, "the server gave up first"
    assert running(admin, "outlives_its_request") == 0
    assert database.pool_metrics().invalid == 0, "the connection is as good as before"


def test_a_lock_is_waited_for_no_longer_than_the_request_lasts(make_database: Make) -> None:
    database = make_database(pool_size=2)
    database.write("CREATE TABLE IF NOT EXISTS waited_for (id int)")
    with database.transaction() as holder:
        holder.write("LOCK TABLE waited_for")
        began = time.monotonic()
        with (
            deadline.within(0.5),
            pytest.raises((DatabaseUnavailable, StatementTimeout)),
        ):  # which of them is a race
            database.read("SELECT * FROM waited_for")
        assert time.monotonic() - began < 0.5


def test_what_is_set_is_set_for_the_transaction_alone(database: Database) -> None:
    with deadline.within(3):
        assert [
            2700 < int(text.removesuffix("ms")) <= 2800 for text in database.read(TIMEOUTS)[0]
        ] == [True, True]
        with database.transaction() as transaction:
            assert transaction.read(TIMEOUTS)[0].statement.endswith("ms")
    assert tuple(database.read(TIMEOUTS)[0]) == ("0", "0"), "the superuser's own"


def test_the_lock_timeout_is_never_raised_above_the_roles(make_database: Make) -> None:
    with deadline.within(3):
        assert make_database(lock_timeout=1.0).read(TIMEOUTS)[0].lock == "1s"


def test_rds_proxy_gets_no_timeout_that_would_pin_it(make_database: Make) -> None:
    with deadline.within(3):
        assert tuple(make_database(pooler="rds-proxy").read(TIMEOUTS)[0]) == ("0", "0"), (
            "the superuser's own"
        )


def test_while_there_is_enough_time_nothing_is_sent_for_it(
    settings: DatabaseSettings, make_proxy: Callable[..., TcpProxy], make_database: Make
) -> None:
    proxy = make_proxy(settings.host, settings.port)
    database = make_database(host=proxy.host, port=proxy.port)

    def sent(seconds: float) -> int:
        before = proxy.bytes_sent
        with deadline.within(seconds):
            assert proxy.count_round_trips(lambda: database.read("SELECT 1")) == 1
        return proxy.bytes_sent - before

    database.read("SELECT 1")
    assert sent(14.5) + len(SET_TIMEOUTS) < sent(14.1)


def test_without_time_nothing_is_sent_at_all(database: Database) -> None:
    with deadline.within(0.1), pytest.raises(StatementTimeout):
        database.write("CREATE TABLE never (id int)")
    assert not database.read("SELECT 1 FROM pg_class WHERE relname = 'never'")


def test_a_silent_server_is_given_up_with_the_request(
    settings: DatabaseSettings, make_proxy: Callable[..., TcpProxy], make_database: Make
) -> None:
    proxy = make_proxy(settings.host, settings.port)
    database = make_database(host=proxy.host, port=proxy.port)
    database.read("SELECT 1")
    proxy.drop_data()
    began = time.monotonic()
    with deadline.within(0.5), pytest.raises(DatabaseUnavailable):
        database.read("SELECT 1")
    with deadline.within(0.5), pytest.raises(DatabaseUnavailable):
        database.read("SELECT 1")  # on a new connection, which does not come about
    assert time.monotonic() - began < 1.5
    proxy.drop_data(False)
    assert database.read("SELECT 1")


def test_a_connection_is_waited_for_no_longer_than_the_request_lasts(make_database: Make) -> None:
    database = make_database(pool_overflow=0, pool_timeout=20.0)
    with database.transaction() as holder, ThreadPoolExecutor() as threads:
        holder.read("SELECT 1")

        def wait() -> float:
            began = time.monotonic()
            with deadline.within(0.3), pytest.raises(PoolExhausted):
                database.read("SELECT 1")
            return time.monotonic() - began

        assert all(0.2 < seconds < 1 for seconds in threads.map(lambda _: wait(), range(4)))


def test_a_batch_has_all_the_time_it_takes(make_database: Make) -> None:
    assert tuple(make_database("batch").read(TIMEOUTS)[0]) == ("0", "0")

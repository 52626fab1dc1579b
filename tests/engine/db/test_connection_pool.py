"""The connection pool: replacing connections, retrying reads, limits and metrics."""

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from sluice import request_context
from sluice.db.database import Database
from sluice.db.pool import PoolMetrics
from sluice.errors import ConnectionLost, DatabaseUnavailable, PoolExhausted
from sluice.query import Query
from testing.tcp_proxy import TcpProxy

PID = "SELECT pg_backend_pid()"
EMPTY = PoolMetrics(size=1, checked_in=0, checked_out=0, overflow=0, invalid=0)


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def backend_pid(database: Database) -> int:
    return int(database.read(Query(PID))[0][0])


@pytest.mark.parametrize(
    ("seconds", "kept"), [(1, True), (239, True), (241, False), (86_400, False), (-60, False)]
)
def test_idle_connection_is_replaced_by_age(
    make_database: Callable[..., Database], *, seconds: float, kept: bool
) -> None:
    clock = Clock()
    database = make_database(options={"clock": clock})
    first = backend_pid(database)
    clock.now += seconds  # backwards: a clock that was set back does not show the age
    assert (backend_pid(database) == first) is kept
    assert database.pool.metrics() == EMPTY._replace(checked_in=1, invalid=0 if kept else 1)


@pytest.mark.parametrize("workload", ["function", "web"])
def test_old_connection_is_replaced_alone(
    make_database: Callable[..., Database], workload: str
) -> None:
    clock = Clock()
    database = make_database(workload, pool_size=2, options={"clock": clock})
    old, young = database.pool.checkout(), database.pool.checkout()
    old.close()
    clock.now += 200
    young.cursor().execute("SELECT 1")
    young.close()
    clock.now += 200
    both = [database.pool.checkout() for _ in range(2)]
    assert database.pool.metrics().invalid == 1
    for connection in both:
        connection.close()


def test_terminated_backend_is_replaced_silently(
    database: Database, admin: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = backend_pid(database)
    admin.run("SELECT pg_terminate_backend(:pid, 5000)", pid=first)
    for use in (database.read, database.write):
        assert use(Query(PID))[0][0] != first
    assert database.pool.metrics() == EMPTY._replace(checked_in=1, invalid=1)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.fixture
def proxied_database(
    make_proxy: Any, settings: Any, make_database: Callable[..., Database]
) -> tuple[TcpProxy, Database]:
    proxy = make_proxy(settings.host, settings.port)
    return proxy, make_database(host=proxy.host, port=proxy.port, socket_timeout=5.0)


@pytest.mark.parametrize("delivered", [True, False])
def test_read_is_retried_after_a_lost_connection(
    proxied_database: tuple[TcpProxy, Database], *, delivered: bool
) -> None:
    proxy, database = proxied_database
    database.read(Query("SELECT 1"))
    proxy.disconnect_at(b"forty-two", delivered=delivered)
    assert database.read(Query("SELECT 'forty-two'"))[0][0] == "forty-two"
    assert proxy.connections == 2


def test_read_fails_after_two_lost_connections(
    make_proxy: Any, settings: Any, make_database: Callable[..., Database]
) -> None:
    proxy = make_proxy(settings.host, settings.port)

    def cut(*_: object) -> None:
        proxy.disconnect_at(b"unlucky", delivered=False)

    database = make_database(host=proxy.host, port=proxy.port, options={"on_connect": cut})
    with pytest.raises(ConnectionLost):
        database.read(Query("SELECT 'unlucky'"))
    assert proxy.connections == 2


def test_write_is_not_retried_after_a_lost_response(
    proxied_database: tuple[TcpProxy, Database], admin: Any
) -> None:
    proxy, database = proxied_database
    admin.run("CREATE TABLE IF NOT EXISTS sent_once (id int)")
    admin.run("TRUNCATE sent_once")
    proxy.disconnect_at(b"INSERT", delivered=True)
    with pytest.raises(ConnectionLost):
        database.write(Query("INSERT INTO sent_once VALUES (1)"))
    assert database.read(Query("SELECT count(*) FROM sent_once"))[0][0] == 1


def test_silent_server_is_unavailable_without_retry(
    make_proxy: Any, settings: Any, make_database: Callable[..., Database]
) -> None:
    proxy = make_proxy(settings.host, settings.port)
    database = make_database(host=proxy.host, port=proxy.port, socket_timeout=0.2)
    database.read(Query("SELECT 1"))
    proxy.drop_data()
    with pytest.raises(DatabaseUnavailable) as caught:
        database.read(Query("SELECT 1"))
    assert type(caught.value) is DatabaseUnavailable
    assert proxy.connections == 1
    proxy.drop_data(enabled=False)
    assert len(database.read(Query("SELECT 1"))) == 1


def test_connecting_to_a_silent_server_times_out(
    make_proxy: Any, settings: Any, make_database: Callable[..., Database]
) -> None:
    proxy = make_proxy(settings.host, settings.port)
    proxy.drop_data()
    database = make_database(host=proxy.host, port=proxy.port, connect_timeout=0.2)
    begun = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        database.read(Query("SELECT 1"))
    assert time.monotonic() - begun < 2


def test_exhausted_pool_rejects_within_its_timeout(make_database: Callable[..., Database]) -> None:
    database = make_database(pool_timeout=0.3)
    held = [database.pool.checkout() for _ in range(2)]
    assert database.pool.metrics() == EMPTY._replace(checked_out=2, overflow=1)

    def read_rejected(_: int) -> tuple[PoolExhausted, float]:
        begun = time.monotonic()
        with pytest.raises(PoolExhausted) as caught:
            database.read(Query("SELECT 1"))
        return caught.value, time.monotonic() - begun

    with ThreadPoolExecutor(10) as threads:
        for error, waited in threads.map(read_rejected, range(10)):
            assert (error.status, error.headers["Retry-After"]) == (503, "1")
            assert 0.2 < waited < 2
    for connection in held:
        connection.close()
    assert database.read(Query("SELECT 1"))[0][0] == 1
    assert database.pool.metrics() == EMPTY._replace(checked_in=1)


def test_exhausted_pool_rejects_engine_connections(make_database: Callable[..., Database]) -> None:
    pool = make_database("web", pool_timeout=0.1, pool_overflow=0).pool
    with ExitStack() as held:
        for _ in range(pool.metrics().size):
            held.enter_context(pool.engine.connect())
        with pytest.raises(PoolExhausted):
            pool.engine.connect()


def test_connection_lent_before_dispose_is_closed_when_returned(database: Database) -> None:
    lent = database.pool.checkout()
    database.dispose()
    lent.close()
    assert lent.connection.closed
    assert database.pool.metrics() == EMPTY


def test_waiting_thread_gets_the_returned_connection(
    make_database: Callable[..., Database],
) -> None:
    database = make_database(pool_overflow=0, pool_timeout=20)
    held = database.pool.checkout()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(backend_pid, database)
        held.close()
        assert waiting.result() == backend_pid(database)


def test_wait_ends_at_the_deadline_of_the_request(make_database: Callable[..., Database]) -> None:
    database = make_database(pool_overflow=0, pool_timeout=20)
    held = database.pool.checkout()
    begun = time.monotonic()
    with request_context.begin(0.2), pytest.raises(PoolExhausted):
        database.read(Query("SELECT 1"))
    assert time.monotonic() - begun < 5
    held.close()


def test_failed_connection_gives_its_place_back(make_database: Callable[..., Database]) -> None:
    database = make_database(pool_overflow=0, pool_timeout=0.1, port=1)
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            database.read(Query("SELECT 1"))
    assert database.pool.metrics() == EMPTY


def test_returned_connection_is_rolled_back(make_database: Callable[..., Database]) -> None:
    database = make_database(pool_overflow=0)
    lent = database.pool.checkout()
    lent.cursor().execute("CREATE TABLE never_committed (id int)")
    lent.close()
    (row,) = database.read(Query("SELECT to_regclass('never_committed') AS found"))
    assert row.found is None


def test_metrics_of_unused_and_disposed_pools(database: Database) -> None:
    assert database.pool.metrics() == EMPTY
    database.read(Query("SELECT 1"))
    database.dispose()
    assert database.pool.metrics() == EMPTY
    assert database.read(Query("SELECT 1"))[0][0] == 1


def test_batch_engine_counts_without_a_pool(make_database: Callable[..., Database]) -> None:
    database = make_database("batch")
    assert backend_pid(database) != backend_pid(database)
    with database.connection():
        assert database.pool.metrics() == PoolMetrics(0, 0, checked_out=1, overflow=0, invalid=0)
    assert database.pool.metrics().checked_out == 0


def test_web_pool_size_depends_on_cpu_count(make_database: Callable[..., Database]) -> None:
    assert make_database("web").pool.metrics().size == (os.cpu_count() or 1) * 2 + 1


def test_threads_get_their_own_rows(make_database: Callable[..., Database]) -> None:
    database = make_database("web", pool_timeout=20)
    start = threading.Barrier(8)

    def reads(thread: int) -> bool:
        start.wait()
        mine = [thread * 1000 + n for n in range(100)]
        return mine == [
            database.read(Query("SELECT CAST(:n AS int)", {"n": n}))[0][0] for n in mine
        ]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(reads, range(8)))
    metrics = database.pool.metrics()
    assert (metrics.checked_out, metrics.overflow, metrics.invalid) == (0, 0, 0)
    assert metrics.checked_in <= metrics.size


def test_pool_of_one_connection_logs_no_warning(
    make_database: Callable[..., Database], caplog: pytest.LogCaptureFixture
) -> None:
    backend_pid(make_database(pool_size=1, pool_overflow=0))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

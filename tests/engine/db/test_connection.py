"""Behaviour that only the pipelined connection has, and its round trips."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pg8000
import pytest
from pg8000.exceptions import DatabaseError, InterfaceError

from sluice.db.driver.connection import PipelinedConnection
from tests.engine.db.conftest import Connect, pipelined, rejection_report, rows


def test_second_statement_is_rejected(pipelined_connection: PipelinedConnection) -> None:
    pipelined_connection.cursor().execute("CREATE TEMP TABLE t (id int)")
    pipelined_connection.commit()
    for args in ((), (1,)):
        placeholder = "%s" if args else "1"
        report = rejection_report(
            pipelined_connection, f"INSERT INTO t VALUES ({placeholder}); COMMIT; SELECT 1", args
        )
        assert report["C"] == "42601"
        pipelined_connection.rollback()
    with pytest.raises(DatabaseError):
        pipelined_connection.run("SELECT 1; SELECT 2")
    pipelined_connection.rollback()
    assert rows(pipelined_connection, "SELECT count(*) FROM t") == [[0]]


def test_last_server_error_is_the_cause(pipelined_connection: PipelinedConnection) -> None:
    with pytest.raises(InterfaceError, match="network error") as caught:
        pipelined_connection.cursor().execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert isinstance(caught.value.__cause__, DatabaseError)
    assert caught.value.__cause__.args[0]["C"] == "57P01"


def test_failed_begin_stops_the_statement(
    pipelined_connection: PipelinedConnection, admin: Any
) -> None:
    admin.run("CREATE TABLE IF NOT EXISTS after_failed_begin (id int)")
    pipelined_connection.isolation_level = "nonsense"
    assert (
        rejection_report(pipelined_connection, "INSERT INTO after_failed_begin VALUES (%s)", (1,))[
            "C"
        ]
        == "42601"
    )
    pipelined_connection.rollback()
    pipelined_connection.isolation_level = None
    assert rows(pipelined_connection, "SELECT count(*) FROM after_failed_begin") == [[0]]


@pytest.mark.parametrize("level", [None, "REPEATABLE READ", "SERIALIZABLE"])
def test_isolation_level_is_sent_with_begin(
    pipelined_connection: PipelinedConnection, level: str | None
) -> None:
    pipelined_connection.isolation_level = level
    expected = (level or "read committed").lower()
    assert rows(pipelined_connection, "SHOW transaction_isolation") == [[expected]]
    pipelined_connection.commit()
    pipelined_connection.isolation_level = None
    assert rows(pipelined_connection, "SHOW transaction_isolation") == [["read committed"]]


def test_read_only_transaction_rejects_writes(pipelined_connection: PipelinedConnection) -> None:
    pipelined_connection.read_only = True
    assert rejection_report(pipelined_connection, "CREATE TABLE t (id int)")["C"] == "25006"
    pipelined_connection.rollback()


def test_lone_surrogate_is_rejected_before_sending(
    pipelined_connection: PipelinedConnection,
) -> None:
    assert rejection_report(pipelined_connection, "SELECT %s", ("\ud800",))["C"] == "22021"
    assert rows(pipelined_connection, "SELECT %s", ("next",)) == [["next"]]


def break_by_conversion(connection: PipelinedConnection) -> type[BaseException]:
    def unreadable(text: str) -> object:
        raise ValueError(text)

    connection.register_in_adapter(23, unreadable)
    return ValueError


def break_by_interrupt(connection: PipelinedConnection) -> type[BaseException]:
    def interrupted(text: str) -> object:
        raise KeyboardInterrupt

    connection.register_in_adapter(23, interrupted)
    return KeyboardInterrupt


@pytest.mark.parametrize("breaks", [break_by_conversion, break_by_interrupt])
def test_connection_out_of_sync_is_closed(
    pipelined_connection: PipelinedConnection,
    breaks: Callable[[PipelinedConnection], type[BaseException]],
) -> None:
    with pytest.raises(breaks(pipelined_connection)):
        pipelined_connection.cursor().execute("SELECT n FROM generate_series(1, 3) n")
    assert pipelined_connection.closed
    assert not pipelined_connection.is_alive(60)
    for use in (
        lambda: pipelined_connection.cursor().execute("SELECT 1"),
        pipelined_connection.commit,
    ):
        with pytest.raises(InterfaceError, match="connection is closed"):
            use()
    pipelined_connection.rollback()
    pipelined_connection.close()


def test_socket_timeout_closes_the_connection(open_connection: Connect) -> None:
    connection = open_connection(pipelined, socket_timeout=0.1)
    with pytest.raises(InterfaceError, match="network error") as caught:
        connection.cursor().execute("SELECT pg_sleep(10)")
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert connection.closed


@pytest.mark.parametrize("sql", ["COPY (SELECT 1) TO STDOUT", "COPY t FROM STDIN"])
def test_copy_without_stream_closes_the_connection(
    pipelined_connection: PipelinedConnection, sql: str
) -> None:
    pipelined_connection.cursor().execute("CREATE TEMP TABLE t (id int)")
    with pytest.raises(InterfaceError):
        pipelined_connection.cursor().execute(sql)
    assert pipelined_connection.closed


def test_failing_copy_source_closes_the_connection(
    pipelined_connection: PipelinedConnection,
) -> None:
    def source() -> Any:
        yield "1\n"
        raise LookupError("the object is gone")

    pipelined_connection.cursor().execute("CREATE TEMP TABLE t (id int)")
    with pytest.raises(LookupError):
        pipelined_connection.cursor().execute("COPY t FROM STDIN", stream=source())
    assert pipelined_connection.closed


def test_close_is_idempotent_after_termination(open_connection: Connect, admin: Any) -> None:
    connection = open_connection(pipelined)
    ((pid,),) = rows(connection, "SELECT pg_backend_pid()")
    admin.run("SELECT pg_terminate_backend(:pid, 5000)", pid=pid)
    connection.close()
    connection.close()
    assert connection.closed


# --- round trips and sockets


@pytest.fixture
def proxied_connection(make_proxy: Any, settings: Any, open_connection: Connect) -> Any:
    """A proxy, and a pipelined connection through it."""
    proxy = make_proxy(settings.host, settings.port)
    return proxy, open_connection(pipelined, host=proxy.host, port=proxy.port)


def test_round_trips(proxied_connection: Any) -> None:
    proxy, connection = proxied_connection
    cursor = connection.cursor()
    assert proxy.round_trips == 3  # SCRAM: startup, challenge, proof
    assert proxy.count_round_trips(lambda: cursor.execute("SELECT %s", (1,))) == 1  # with its BEGIN
    assert proxy.count_round_trips(lambda: cursor.execute("SELECT 1")) == 1
    assert proxy.count_round_trips(connection.commit) == 1
    assert (
        proxy.count_round_trips(connection.commit)
        == proxy.count_round_trips(connection.rollback)
        == 0
    )
    connection.autocommit = True
    assert proxy.count_round_trips(lambda: cursor.execute("SELECT %s", (1,))) == 1
    assert proxy.count_round_trips(lambda: connection.is_alive(60)) == 0


def test_error_and_rollback_take_two_round_trips(proxied_connection: Any) -> None:
    proxy, connection = proxied_connection

    def fail() -> None:
        with suppress(pg8000.legacy.Error):
            connection.cursor().execute("SELECT 1/0")
        connection.rollback()

    assert proxy.count_round_trips(fail) == 2


def test_socket_options_are_set(pipelined_connection: PipelinedConnection) -> None:
    expected = {
        "TCP_NODELAY": 1,
        "TCP_KEEPIDLE": 30,
        "TCP_KEEPINTVL": 10,
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": 5000,
    }
    assert pipelined_connection._usock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    for option, value in expected.items():
        if hasattr(socket, option):
            assert (
                pipelined_connection._usock.getsockopt(socket.IPPROTO_TCP, getattr(socket, option))
                == value
            )


def test_large_parameter_is_not_delayed_by_nagle(proxied_connection: Any) -> None:
    _, connection = proxied_connection

    def send_20_kilobytes() -> float:
        begun = time.perf_counter()
        rows(connection, "SELECT length(%s)", ("x" * 20_000,))
        return time.perf_counter() - begun

    # Nagle's algorithm with delayed ACKs takes 0.04 s each time.
    assert min(send_20_kilobytes() for _ in range(10)) < 0.02


def test_broken_connection_is_noticed_while_idle(proxied_connection: Any) -> None:
    proxy, connection = proxied_connection
    assert connection.is_alive(60)
    proxy.disconnect()
    connection._poll.poll(5000)  # until the proxy's close has arrived
    assert not connection.is_alive(60)
    with pytest.raises(InterfaceError, match="network error"):
        connection.cursor().execute("SELECT 1")

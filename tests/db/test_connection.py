"""What only the pipelined connection promises, and what it says on the wire."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pg8000
import pytest
from pg8000.exceptions import DatabaseError, InterfaceError

from sluice.db.connection import PipelinedConnection
from tests.db.conftest import Connect, pipelined, refused, rows


def test_second_statement_is_refused_and_nothing_runs(ours: PipelinedConnection) -> None:
    ours.cursor().execute("CREATE TEMP TABLE t (id int)")
    ours.commit()
    for args in ((), (1,)):
        placeholder = "%s" if args else "1"
        report = refused(ours, f"INSERT INTO t VALUES ({placeholder}); COMMIT; SELECT 1", args)
        assert report["C"] == "42601"
        ours.rollback()
    with pytest.raises(DatabaseError):
        ours.run("SELECT 1; SELECT 2")
    ours.rollback()
    assert rows(ours, "SELECT count(*) FROM t") == [[0]]


def test_last_words_of_the_server_are_the_cause(ours: PipelinedConnection) -> None:
    with pytest.raises(InterfaceError, match="network error") as caught:
        ours.cursor().execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert isinstance(caught.value.__cause__, DatabaseError)
    assert caught.value.__cause__.args[0]["C"] == "57P01"


def test_statement_after_a_begin_that_fails_does_not_run(
    ours: PipelinedConnection, admin: Any
) -> None:
    admin.run("CREATE TABLE IF NOT EXISTS after_failed_begin (id int)")
    ours.isolation_level = "nonsense"
    assert refused(ours, "INSERT INTO after_failed_begin VALUES (%s)", (1,))["C"] == "42601"
    ours.rollback()
    ours.isolation_level = None
    assert rows(ours, "SELECT count(*) FROM after_failed_begin") == [[0]]


@pytest.mark.parametrize("level", [None, "REPEATABLE READ", "SERIALIZABLE"])
def test_isolation_rides_in_begin_and_only_there(
    ours: PipelinedConnection, level: str | None
) -> None:
    ours.isolation_level = level
    wanted = (level or "read committed").lower()
    assert rows(ours, "SHOW transaction_isolation") == [[wanted]]
    ours.commit()
    ours.isolation_level = None
    assert rows(ours, "SHOW transaction_isolation") == [["read committed"]]


def test_read_only_transaction_refuses_writes(ours: PipelinedConnection) -> None:
    ours.read_only = True
    assert refused(ours, "CREATE TABLE t (id int)")["C"] == "25006"
    ours.rollback()


def test_half_a_surrogate_is_refused_before_it_is_sent(ours: PipelinedConnection) -> None:
    assert refused(ours, "SELECT %s", ("\ud800",))["C"] == "22021"
    assert rows(ours, "SELECT %s", ("next",)) == [["next"]]


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
def test_connection_out_of_step_is_never_used_again(
    ours: PipelinedConnection, breaks: Callable[[PipelinedConnection], type[BaseException]]
) -> None:
    with pytest.raises(breaks(ours)):
        ours.cursor().execute("SELECT n FROM generate_series(1, 3) n")
    assert ours.closed
    assert not ours.is_alive(60)
    for use in (lambda: ours.cursor().execute("SELECT 1"), ours.commit):
        with pytest.raises(InterfaceError, match="connection is closed"):
            use()
    ours.rollback()
    ours.close()


def test_silence_beyond_the_timeout_closes(open_connection: Connect) -> None:
    connection = open_connection(pipelined, socket_timeout=0.1)
    with pytest.raises(InterfaceError, match="network error") as caught:
        connection.cursor().execute("SELECT pg_sleep(10)")
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert connection.closed


@pytest.mark.parametrize("sql", ["COPY (SELECT 1) TO STDOUT", "COPY t FROM STDIN"])
def test_copy_without_stream_closes(ours: PipelinedConnection, sql: str) -> None:
    ours.cursor().execute("CREATE TEMP TABLE t (id int)")
    with pytest.raises(InterfaceError):
        ours.cursor().execute(sql)
    assert ours.closed


def test_copy_whose_source_fails_closes(ours: PipelinedConnection) -> None:
    def source() -> Any:
        yield "1\n"
        raise LookupError("the object is gone")

    ours.cursor().execute("CREATE TEMP TABLE t (id int)")
    with pytest.raises(LookupError):
        ours.cursor().execute("COPY t FROM STDIN", stream=source())
    assert ours.closed


def test_close_may_come_twice_and_after_the_server(open_connection: Connect, admin: Any) -> None:
    connection = open_connection(pipelined)
    ((pid,),) = rows(connection, "SELECT pg_backend_pid()")
    admin.run("SELECT pg_terminate_backend(:pid, 5000)", pid=pid)
    connection.close()
    connection.close()
    assert connection.closed


# --- the wire


@pytest.fixture
def wire(make_proxy: Any, settings: Any, open_connection: Connect) -> Any:
    """A relay and a pipelined connection through it."""
    proxy = make_proxy(settings.host, settings.port)
    return proxy, open_connection(pipelined, host=proxy.host, port=proxy.port)


def test_round_trips(wire: Any) -> None:
    proxy, connection = wire
    cursor = connection.cursor()
    assert proxy.round_trips == 3  # SCRAM: greeting, challenge, proof
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


def test_refused_statement_and_rollback_are_two_round_trips(wire: Any) -> None:
    proxy, connection = wire

    def fail() -> None:
        with suppress(pg8000.legacy.Error):
            connection.cursor().execute("SELECT 1/0")
        connection.rollback()

    assert proxy.count_round_trips(fail) == 2


def test_socket_is_tuned(ours: PipelinedConnection) -> None:
    wanted = {
        "TCP_NODELAY": 1,
        "TCP_KEEPIDLE": 30,
        "TCP_KEEPINTVL": 10,
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": 5000,
    }
    assert ours._usock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    for option, value in wanted.items():
        if hasattr(socket, option):
            assert ours._usock.getsockopt(socket.IPPROTO_TCP, getattr(socket, option)) == value


def test_large_parameter_does_not_wait_for_an_acknowledgement(wire: Any) -> None:
    _, connection = wire

    def twenty_kilobytes() -> float:
        begun = time.perf_counter()
        rows(connection, "SELECT length(%s)", ("x" * 20_000,))
        return time.perf_counter() - begun

    assert (
        min(twenty_kilobytes() for _ in range(10)) < 0.02
    )  # Nagle against delayed ACK: 0.04 each time


def test_cut_wire_is_seen_without_asking(wire: Any) -> None:
    proxy, connection = wire
    assert connection.is_alive(60)
    proxy.disconnect()
    connection._poll.poll(5000)  # until the news is here
    assert not connection.is_alive(60)
    with pytest.raises(InterfaceError, match="network error"):
        connection.cursor().execute("SELECT 1")

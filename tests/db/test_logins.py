"""Connections without a password, and over a Unix socket: what a server on one's own machine offers."""

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sluice.db.database import Database
from sluice.errors import DatabaseUnavailable
from sluice.settings import DatabaseSettings

CHUNK = 65_536


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(CHUNK):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def _serve_one(listener: socket.socket, address: tuple[str, int]) -> None:
    client, _ = listener.accept()
    with closing(client), closing(socket.create_connection(address)) as server:
        back = threading.Thread(target=_pass_on, args=(server, client))
        back.start()
        _pass_on(client, server)
        back.join()


@contextmanager
def unix_socket_to(address: tuple[str, int]) -> Iterator[str]:
    """The folder of a Unix socket that leads to the server at `address`, for one connection."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(socket.socket(socket.AF_UNIX)) as listener,
    ):
        listener.bind(f"{folder}/.s.PGSQL.6432")
        listener.listen()
        thread = threading.Thread(target=_serve_one, args=(listener, address))
        thread.start()
        yield folder
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def trusted(admin: Any) -> Iterator[str]:
    """A role that the server lets in without a password."""
    file = Path(admin.run("SHOW hba_file")[0][0])
    before = file.read_text()
    admin.run("CREATE ROLE trusted_tester LOGIN")
    file.write_text("host all trusted_tester 127.0.0.1/32 trust\n" + before)
    admin.run("SELECT pg_reload_conf()")
    yield "trusted_tester"
    file.write_text(before)
    admin.run("SELECT pg_reload_conf()")
    admin.run("DROP ROLE trusted_tester")


def test_queries_go_over_a_unix_socket(
    make_database: Callable[..., Database], settings: DatabaseSettings
) -> None:
    with unix_socket_to((settings.host, settings.port)) as folder:
        database = make_database(host=folder, port=6432)
        assert database.read("SELECT 1 AS n")[0].n == 1
        database.dispose()


def test_a_missing_unix_socket_is_an_unreachable_database(
    make_database: Callable[..., Database], tmp_path: Path
) -> None:
    with pytest.raises(DatabaseUnavailable):
        make_database(host=str(tmp_path)).read("SELECT 1")


def test_a_server_that_trusts_the_user_needs_no_password(
    make_database: Callable[..., Database], trusted: str
) -> None:
    database = make_database(user=trusted, password="", auth="none")
    assert database.read("SELECT current_user AS name")[0].name == trusted
    database.dispose()


def test_a_server_that_asks_for_a_password_refuses_without(
    make_database: Callable[..., Database],
) -> None:
    with pytest.raises(DatabaseUnavailable):
        make_database(password="", auth="none").read("SELECT 1")

"""Connections without a password, and over a Unix socket."""

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
from sluice.query import Query
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
    """Yield the directory of a Unix socket that forwards one connection to `address`."""
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
def trusted_role(admin: Any) -> Iterator[str]:
    """The name of a role that may log in without a password."""
    file = Path(admin.run("SHOW hba_file")[0][0])
    before = file.read_text()
    admin.run("CREATE ROLE trusted_tester LOGIN")
    file.write_text("host all trusted_tester 127.0.0.1/32 trust\n" + before)
    admin.run("SELECT pg_reload_conf()")
    yield "trusted_tester"
    file.write_text(before)
    admin.run("SELECT pg_reload_conf()")
    admin.run("DROP ROLE trusted_tester")


def test_unix_socket_works(
    make_database: Callable[..., Database], settings: DatabaseSettings
) -> None:
    with unix_socket_to((settings.host, settings.port)) as folder:
        database = make_database(host=folder, port=6432)
        assert database.read(Query("SELECT 1 AS n"))[0].n == 1
        database.dispose()


def test_missing_unix_socket_is_unavailable(
    make_database: Callable[..., Database], tmp_path: Path
) -> None:
    with pytest.raises(DatabaseUnavailable):
        make_database(host=str(tmp_path)).read(Query("SELECT 1"))


def test_trusted_role_needs_no_password(
    make_database: Callable[..., Database], trusted_role: str
) -> None:
    database = make_database(user=trusted_role, password="", auth="none")
    assert database.read(Query("SELECT current_user AS name"))[0].name == trusted_role
    database.dispose()


def test_missing_password_is_unavailable(
    make_database: Callable[..., Database],
) -> None:
    with pytest.raises(DatabaseUnavailable):
        make_database(password="", auth="none").read(Query("SELECT 1"))

"""Connections to one database for the tests of this folder. Each test creates its own tables."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import pg8000.legacy
import pytest

from local.postgres import PostgresServer
from sluice.db.database import Database
from sluice.db.driver.connection import PipelinedConnection
from sluice.db.pools import make_pool
from sluice.settings import DatabaseSettings

Connect = Callable[..., Any]
MakeDatabase = Callable[..., Database]


def stock(settings: DatabaseSettings, **options: Any) -> Any:
    """Return a connection of stock pg8000."""
    parts = {
        "host": settings.host,
        "port": settings.port,
        "database": settings.name,
        "password": settings.password,
    }
    return pg8000.legacy.Connection(settings.user, **parts, ssl_context=False, **options)


def pipelined(settings: DatabaseSettings, **options: Any) -> PipelinedConnection:
    """Return a pipelined connection. `options` override the settings."""
    parts: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "database": settings.name,
    }
    parts |= {"password": settings.password, "tls": settings.tls, "ca_file": settings.ca_file}
    return PipelinedConnection(settings.user, **parts | options)


def rows(connection: Any, sql: str, args: Any = ()) -> list[list[Any]]:
    cursor = connection.cursor()
    cursor.execute(sql, args)
    return list(cursor.fetchall())


def rejection_report(connection: Any, sql: str, args: Any = ()) -> dict[str, str]:
    """Run a statement that the server must reject, and return its report."""
    with pytest.raises(pg8000.legacy.Error) as caught:
        connection.cursor().execute(sql, args)
    report: dict[str, str] = caught.value.args[0]
    return report


@pytest.fixture(scope="session")
def settings(postgres_server: PostgresServer) -> DatabaseSettings:
    """Settings of the superuser in a database for the tests of this folder."""
    server = DatabaseSettings.from_url(postgres_server.url())
    with closing(stock(server)) as connection:
        connection.autocommit = True
        connection.run("CREATE DATABASE db_tests")
    return server._replace(name="db_tests", tls="off")


@pytest.fixture
def open_connection(settings: DatabaseSettings) -> Iterator[Connect]:
    """Return `open_connection(kind)`, which closes the connections after the test."""
    opened: list[Any] = []

    def connect(kind: Connect, where: DatabaseSettings = settings, **options: Any) -> Any:
        opened.append(kind(where, **options))
        return opened[-1]

    yield connect
    for connection in opened:
        with suppress(Exception):  # stock pg8000 raises if the test has terminated it
            connection.close()


@pytest.fixture
def pipelined_connection(open_connection: Connect) -> PipelinedConnection:
    connection: PipelinedConnection = open_connection(pipelined)
    return connection


@pytest.fixture
def admin(open_connection: Connect) -> Any:
    """A connection of another client, with autocommit."""
    connection = open_connection(stock)
    connection.autocommit = True
    return connection


@pytest.fixture
def make_database(settings: DatabaseSettings) -> Iterator[Callable[..., Database]]:
    """Return `make_database(workload, **changes)`, with changes to the settings."""
    made: list[Database] = []

    def make(
        workload: Any = "function", *, options: dict[str, Any] | None = None, **changes: Any
    ) -> Database:
        made.append(Database(make_pool(settings._replace(**changes), workload, **options or {})))
        return made[-1]

    yield make
    for database in made:
        database.dispose()


@pytest.fixture
def database(make_database: Callable[..., Database]) -> Database:
    return make_database()

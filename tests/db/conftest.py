"""Connections to a database that the tests of this folder share; each makes the tables it needs."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pg8000.legacy
import pytest

from local.postgres import PostgresServer
from sluice.db.connection import PipelinedConnection
from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.settings import DatabaseSettings

Connect = Callable[..., Any]


def stock(settings: DatabaseSettings, **options: Any) -> Any:
    """pg8000 as it comes."""
    parts = {
        "host": settings.host,
        "port": settings.port,
        "database": settings.name,
        "password": settings.password,
    }
    return pg8000.legacy.Connection(settings.user, **parts, ssl_context=False, **options)


def pipelined(settings: DatabaseSettings, **options: Any) -> PipelinedConnection:
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


def refused(connection: Any, sql: str, args: Any = ()) -> dict[str, str]:
    """The server's report of a statement that it must refuse."""
    with pytest.raises(pg8000.legacy.Error) as caught:
        connection.cursor().execute(sql, args)
    report: dict[str, str] = caught.value.args[0]
    return report


@pytest.fixture(scope="session")
def settings(postgres_server: PostgresServer) -> DatabaseSettings:
    """The superuser's, in a database of this folder's tests."""
    server = DatabaseSettings.from_url(postgres_server.url())
    with closing(stock(server)) as connection:
        connection.autocommit = True
        connection.run("CREATE DATABASE db_tests")
    return replace(server, name="db_tests", tls="off")


@pytest.fixture
def open_connection(settings: DatabaseSettings) -> Iterator[Connect]:
    """`open_connection(kind)`, closed after the test."""
    opened: list[Any] = []

    def connect(kind: Connect, where: DatabaseSettings = settings, **options: Any) -> Any:
        opened.append(kind(where, **options))
        return opened[-1]

    yield connect
    for connection in opened:
        with suppress(Exception):  # stock's raises where the test has killed it
            connection.close()


@pytest.fixture
def ours(open_connection: Connect) -> PipelinedConnection:
    connection: PipelinedConnection = open_connection(pipelined)
    return connection


@pytest.fixture
def admin(open_connection: Connect) -> Any:
    """Another client, each statement committed."""
    connection = open_connection(stock)
    connection.autocommit = True
    return connection


@pytest.fixture
def make_database(settings: DatabaseSettings) -> Iterator[Callable[..., Database]]:
    """`make_database(workload, **changes to the settings)`; disposed of after the test."""
    made: list[Database] = []

    def make(
        workload: Any = "function", *, options: dict[str, Any] | None = None, **changes: Any
    ) -> Database:
        made.append(Database(make_engine(replace(settings, **changes), workload, **options or {})))
        return made[-1]

    yield make
    for database in made:
        database.dispose()


@pytest.fixture
def database(make_database: Callable[..., Database]) -> Database:
    return make_database()

"""`Database` over a pool that is not SQLAlchemy's: one connection of the driver."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sluice.db.database import Database
from sluice.db.driver.connection import PipelinedConnection
from sluice.db.error_names import ErrorNames
from sluice.db.pool import BeginTransaction
from sluice.errors import ConnectionLost, Duplicate
from sluice.query import Query

PARAMETER = re.compile(r"(?<!:):(\w+)")


class LentConnection:
    """A checkout and a transaction."""

    is_active = True

    def __init__(self, connection: PipelinedConnection) -> None:
        self.connection = connection

    def invalidate(self, error: BaseException) -> None:
        self.connection.close_socket()

    def close(self) -> None:
        self.connection.rollback()

    def commit(self) -> None:
        self.connection.commit()
        self.is_active = False


class OneConnection:
    """A pool of one connection."""

    pipelined = True
    migrated = True
    names = ErrorNames

    def __init__(self, connection: PipelinedConnection) -> None:
        self._connection = connection

    def checkout(self) -> LentConnection:
        return LentConnection(self._connection)

    @contextmanager
    def connect(self) -> Iterator[BeginTransaction]:
        @contextmanager
        def begin() -> Iterator[Any]:
            yield LentConnection(self._connection)
            self._connection.rollback()

        yield begin

    def positional(self, query: Query) -> tuple[str, list[object]]:
        names = PARAMETER.findall(query.sql)
        return PARAMETER.sub("%s", query.sql), [query.params[name] for name in names]

    def is_disconnect(self, error: BaseException, connection: PipelinedConnection) -> bool:
        return connection.closed


@pytest.fixture
def one_connection(pipelined_connection: PipelinedConnection, admin: Any) -> Database:
    admin.run("DROP TABLE IF EXISTS named")
    admin.run("CREATE TABLE named (name text PRIMARY KEY)")
    return Database(OneConnection(pipelined_connection))  # type: ignore[arg-type]


def names_in(database: Database) -> list[str]:
    return [row.name for row in database.read(Query("SELECT name FROM named ORDER BY name"))]


def test_queries_and_transactions_need_no_sqlalchemy(one_connection: Database) -> None:
    insert = "INSERT INTO named VALUES (:name) RETURNING name"
    assert one_connection.write(Query(insert, {"name": "a"}))[0] == ("a",)
    with one_connection.transaction() as transaction:
        transaction.write(Query(insert, {"name": "b"}))
    with one_connection.transaction() as transaction:
        transaction.copy("COPY named FROM STDIN", b"c\n")
        transaction.commit()
    assert names_in(one_connection) == ["a", "c"]
    with pytest.raises(Duplicate):
        one_connection.write(Query(insert, {"name": "c"}))


def test_query_before_runs_in_the_same_transaction(one_connection: Database) -> None:
    before = Query("INSERT INTO named VALUES (:name)", {"name": "a"})
    with pytest.raises(Duplicate):
        one_connection.write(before._replace(before=before))
    assert names_in(one_connection) == []


def test_ended_transaction_runs_nothing(one_connection: Database) -> None:
    with one_connection.transaction() as transaction:
        transaction.commit()
        with pytest.raises(RuntimeError, match="has ended"):
            transaction.read(Query("SELECT 1"))


def test_lost_connection_is_invalidated_after_copy(
    make_proxy: Callable[..., Any], settings: Any, make_database: Callable[..., Database]
) -> None:
    proxy = make_proxy(settings.host, settings.port)
    database = make_database(host=proxy.host, port=proxy.port)
    with database.transaction() as transaction:
        transaction.write(Query("CREATE TEMP TABLE copied (n int)"))
        proxy.reset_connections()
        with pytest.raises(ConnectionLost):
            transaction.copy("COPY copied FROM STDIN", b"1\n")
    assert database.pool.metrics().invalid == 1

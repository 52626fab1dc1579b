"""`Database`: queries, and several statements in one transaction."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from sluice.db.database import Database
from sluice.errors import ConnectionLost, Duplicate
from sluice.query import Query


@pytest.fixture
def names(database: Database, admin: Any) -> Database:
    """The database, with an empty table `named`."""
    admin.run("DROP TABLE IF EXISTS named")
    admin.run("CREATE TABLE named (name text PRIMARY KEY)")
    return database


def names_in(database: Database) -> list[str]:
    return [row.name for row in database.read(Query("SELECT name FROM named ORDER BY name"))]


def test_only_committed_writes_are_kept(names: Database) -> None:
    insert = "INSERT INTO named VALUES (:name) RETURNING name"
    assert names.write(Query(insert, {"name": "a"}))[0] == ("a",)
    with names.transaction() as transaction:
        transaction.write(Query(insert, {"name": "b"}))
    with names.transaction() as transaction:
        transaction.copy("COPY named FROM STDIN", b"c\n")
        transaction.commit()
    assert names_in(names) == ["a", "c"]
    with pytest.raises(Duplicate):
        names.write(Query(insert, {"name": "c"}))


def test_session_joins_a_transaction_that_has_begun(names: Database) -> None:
    with names.transaction() as transaction:
        transaction.write(Query("INSERT INTO named VALUES ('a')"))
        session = transaction.session
        session.execute(text("INSERT INTO named VALUES ('b')"))
        assert session.scalars(text("SELECT name FROM named ORDER BY name")).all() == ["a", "b"]
        transaction.commit()
    with names.transaction() as transaction:
        transaction.session.execute(text("INSERT INTO named VALUES ('c')"))
    assert names_in(names) == ["a", "b"]
    assert names.pool.metrics().checked_in == 1


def test_query_before_runs_in_the_same_transaction(names: Database) -> None:
    before = Query("INSERT INTO named VALUES (:name)", {"name": "a"})
    with pytest.raises(Duplicate):
        names.write(before._replace(before=before))
    assert names_in(names) == []


def test_ended_transaction_runs_nothing(names: Database) -> None:
    with names.transaction() as transaction:
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

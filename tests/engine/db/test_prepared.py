"""Prepared statements: which are kept, and what happens if a pooler loses them."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sluice.db.database import Database
from sluice.errors import DatabaseUnavailable, Duplicate, ValidationFailed
from sluice.query import Query
from sluice.settings import DatabaseSettings
from testing.tcp_proxy import TcpProxy

PREPARED_STATEMENTS = """
    SELECT statement, generic_plans + custom_plans AS runs
    FROM pg_prepared_statements WHERE name LIKE 'sluice%'
"""
ADD = "INSERT INTO kept (n) VALUES (:n) RETURNING n"


@pytest.fixture
def database(make_database: Callable[..., Database], admin: Any) -> Iterator[Database]:
    admin.run("CREATE TABLE kept (n integer PRIMARY KEY)")
    yield make_database(pool_overflow=0, prepared_statements=3)
    admin.run("DROP TABLE kept")


def prepared(database: Database) -> dict[str, int]:
    """Return how often each prepared statement of the session ran."""
    return {row.statement: row.runs for row in database.read(Query(PREPARED_STATEMENTS))}


def doubled(n: int, word: str = "doubled") -> str:
    return f"SELECT 2 * CAST(:n AS integer) AS {word}, {n} AS n"


def test_second_execution_prepares_the_statement(database: Database):
    rows = [database.read(Query(doubled(0), {"n": n}, prepare=True))[0] for n in range(5)]
    assert [(row.doubled, row.n) for row in rows] == [(2 * n, 0) for n in range(5)]
    assert list(prepared(database).values()) == [4]


def test_only_requested_statements_are_prepared(database: Database):
    for n in range(3):
        database.read(Query(doubled(0), {"n": n}))
        with database.transaction() as transaction:
            transaction.read(Query(doubled(0), {"n": n}, prepare=True))
            transaction.commit()
    assert prepared(database) == {}


def test_cache_size_zero_prepares_nothing(make_database: Callable[..., Database]):
    database = make_database(prepared_statements=0)
    for n in range(3):
        assert database.read(Query(doubled(0), {"n": n}, prepare=True))[0].doubled == 2 * n
    assert prepared(database) == {}


def test_least_recently_used_is_evicted(database: Database):
    for n in (0, 0, 1, 1, 2, 2, 0, 3, 3, 3):
        assert database.read(Query(doubled(n), {"n": n}, prepare=True))[0].doubled == 2 * n
    assert sorted(text.rpartition(", ")[2] for text in prepared(database)) == [
        "0 AS n",
        "2 AS n",
        "3 AS n",
    ]


def test_failed_statement_can_run_again(database: Database):
    for n, word in (
        (1, "row"),
        (1, Duplicate),
        (1, Duplicate),
        (2, "row"),
        (2, Duplicate),
        (3, "row"),
    ):
        if word == "row":
            assert [row.n for row in database.write(Query(ADD, {"n": n}, prepare=True))] == [n]
        else:
            with pytest.raises(Duplicate):
                database.write(Query(ADD, {"n": n}, prepare=True))
    assert [row.n for row in database.read(Query("SELECT n FROM kept ORDER BY n"))] == [1, 2, 3]


def test_failed_statement_before_prepares_nothing(database: Database):
    add = "INSERT INTO kept (n) VALUES (CAST(:n AS integer))"
    for n, before in (
        (1, "SELECT 1 WHERE false"),
        (2, "SELECT 1 / 0"),
        (2, "SELECT 1 WHERE false"),
    ):
        if "0" in before:
            with pytest.raises(ValidationFailed):
                database.write(Query(add, {"n": n}, before=Query(before), prepare=True))
        else:
            database.write(Query(add, {"n": n}, before=Query(before), prepare=True))
    database.write(Query(add, {"n": 3}, prepare=True))
    database.write(Query(add, {"n": 4}, prepare=True))
    assert len(database.read(Query("SELECT n FROM kept"))) == 4
    assert list(prepared(database).values()) == [2]


def test_changed_result_type_is_handled(database: Database, admin: Any):
    everything = "SELECT * FROM kept ORDER BY n"
    for n in range(3):
        database.write(Query(ADD, {"n": n}, prepare=True))
        database.read(Query(everything, prepare=True))
    admin.run("ALTER TABLE kept ADD COLUMN word text DEFAULT 'new'")
    assert [tuple(row) for row in database.read(Query(everything, prepare=True))] == [
        (n, "new") for n in range(3)
    ]
    for _ in range(2):
        assert database.read(Query(everything, prepare=True))[2].word == "new"
    assert everything in prepared(database)


@pytest.mark.parametrize("name_is", ["lost", "taken"])
def test_lost_name_runs_the_statement_once(
    database: Database, caplog: pytest.LogCaptureFixture, name_is: str
):
    for n in range(3 if name_is == "lost" else 1):
        database.write(Query(ADD, {"n": n}, prepare=True))
    if name_is == "lost":
        database.read(Query("DEALLOCATE ALL"))
    else:  # as if another client of the pooler had prepared it
        name = database.read(
            Query(
                "SELECT 'sluice_' || left(encode(sha256(:text), 'hex'), 32)",
                {"text": TEXT.encode()},
            )
        )
        database.read(Query(f"PREPARE {name[0][0]} AS {TEXT}"))
    with caplog.at_level(logging.WARNING):
        assert [row.n for row in database.write(Query(ADD, {"n": 7}, prepare=True))] == [7]
    assert "probably because of a pooler" in caplog.text
    assert database.read(Query("SELECT count(*) FROM kept WHERE n = 7"))[0][0] == 1
    before = prepared(database)
    for n in range(8, 11):
        database.write(Query(ADD, {"n": n}, prepare=True))
    assert prepared(database) == before, "the connection continues without names"


TEXT = "INSERT INTO kept (n) VALUES ($1) RETURNING n"


def test_each_execution_takes_one_round_trip(
    make_database: Callable[..., Database],
    make_proxy: Callable[..., TcpProxy],
    settings: DatabaseSettings,
):
    proxy = make_proxy(settings.host, settings.port)
    database = make_database(port=proxy.port, prepared_statements=2)
    database.read(Query("SELECT 1"))
    for n in range(9):
        trips = proxy.count_round_trips(
            lambda n=n: database.read(Query(doubled(n % 3), {"n": n}, prepare=True))
        )
        assert trips == 1


def test_terminated_backend_is_a_lost_connection(database: Database, admin: Any):
    for n in range(3):
        database.write(Query(ADD, {"n": n}, prepare=True))
    pid = database.read(Query("SELECT pg_backend_pid()"))[0][0]
    admin.run(f"SELECT pg_terminate_backend({pid}, 5000)")
    try:
        database.write(Query(ADD, {"n": 3}, prepare=True))
    except DatabaseUnavailable:
        database.write(Query(ADD, {"n": 3}, prepare=True))
    assert database.read(Query("SELECT count(*) FROM kept"))[0][0] == 4

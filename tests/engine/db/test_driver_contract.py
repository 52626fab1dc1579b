"""The pipelined connection behaves like stock pg8000: each test runs with both."""

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pg8000
import pytest
from pg8000.exceptions import DatabaseError, InterfaceError

from tests.engine.db.conftest import Connect, pipelined, rejection_report, rows, stock


@pytest.fixture(params=[stock, pipelined], ids=["stock", "pipelined"])
def connection(request: pytest.FixtureRequest, open_connection: Connect) -> Any:
    return open_connection(request.param)


VALUES = [
    ("integer", -7),
    ("bigint", 2**62),
    ("numeric", Decimal("12345678901234567890.0123456789")),
    ("numeric", Decimal("NaN")),
    ("float8", 0.1),
    ("float8", float("-inf")),
    ("boolean", True),
    ("boolean", False),
    ("text", ""),
    ("text", "naïve — 数据 😀 %s $1 :name ' \" \\"),
    ("varchar(20)", "short"),
    ("bytea", b"\x00\xff'\\"),
    ("date", date(2026, 2, 28)),
    ("timestamp", datetime(2026, 2, 28, 23, 59, 59, 999999)),  # noqa: DTZ001
    ("timestamptz", datetime(2026, 2, 28, 23, 59, 59, 1, tzinfo=UTC)),
    ("uuid", UUID("12345678-1234-5678-1234-567812345678")),
    ("jsonb", {"a": [1, None, "ü"], "b": {}}),
    ("json", {"a": 1.5}),
    ("interval", timedelta(days=3, seconds=5)),
    ("integer[]", [1, 2, 3]),
    ("integer[]", []),
    ("integer[]", [[1, 2], [3, 4]]),
    ("text[]", ["a", None, 'quo"te', "com,ma", "{}"]),
    ("numeric[]", [Decimal("1.10"), None]),
    ("boolean[]", [True, False]),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=lambda part: str(part)[:20])
def test_value_round_trips(connection: Any, kind: str, value: object) -> None:
    ((result,),) = rows(connection, f"SELECT CAST(%s AS {kind})", (value,))
    assert str(result) == str(value)
    assert type(result) is type(value)


@pytest.mark.parametrize("kind", ["integer", "text", "timestamptz", "jsonb", "integer[]"])
def test_null_is_none(connection: Any, kind: str) -> None:
    assert rows(connection, f"SELECT CAST(%s AS {kind}), 1", (None,)) == [[None, 1]]


def test_rows_are_described_counted_and_fetched(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT n AS number, n::text FROM generate_series(1, %s) n", (5,))
    assert [(column[0], column[1]) for column in cursor.description] == [("number", 23), ("n", 25)]
    assert cursor.rowcount == 5
    assert cursor.fetchone() == [1, "1"]
    assert list(cursor.fetchmany(2)) == [[2, "2"], [3, "3"]]
    assert list(cursor.fetchall()) == [[4, "4"], [5, "5"]]
    assert cursor.fetchone() is None


def test_empty_result_is_described(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT %s AS none WHERE false", ("x",))
    assert cursor.description[0][0] == "none"
    assert list(cursor.fetchall()) == []


def test_statement_without_result_cannot_be_fetched(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TEMP TABLE nothing (id int)")
    assert cursor.description is None
    with pytest.raises(pg8000.legacy.ProgrammingError):
        cursor.fetchall()


def test_writes_are_counted(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TEMP TABLE t (id int)")
    cursor.execute("INSERT INTO t SELECT generate_series(1, %s)", (7,))
    assert cursor.rowcount == 7
    cursor.execute("DELETE FROM t WHERE id > %s", (5,))
    assert cursor.rowcount == 2
    cursor.executemany("INSERT INTO t VALUES (%s)", [(8,), (9,)])
    assert cursor.rowcount == 2


def test_named_parameters_of_run(connection: Any) -> None:
    assert list(connection.run("SELECT CAST(:a AS int) + :b + :a", a=1, b=2)) == [[4]]


def test_types_may_be_declared(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.setinputsizes(pg8000.BIGINTEGER)
    cursor.execute("SELECT %s", (1,))
    assert list(cursor.fetchall()) == [[1]]
    cursor.execute("SELECT %s", (1,))  # for one statement only
    assert list(cursor.fetchall()) == [["1"]]


def test_same_text_with_parameters_of_other_types(connection: Any) -> None:
    sql = "SELECT to_jsonb(CAST(%s AS text))"
    assert [rows(connection, sql, (value,)) for value in (1, "x", None)] == [
        [["1"]],
        [["x"]],
        [[None]],
    ]


def test_rows_of_megabytes(connection: Any) -> None:
    result = rows(
        connection, "SELECT repeat('x', %s), n FROM generate_series(1, 3) n", (3_000_000,)
    )
    assert [(len(text), n) for text, n in result] == [
        (3_000_000, 1),
        (3_000_000, 2),
        (3_000_000, 3),
    ]


def test_parameters_of_megabytes(connection: Any) -> None:
    assert rows(connection, "SELECT length(%s), %s", ("é" * 2_500_000, 1)) == [[2_500_000, "1"]]


def test_statement_too_long_for_the_cache(connection: Any) -> None:
    sql = f"SELECT %s::int /* {'x' * 100_000} */"
    assert rows(connection, sql, (1,)) == rows(connection, sql, (1,)) == [[1]]


@pytest.mark.parametrize(
    ("sql", "args", "state"),
    [
        ("SELEC 1", (), "42601"),
        ("SELECT %s::int", ("x",), "22P02"),
        ("SELECT 1 / (%s::int)", (0,), "22012"),
        ("SELECT 1 / (3 - n) FROM generate_series(1, 5) n", (), "22012"),  # after some rows
        ("SELECT * FROM no_such_table WHERE id = %s", (1,), "42P01"),
        ("INSERT INTO pg_temp.t VALUES (%s)", (1,), "23505"),
    ],
)
def test_connection_is_usable_after_an_error(
    connection: Any, sql: str, args: Any, state: str
) -> None:
    rows_of_one = connection.cursor()
    rows_of_one.execute("CREATE TEMP TABLE t (id int PRIMARY KEY)")
    rows_of_one.execute("INSERT INTO t VALUES (1)")
    connection.commit()
    assert rejection_report(connection, sql, args)["C"] == state
    assert rejection_report(connection, "SELECT %s", ("failed transaction",))["C"] == "25P02"
    connection.rollback()
    assert rows(connection, "SELECT %s", ("next",)) == [["next"]]


def test_error_classes_are_those_of_stock(connection: Any) -> None:
    connection.autocommit = True
    connection.cursor().execute("CREATE TEMP TABLE t (id int PRIMARY KEY CHECK (id > 0))")
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    with pytest.raises(pg8000.legacy.IntegrityError):
        connection.cursor().execute("INSERT INTO t VALUES (%s)", (1,))
    with pytest.raises(pg8000.legacy.ProgrammingError):
        connection.cursor().execute("INSERT INTO t VALUES (%s)", (-1,))


def test_commit_and_rollback(connection: Any, admin: Any) -> None:
    admin.run(f"CREATE TABLE IF NOT EXISTS kept_{type(connection).__name__.lower()} (id int)")
    table = f"kept_{type(connection).__name__.lower()}"
    connection.cursor().execute(f"INSERT INTO {table} VALUES (1)")
    assert rows(admin, f"SELECT count(*) FROM {table}") == [[0]]
    connection.commit()
    assert rows(admin, f"SELECT count(*) FROM {table}") == [[1]]
    connection.cursor().execute(f"DELETE FROM {table}")
    connection.rollback()
    connection.rollback()
    assert rows(admin, f"SELECT count(*) FROM {table}") == [[1]]
    connection.autocommit = True
    connection.cursor().execute(f"DELETE FROM {table} WHERE id = %s", (1,))
    assert rows(admin, f"SELECT count(*) FROM {table}") == [[0]]


def test_commit_of_a_failed_transaction_raises(connection: Any) -> None:
    rejection_report(connection, "SELECT 1/0")
    with pytest.raises(pg8000.legacy.Error):
        connection.commit()
    assert rows(connection, "SELECT 1") == [[1]]


def test_deferred_constraint_fails_the_commit(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TEMP TABLE p (id int PRIMARY KEY)")
    cursor.execute("CREATE TEMP TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
    cursor.execute("INSERT INTO c VALUES (%s)", (1,))
    with pytest.raises(DatabaseError) as caught:
        connection.commit()
    assert caught.value.args[0]["C"] == "23503"
    assert rows(connection, "SELECT 1") == [[1]]


def test_savepoint_recovers_a_failed_transaction(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SAVEPOINT here")
    rejection_report(connection, "SELECT 1/0")
    cursor.execute("ROLLBACK TO SAVEPOINT here")
    assert rows(connection, "SELECT %s::int", (1,)) == [[1]]
    connection.commit()


def test_copy_from_iterables_and_files_and_to_files(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TEMP TABLE t (id int, name text)")
    cursor.execute("COPY t FROM STDIN WITH (FORMAT csv)", stream=["1,ä\n", "2,b\n"])
    cursor.execute("COPY t FROM STDIN WITH (FORMAT csv)", stream=[b"3,c\n" * 1000])
    cursor.execute("COPY t FROM STDIN WITH (FORMAT csv)", stream=io.BytesIO(b"4,d\n5,e\n"))
    assert cursor.rowcount == 2
    out = io.BytesIO()
    cursor.execute(
        "COPY (SELECT DISTINCT id, name FROM t ORDER BY 1) TO STDOUT WITH (FORMAT csv)", stream=out
    )
    assert out.getvalue().decode() == "1,ä\n2,b\n3,c\n4,d\n5,e\n"


def test_copy_can_begin_a_transaction(connection: Any) -> None:
    connection.autocommit = True
    connection.cursor().execute("CREATE TEMP TABLE t (id int)")
    connection.autocommit = False
    connection.cursor().execute("COPY t FROM STDIN", stream=["1\n"])
    connection.rollback()
    assert rows(connection, "SELECT count(*) FROM t") == [[0]]


@pytest.mark.parametrize("sql", ["COPY t FROM STDIN", "COPY no_such_table FROM STDIN"])
def test_connection_is_usable_after_a_failed_copy(connection: Any, sql: str) -> None:
    connection.autocommit = True
    connection.cursor().execute("CREATE TEMP TABLE t (id int)")
    with pytest.raises(pg8000.legacy.Error) as caught:
        connection.cursor().execute(sql, stream=["1\n", "x\n", "3\n"])
    assert caught.value.args[0]["C"] in ("22P02", "42P01")
    assert rows(connection, "SELECT count(*) FROM t WHERE id > %s", (0,)) == [[0]]


def test_notices_are_stored(connection: Any) -> None:
    connection.cursor().execute("DO $$ BEGIN RAISE NOTICE 'careful'; END $$")
    assert connection.notices[-1][b"M"] == b"careful"


def test_empty_statement_is_allowed(connection: Any) -> None:
    assert connection.cursor().execute("") is not None


def test_terminated_backend_is_a_network_error(connection: Any, admin: Any) -> None:
    ((pid,),) = rows(connection, "SELECT pg_backend_pid()")
    admin.run("SELECT pg_terminate_backend(:pid, 5000)", pid=pid)
    with pytest.raises(InterfaceError, match="network error"):
        connection.cursor().execute("SELECT %s", (1,))


def test_wrong_password_and_database_are_reported(open_connection: Connect, settings: Any) -> None:
    for kind in (stock, pipelined):
        for changes, state in (({"password": "wrong"}, "28P01"), ({"name": "no_such"}, "3D000")):
            with pytest.raises(pg8000.legacy.Error) as caught:
                open_connection(kind, settings._replace(**changes))
            assert caught.value.args[0]["C"] == state

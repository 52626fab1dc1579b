"""Engines: round trips, startup checks, and the fallback to stock pg8000."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text

from sluice import errors
from sluice.db.database import Database
from sluice.db.driver.compat import unsupported_reason
from sluice.db.engine import make_engine
from sluice.query import Query
from sluice.settings import DatabaseSettings, SettingsError

STOCK = {"unsupported_reason": lambda: "requested by a test"}


@pytest.fixture(params=[{}, STOCK], ids=["pipelined", "stock"])
def any_database(
    request: pytest.FixtureRequest, make_database: Callable[..., Database]
) -> Database:
    return make_database(options=request.param, socket_timeout=0.5)


@pytest.fixture
def engine(make_database: Callable[..., Database]) -> Engine:
    """The engine of a web server."""
    found: Engine = make_database("web").pool.engine
    return found


def test_rows_have_names_and_values(any_database: Database) -> None:
    (row,) = any_database.read(
        Query(
            """
        SELECT CAST(:a AS numeric) AS price, :b || '%' AS name, CAST(:a AS int) * 2,
               CAST(:t AS timestamptz) AS at
        """,
            {"a": Decimal(7), "b": "é", "t": datetime(2026, 1, 1, tzinfo=UTC)},
        )
    )
    assert (row.price, row.name, row[2], row.at) == (
        Decimal(7),
        "é%",
        14,
        datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_write_is_committed_and_returns_rows(any_database: Database, admin: Any) -> None:
    admin.run("CREATE TABLE IF NOT EXISTS notes (id int GENERATED ALWAYS AS IDENTITY, note text)")
    (row,) = any_database.write(
        Query("INSERT INTO notes (note) VALUES (:note) RETURNING id, note", {"note": "x"})
    )
    assert row.note == "x"
    assert (
        any_database.write(Query("UPDATE notes SET note = 'y' WHERE id = :id", {"id": row.id}))
        == ()
    )
    assert list(admin.run("SELECT note FROM notes WHERE id = :id", id=row.id)) == [["y"]]


def test_connection_is_valid_after_an_error(any_database: Database) -> None:
    with pytest.raises(errors.InternalError):
        any_database.write(Query("SELECT no_such_column"))
    assert any_database.read(Query("SELECT 1"))[0][0] == 1
    assert any_database.pool.metrics().invalid == 0


def test_late_response_is_not_read_by_the_next_query(any_database: Database) -> None:
    with pytest.raises(errors.DatabaseUnavailable):
        any_database.read(Query("SELECT 'late' FROM pg_sleep(1)"))
    assert any_database.read(Query("SELECT 'next'"))[0][0] == "next"


def test_batch_has_no_socket_timeout(
    make_database: Callable[..., Database],
) -> None:
    batch = make_database("batch", socket_timeout=0.1)
    assert batch.read(Query("SELECT 'done' FROM pg_sleep(0.3)"))[0][0] == "done"


def test_terminated_backend_is_replaced(
    any_database: Database, admin: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pid = any_database.read(Query("SELECT pg_backend_pid()"))[0][0]
    admin.run("SELECT pg_terminate_backend(:pid, 5000)", pid=pid)
    caplog.clear()
    assert any_database.read(Query("SELECT 1"))[0][0] == 1
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_stock_driver_reads_in_a_transaction(make_database: Callable[..., Database]) -> None:
    """With autocommit, a transaction pooler could mix up the rows of clients."""
    assert make_database(options=STOCK).write(Query("SAVEPOINT only_in_a_transaction")) == ()
    with pytest.raises(errors.InternalError):
        make_database().write(Query("SAVEPOINT only_in_a_transaction"))


def test_stock_driver_is_logged(
    make_database: Callable[..., Database], caplog: pytest.LogCaptureFixture
) -> None:
    make_database(options=STOCK)
    assert "requested by a test" in caplog.text


@pytest.mark.parametrize("version", ["1.30.5", "1.32.0", "1.310.0", "2.0"])
def test_other_driver_version_is_not_supported(version: str) -> None:
    assert unsupported_reason(version) == f"pg8000 {version} is not 1.31"


def test_installed_driver_is_supported() -> None:
    assert unsupported_reason() is None


def test_round_trips(
    make_proxy: Any, settings: DatabaseSettings, make_database: Callable[..., Database]
) -> None:
    proxy = make_proxy(settings.host, settings.port)
    database = make_database(host=proxy.host, port=proxy.port)
    assert (
        proxy.count_round_trips(lambda: database.read(Query("SELECT :n", {"n": 1}))) == 4
    )  # SCRAM's three, and the statement
    assert proxy.count_round_trips(lambda: database.read(Query("SELECT :n", {"n": 1}))) == 1
    assert proxy.count_round_trips(lambda: database.write(Query("SELECT :n", {"n": 1}))) == 1
    with database.transaction() as transaction:
        assert proxy.count_round_trips(lambda: transaction.write(Query("SELECT :n", {"n": 1}))) == 1
        assert proxy.count_round_trips(transaction.commit) == 1
    assert proxy.connections == 1


def test_round_trips_of_isolation_levels(
    make_proxy: Any, settings: DatabaseSettings, make_database: Callable[..., Database]
) -> None:
    proxy = make_proxy(settings.host, settings.port)
    database = make_database("web", host=proxy.host, port=proxy.port)
    database.read(Query("SELECT 1"))

    def transaction(level: str) -> Callable[[], None]:
        def run() -> None:
            opened = database.pool.engine.connect()
            with opened.execution_options(isolation_level=level) as connection:
                connection.execute(text("SELECT :n"), {"n": 1})
                connection.commit()

        return run

    for level, trips in (
        ("READ COMMITTED", 2),
        ("REPEATABLE READ", 2),
        ("SERIALIZABLE", 2),
        ("AUTOCOMMIT", 1),
    ):
        assert proxy.count_round_trips(transaction(level)) == trips
    assert proxy.connections == 1


def test_isolation_level_ends_with_the_transaction(engine: Engine) -> None:
    show = text("SHOW transaction_isolation")
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        assert connection.scalar(show) == "serializable"
        assert connection.get_isolation_level() == "SERIALIZABLE"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.get_isolation_level() == "AUTOCOMMIT"
    with engine.connect() as connection:
        assert connection.scalar(show) == "read committed"
        assert connection.get_isolation_level() == "READ COMMITTED"


def test_read_only_transaction(engine: Engine) -> None:
    with engine.connect().execution_options(postgresql_readonly=True) as connection:
        assert connection.scalar(text("SHOW transaction_read_only")) == "on"
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW transaction_read_only")) == "off"


def test_dialect_knows_version_and_schema(engine: Engine) -> None:
    with engine.connect() as connection:
        asked = connection.exec_driver_sql(
            "SELECT current_setting('server_version_num')::int / 10000, current_schema()"
        )
        major, schema = asked.one()
    dialect = engine.dialect
    assert dialect.server_version_info is not None
    assert (dialect.server_version_info[0], dialect.default_schema_name) == (major, schema)
    assert isinstance(inspect(engine).get_table_names(), list)


def test_each_connection_gets_a_current_password(
    make_database: Callable[..., Database], settings: Any
) -> None:
    asked = []

    def credentials() -> str:
        asked.append(1)
        return str(settings.password)

    database = make_database(password="", options={"password_provider": credentials})
    for _ in range(2):
        assert database.read(Query("SHOW application_name"))[0][0] == "sluice-function"
        database.dispose()
    assert len(asked) == 2


def test_unusable_settings_are_rejected_at_once(settings: DatabaseSettings) -> None:
    for changes, problem in (
        ({"password": ""}, "SLUICE_DB_PASSWORD"),
        ({"tls": "verify-full", "ca_file": "/no/such.pem"}, "SLUICE_DB_CA_FILE"),
        ({"tls": "verify-full", "ca_file": __file__}, "SLUICE_DB_CA_FILE"),
    ):
        with pytest.raises(SettingsError, match=problem):
            make_engine(settings._replace(**changes), "function")  # type: ignore[arg-type]


def test_statement_timeout_is_raised(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 20"))
        with pytest.raises(errors.StatementTimeout):
            connection.execute(text("SELECT pg_sleep(10)"))
        connection.rollback()
        assert connection.scalar(text("SELECT 1")) == 1


def test_missing_parameter_sends_nothing(database: Database) -> None:
    with pytest.raises(KeyError):
        database.read(Query("SELECT :n", {"m": 1}))
    assert database.pool.metrics().checked_out == 0

"""The databases of ad-hoc SQL: who connects, with which circuit breaker, and when no query runs."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from socket import socket

import pytest

from sluice import request_context, runtime
from sluice.adhoc_sql.databases import AdhocSqlDatabases
from sluice.db.breaker import CircuitBreaker
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.db.replica import Replica
from sluice.errors import DatabaseUnavailable, NotFound
from sluice.settings import AdhocSqlSettings, Settings
from tests.engine.adhoc_sql.catalogue import CATALOGUE
from tests.fixtures.adhoc_sql import AnalystClient

ENVIRONMENT = {
    "SLUICE_DB_HOST": "h",
    "SLUICE_DB_NAME": "n",
    "SLUICE_DB_USER": "u",
    "SLUICE_DB_PASSWORD": "p",
    "SLUICE_CURSOR_KEY": "sixteen characters",
    "SLUICE_API_KEYS_TABLE": "k",
    "SLUICE_RATE_LIMIT_TABLE": "r",
    "SLUICE_ANALYST_SECRET_ARN": "arn:x",
}
THREADS = 8


def test_query_is_not_found_without_a_catalogue() -> None:
    databases = AdhocSqlDatabases(Settings.from_env(ENVIRONMENT), None, catalogue=None)

    with pytest.raises(NotFound, match="the application names no tables"):
        databases.run("select 1", 10)


def test_first_query_logs_no_warning(
    analyst: AnalystClient, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(_Databases(runtime.current().settings)) as databases:
        assert '"rows":[[1]]' in databases.run("select 1", 10).replace(" ", "")

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_threads_share_one_database() -> None:
    databases = _Databases(Settings.from_env(ENVIRONMENT))
    barrier = threading.Barrier(THREADS)

    def database() -> object:
        barrier.wait(timeout=10)
        begin = databases.on_primary().begin
        return begin.func.__self__  # type: ignore[attr-defined]

    with ThreadPoolExecutor(THREADS) as threads:
        found = [task.result() for task in [threads.submit(database) for _ in range(THREADS)]]

    assert len({id(each) for each in found}) == 1


def test_breaker_of_the_replica_does_not_stop_the_primary() -> None:
    """The replica and the primary may have the same address, while there is no replica."""
    with closing(socket()) as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but not listening: connections are refused
        port = unused.getsockname()[1]
        settings = Settings.from_env(ENVIRONMENT)
        server = settings.database._replace(host="127.0.0.1", port=port, password="p")
        role = AdhocSqlSettings(server, max_cost=1000, timeout=1)
        breaker = CircuitBreaker()
        pool = make_pool(server, "function", breaker=breaker)
        replica = Replica(Database(pool, breaker))
        settings = settings._replace(database=server, replica=server, adhoc_sql=role)
        databases = AdhocSqlDatabases(settings, replica, CATALOGUE)

        with request_context.begin(10) as context:
            context.database.min_lsn = ""
            with pytest.raises(DatabaseUnavailable) as raised:
                databases.run("select 1", 10)

    assert (breaker.state, raised.value.code) == ("open", "database_unavailable")


class _Databases(AdhocSqlDatabases):
    """The databases of these settings, without a replica."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, None, CATALOGUE)

    close = AdhocSqlDatabases.dispose

"""Scheduled jobs: they wait for a resuming database and close their connections."""

import os
from collections.abc import Iterator

import pytest

from functions.cleanup.handler import handler as cleanup
from functions.migrate.handler import handler as migrate
from sluice import runtime
from sluice.database_settings import RESUME_SECONDS, DatabaseSettings
from sluice.errors import DatabaseUnavailable
from sluice.sql.health import HealthRepository
from testing.tcp_proxy import TcpProxy
from tests.fixtures.sample import Library
from tests.fixtures.waiting import wait_until

CONNECT_TIMEOUT = 0.05  # seconds that a request waits for a connection
RESPONSE_LATENCY = 0.1  # seconds; a migration has forty round trips


@pytest.fixture
def slow_proxy(library: Library) -> Iterator[TcpProxy]:
    """Delay every response of the database, like an Aurora cluster that resumes."""
    current = runtime.current()
    direct = current.settings.database
    with TcpProxy(direct.host, direct.port, latency=RESPONSE_LATENCY) as proxy:
        database = direct._replace(
            host=proxy.host, port=proxy.port, connect_timeout=CONNECT_TIMEOUT
        )
        runtime.set_current(runtime.build(current.settings._replace(database=database)))
        yield proxy
        runtime.current().database.dispose()
        runtime.set_current(current)


def assert_no_connection(library: Library, names: str) -> None:
    """Wait until no connection is left. A backend ends shortly after its client disconnects."""
    query = f"""
        SELECT count(*) FROM pg_stat_activity
        WHERE application_name LIKE '{names}' AND datname = current_database()
    """
    wait_until(lambda: library.sql(query) == [[0]], f"{names} to disconnect")


def test_cleanup_waits_for_a_resuming_database(library: Library, slow_proxy: TcpProxy) -> None:
    with pytest.raises(DatabaseUnavailable):
        HealthRepository(runtime.current().database).schema_version()
    assert cleanup({}, None)["deleted"] == 0


def test_cleanup_closes_its_connections(library: Library) -> None:
    runtime.current().database.dispose()
    assert cleanup({}, None)["deleted"] == 0
    assert_no_connection(library, "sluice-%")


def test_migration_waits_for_a_resuming_database(library: Library) -> None:
    owner = DatabaseSettings.from_url(library.url)
    with TcpProxy(owner.host, owner.port, latency=RESPONSE_LATENCY) as proxy:
        environment = {
            "SLUICE_DB_HOST": proxy.host,
            "SLUICE_DB_PORT": str(proxy.port),
            "SLUICE_DB_NAME": owner.name,
            "SLUICE_DB_USER": owner.user,
            "SLUICE_DB_PASSWORD": owner.password,
            "SLUICE_DB_TLS": "off",
            "SLUICE_DB_CONNECT_TIMEOUT": str(CONNECT_TIMEOUT),
            "SLUICE_CURSOR_KEY": "k" * 32,
            "SLUICE_API_KEYS_TABLE": "keys",
            "SLUICE_RATE_LIMIT_TABLE": "rates",
        }
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            result = migrate({"app": "sample"}, None)
        finally:
            os.environ.clear()
            os.environ.update(before)
    assert "sample" in result["revisions"]
    assert result["differences"] == []
    assert library.sql("SELECT app, differences FROM sluice.drift") == [["sample", []]]
    assert_no_connection(library, "sluice-batch")


def test_job_has_a_longer_connect_timeout() -> None:
    settings = DatabaseSettings("host", "name", "user", connect_timeout=100.0)
    assert settings.for_batch().connect_timeout == 100.0
    assert settings._replace(connect_timeout=2.0).for_batch().connect_timeout == RESUME_SECONDS

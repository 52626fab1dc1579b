"""Outages of the database: quick 503 or 504 with Retry-After, and recovery within 5 s."""

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pg8000.native
import pytest

from local.postgres import PostgresServer
from sluice import runtime
from sluice.migrations.runner import migrate_url
from sluice.settings import AwsSettings
from testing.local_system import descendant_pids
from testing.tcp_proxy import TcpProxy
from tests.fixtures.database import owner_connection, runtime_settings
from tests.fixtures.postgres import throwaway_server
from tests.fixtures.sample import Library
from tests.fixtures.waiting import wait_until

MAX_RESPONSE_SECONDS = 1.0  # the time limit of each request
MAX_RECOVERY_SECONDS = 5.0


@dataclass
class LibraryBehindProxy:
    """A library with its own server and a proxy in front of it."""

    library: Library
    server: PostgresServer
    proxy: TcpProxy
    connections: list[pg8000.native.Connection] = field(default_factory=list)
    frozen_pids: list[int] = field(default_factory=list)


@pytest.fixture(scope="module")
def stoppable_server() -> Iterator[PostgresServer]:
    """Start a server that tests may stop and freeze."""
    with throwaway_server(durable=False) as server:
        migrate_url(server.url(), "sample")
        with closing(owner_connection(server.url())) as owner:
            owner.run("ALTER ROLE sluice_app PASSWORD 'canary-app'")
        yield server


@pytest.fixture
def target(
    stoppable_server: PostgresServer, emulated_aws: AwsSettings, make_proxy: Callable[..., TcpProxy]
) -> Iterator[LibraryBehindProxy]:
    proxy = make_proxy("127.0.0.1", stoppable_server.port)
    settings = runtime_settings(
        stoppable_server.url("sluice_app", password="canary-app"), emulated_aws
    )
    database = settings.database._replace(port=proxy.port, connect_timeout=0.4, pool_timeout=0.4)
    built = runtime.build(settings._replace(database=database, stale_if_error_seconds=0))
    runtime.set_current(built)
    library = Library(stoppable_server.url(), timeout=MAX_RESPONSE_SECONDS)
    library.sql("DELETE FROM readers")
    yield LibraryBehindProxy(library, stoppable_server, proxy)
    runtime.set_current(None)
    built.database.dispose()


def postmaster(target: LibraryBehindProxy) -> int:
    data_directory = Path(target.library.sql("SHOW data_directory")[0][0])
    return int((data_directory / "postmaster.pid").read_text().split()[0])


def freeze(target: LibraryBehindProxy) -> None:
    target.frozen_pids = [postmaster(target)]
    target.frozen_pids += descendant_pids(target.frozen_pids[0])
    for pid in target.frozen_pids:
        with suppress(ProcessLookupError):  # a backend may end meanwhile
            os.kill(pid, signal.SIGSTOP)


def thaw(target: LibraryBehindProxy) -> None:
    # A process that was about to end is gone as soon as its parent runs again.
    for pid in reversed(target.frozen_pids):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def stop(target: LibraryBehindProxy) -> None:
    os.kill(postmaster(target), signal.SIGINT)
    wait_until(lambda: not target.server.running, "the server to stop")


def restart(target: LibraryBehindProxy) -> None:
    stop(target)
    target.server.restart()


def exhaust_connections(target: LibraryBehindProxy) -> None:
    target.proxy.disconnect()
    count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'sluice_app'"
    wait_until(lambda: target.library.sql(count) == [[0]], "Sluice's connection to close")
    url = target.server.url("sluice_app", password="canary-app")
    with suppress(pg8000.native.DatabaseError):
        while True:
            target.connections.append(owner_connection(url))


def release_connections(target: LibraryBehindProxy) -> None:
    for connection in target.connections:
        connection.close()


@dataclass(frozen=True)
class Outage:
    """How an outage begins and ends."""

    begin: Callable[[LibraryBehindProxy], None]
    end: Callable[[LibraryBehindProxy], None]


OUTAGES = {
    "stopped": Outage(stop, lambda target: target.server.restart()),
    "frozen": Outage(freeze, thaw),
    "refused": Outage(lambda target: target.proxy.close(), lambda target: target.proxy.open()),
    "silent": Outage(
        lambda target: target.proxy.drop_data(),
        lambda target: target.proxy.drop_data(False),
    ),
    "blackholed": Outage(
        lambda target: target.proxy.drop_packets(),
        lambda target: target.proxy.open(),
    ),
    "reset": Outage(
        lambda target: target.proxy.reset_connections(),
        lambda target: target.proxy.reset_connections(False),
    ),
    "dropped": Outage(
        lambda target: target.proxy.close_connections(),
        lambda target: target.proxy.close_connections(False),
    ),
    "full": Outage(exhaust_connections, release_connections),
}


@pytest.mark.parametrize("name", OUTAGES)
def test_outage_is_503_or_504_and_recovers(target: LibraryBehindProxy, name: str) -> None:
    library = target.library
    outage = OUTAGES[name]
    lost = {"email": f"lost-{name}@example.com", "name": "Ann"}
    kept = {"email": f"kept-{name}@example.com", "name": "Ann"}
    assert library.get("/api/books").status == 200

    responses = []
    try:
        outage.begin(target)
        for method, path, body in [("GET", "/api/books", None), ("POST", "/api/readers", lost)] * 6:
            began = time.monotonic()
            response = library.call(method, path, body)
            responses.append((response.status, response.code, time.monotonic() - began))
            assert response.status in (503, 504), responses
            assert int(response.headers["Retry-After"]) >= 1
    finally:
        outage.end(target)  # the next tests use the same server
    ended_at = time.monotonic()

    assert max(seconds for _, _, seconds in responses) < MAX_RESPONSE_SECONDS, responses
    rejected = [seconds for _, code, seconds in responses if code == "circuit_open"]
    assert len(rejected) >= 6, responses
    assert statistics.median_high(rejected) < 0.2, "an open circuit rejects requests at once"
    wait_until(lambda: library.get("/api/books").status == 200, "the service to recover")
    assert time.monotonic() - ended_at < MAX_RECOVERY_SECONDS
    assert library.post("/api/readers", kept).status == 201
    assert library.sql("SELECT email FROM readers WHERE name = 'Ann'") == [[kept["email"]]]


def test_server_restart_is_not_noticed(target: LibraryBehindProxy) -> None:
    assert target.library.get("/api/books").status == 200
    restart(target)
    assert target.library.get("/api/books").status == 200


def test_bad_requests_never_open_the_circuit(target: LibraryBehindProxy) -> None:
    user = {"email": "same@example.com", "name": "Ann"}
    for n in range(100):
        assert target.library.post("/api/readers", user).status == (201 if n == 0 else 409)
        assert target.library.get("/api/readers/999999").status == 404
    assert runtime.current().database.breaker.state == "closed"

"""Outages of the database: quick 503 or 504 with Retry-After, and recovery within 5 s."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pg8000.native
import pytest

from local.postgres import PostgresServer
from sluice import runtime
from sluice.migrations.runner import migrate_url
from sluice.settings import AwsSettings
from tests.fixtures.local_system import descendant_pids
from tests.fixtures.postgres import throwaway_server
from tests.fixtures.shop import Shop, owner_connection, shop_settings
from tests.fixtures.tcp_proxy import TcpProxy
from tests.local.waiting import wait_until

MAX_RESPONSE_SECONDS = 1.0  # the time limit of each request
MAX_RECOVERY_SECONDS = 5.0


@dataclass
class OutageSetup:
    """A shop with its own server and a proxy in front of it."""

    shop: Shop
    server: PostgresServer
    proxy: TcpProxy
    connections: list[pg8000.native.Connection] = field(default_factory=list)
    frozen_pids: list[int] = field(default_factory=list)


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """Start a server that tests may stop and freeze."""
    with throwaway_server(durable=False) as server:
        migrate_url(server.url(), "shop")
        with closing(owner_connection(server.url())) as owner:
            owner.run("ALTER ROLE sluice_app PASSWORD 'canary-app'")
        yield server


@pytest.fixture
def setup(
    own_server: PostgresServer, emulated_aws: AwsSettings, make_proxy: Callable[..., TcpProxy]
) -> Iterator[OutageSetup]:
    proxy = make_proxy("127.0.0.1", own_server.port)
    settings = shop_settings(own_server.url("sluice_app", password="canary-app"), emulated_aws)
    there = replace(settings.database, port=proxy.port, connect_timeout=0.4, pool_timeout=0.4)
    built = runtime.build(replace(settings, database=there, stale_if_error_seconds=0))
    runtime.set_current(built)
    shop = Shop(own_server.url(), timeout=MAX_RESPONSE_SECONDS)
    shop.sql("DELETE FROM users")
    yield OutageSetup(shop, own_server, proxy)
    runtime.set_current(None)
    built.database.dispose()


def postmaster(setup: OutageSetup) -> int:
    return int(
        (Path(setup.shop.sql("SHOW data_directory")[0][0]) / "postmaster.pid")
        .read_text()
        .split()[0]
    )


def freeze(setup: OutageSetup) -> None:
    setup.frozen_pids = [postmaster(setup)]
    setup.frozen_pids += descendant_pids(setup.frozen_pids[0])
    for pid in setup.frozen_pids:
        os.kill(pid, signal.SIGSTOP)


def thaw(setup: OutageSetup) -> None:
    for pid in setup.frozen_pids:
        os.kill(pid, signal.SIGCONT)


def stop(setup: OutageSetup) -> None:
    os.kill(postmaster(setup), signal.SIGINT)
    wait_until(lambda: not setup.server.running, "the server's end")


def restart(setup: OutageSetup) -> None:
    stop(setup)
    setup.server.restart()


def exhaust_connections(setup: OutageSetup) -> None:
    setup.proxy.disconnect()
    ours = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'sluice_app'"
    wait_until(lambda: setup.shop.sql(ours) == [[0]], "the end of Sluice's connection")
    with suppress(pg8000.native.DatabaseError):
        while True:
            setup.connections.append(
                owner_connection(setup.server.url("sluice_app", password="canary-app"))
            )


def release_connections(setup: OutageSetup) -> None:
    for connection in setup.connections:
        connection.close()


@dataclass(frozen=True)
class Outage:
    begin: Callable[[OutageSetup], None]
    end: Callable[[OutageSetup], None]


OUTAGES = {
    "stopped": Outage(stop, lambda setup: setup.server.restart()),
    "frozen": Outage(freeze, thaw),
    "refused": Outage(lambda setup: setup.proxy.close(), lambda setup: setup.proxy.open()),
    "silent": Outage(
        lambda setup: setup.proxy.drop_data(), lambda setup: setup.proxy.drop_data(False)
    ),
    "blackholed": Outage(
        lambda setup: setup.proxy.drop_packets(), lambda setup: setup.proxy.open()
    ),
    "reset": Outage(
        lambda setup: setup.proxy.reset_connections(),
        lambda setup: setup.proxy.reset_connections(False),
    ),
    "dropped": Outage(
        lambda setup: setup.proxy.close_connections(),
        lambda setup: setup.proxy.close_connections(False),
    ),
    "full": Outage(exhaust_connections, release_connections),
}


@pytest.mark.parametrize("name", OUTAGES)
def test_outage_is_503_or_504_and_recovers(setup: OutageSetup, name: str) -> None:
    shop, outage = setup.shop, OUTAGES[name]
    lost, kept = (
        {"email": f"{fate}-{name}@example.com", "name": "Ann"} for fate in ("lost", "kept")
    )
    assert shop.get("/api/products").status == 200

    outage.begin(setup)
    responses = []
    for method, path, body in [("GET", "/api/products", None), ("POST", "/api/users", lost)] * 6:
        began = time.monotonic()
        response = shop.call(method, path, body)
        responses.append((response.status, response.code, time.monotonic() - began))
        assert response.status in (503, 504), responses
        assert int(response.headers["Retry-After"]) >= 1
    outage.end(setup)
    recovered_from = time.monotonic()

    assert max(seconds for _, _, seconds in responses) < MAX_RESPONSE_SECONDS, responses
    rejected = [seconds for _, code, seconds in responses if code == "circuit_open"]
    assert len(rejected) >= 6, responses
    assert sorted(rejected)[len(rejected) // 2] < 0.2, (
        "those who are not let through are answered at once"
    )
    wait_until(lambda: shop.get("/api/products").status == 200, "service")
    assert time.monotonic() - recovered_from < MAX_RECOVERY_SECONDS
    assert shop.post("/api/users", kept).status == 201
    assert shop.sql("SELECT email FROM users WHERE name = 'Ann'") == [[kept["email"]]]


def test_server_restart_is_not_noticed(setup: OutageSetup) -> None:
    assert setup.shop.get("/api/products").status == 200
    restart(setup)
    assert setup.shop.get("/api/products").status == 200


def test_bad_requests_never_open_the_circuit(setup: OutageSetup) -> None:
    for n in range(100):
        assert setup.shop.post(
            "/api/users", {"email": "same@example.com", "name": "Ann"}
        ).status == (201 if n == 0 else 409)
        assert setup.shop.get("/api/users/999999").status == 404
    assert runtime.current().database.breaker.state == "closed"

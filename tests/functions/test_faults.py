"""Whatever happens to the database: 503 or 504, soon, with when to come again; and service within 5 s of its return."""

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

SECONDS = 1.0  # that a function has for a request here
BACK_SECONDS = 5.0


@dataclass
class Site:
    """A shop, its server, and the wire between."""

    shop: Shop
    server: PostgresServer
    proxy: TcpProxy
    held: list[pg8000.native.Connection] = field(default_factory=list)
    frozen: list[int] = field(default_factory=list)


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """One to stop and freeze."""
    with throwaway_server(durable=False) as server:
        migrate_url(server.url(), "shop")
        with closing(owner_connection(server.url())) as owner:
            owner.run("ALTER ROLE sluice_app PASSWORD 'canary-app'")
        yield server


@pytest.fixture
def site(
    own_server: PostgresServer, emulated_aws: AwsSettings, make_proxy: Callable[..., TcpProxy]
) -> Iterator[Site]:
    proxy = make_proxy("127.0.0.1", own_server.port)
    settings = shop_settings(own_server.url("sluice_app", password="canary-app"), emulated_aws)
    there = replace(settings.database, port=proxy.port, connect_timeout=0.4, pool_timeout=0.4)
    built = runtime.build(replace(settings, database=there, stale_if_error_seconds=0))
    runtime.set_current(built)
    shop = Shop(own_server.url(), timeout=SECONDS)
    shop.sql("DELETE FROM users")
    yield Site(shop, own_server, proxy)
    runtime.set_current(None)
    built.database.dispose()


def postmaster(site: Site) -> int:
    return int(
        (Path(site.shop.sql("SHOW data_directory")[0][0]) / "postmaster.pid").read_text().split()[0]
    )


def freeze(site: Site) -> None:
    site.frozen = [postmaster(site)]
    site.frozen += descendant_pids(site.frozen[0])
    for pid in site.frozen:
        os.kill(pid, signal.SIGSTOP)


def thaw(site: Site) -> None:
    for pid in site.frozen:
        os.kill(pid, signal.SIGCONT)


def stop(site: Site) -> None:
    os.kill(postmaster(site), signal.SIGINT)
    wait_until(lambda: not site.server.running, "the server's end")


def restart(site: Site) -> None:
    stop(site)
    site.server.restart()


def take_every_connection(site: Site) -> None:
    site.proxy.disconnect()
    ours = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'sluice_app'"
    wait_until(lambda: site.shop.sql(ours) == [[0]], "the end of Sluice's connection")
    with suppress(pg8000.native.DatabaseError):
        while True:
            site.held.append(owner_connection(site.server.url("sluice_app", password="canary-app")))


def give_them_back(site: Site) -> None:
    for connection in site.held:
        connection.close()


@dataclass(frozen=True)
class Fault:
    strike: Callable[[Site], None]
    mend: Callable[[Site], None]


FAULTS = {
    "stopped": Fault(stop, lambda site: site.server.restart()),
    "frozen": Fault(freeze, thaw),
    "refused": Fault(lambda site: site.proxy.close(), lambda site: site.proxy.open()),
    "silent": Fault(lambda site: site.proxy.drop_data(), lambda site: site.proxy.drop_data(False)),
    "blackholed": Fault(lambda site: site.proxy.drop_packets(), lambda site: site.proxy.open()),
    "reset": Fault(
        lambda site: site.proxy.reset_connections(),
        lambda site: site.proxy.reset_connections(False),
    ),
    "dropped": Fault(
        lambda site: site.proxy.close_connections(),
        lambda site: site.proxy.close_connections(False),
    ),
    "full": Fault(take_every_connection, give_them_back),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_503_or_504_soon_and_over_when_it_is_over(site: Site, name: str) -> None:
    shop, fault = site.shop, FAULTS[name]
    lost, kept = (
        {"email": f"{fate}-{name}@example.com", "name": "Ann"} for fate in ("lost", "kept")
    )
    assert shop.get("/api/products").status == 200

    fault.strike(site)
    answers = []
    for method, path, body in [("GET", "/api/products", None), ("POST", "/api/users", lost)] * 6:
        began = time.monotonic()
        response = shop.call(method, path, body)
        answers.append((response.status, response.code, time.monotonic() - began))
        assert response.status in (503, 504), answers
        assert int(response.headers["Retry-After"]) >= 1
    fault.mend(site)
    back = time.monotonic()

    assert max(seconds for _, _, seconds in answers) < SECONDS, answers
    refused = [seconds for _, code, seconds in answers if code == "circuit_open"]
    assert len(refused) >= 6, answers
    assert sorted(refused)[len(refused) // 2] < 0.2, (
        "those who are not let through are answered at once"
    )
    wait_until(lambda: shop.get("/api/products").status == 200, "service")
    assert time.monotonic() - back < BACK_SECONDS
    assert shop.post("/api/users", kept).status == 201
    assert shop.sql("SELECT email FROM users WHERE name = 'Ann'") == [[kept["email"]]]


def test_a_restarted_server_is_not_noticed(site: Site) -> None:
    assert site.shop.get("/api/products").status == 200
    restart(site)
    assert site.shop.get("/api/products").status == 200


def test_two_hundred_bad_requests_never_open_the_circuit(site: Site) -> None:
    for n in range(100):
        assert site.shop.post(
            "/api/users", {"email": "same@example.com", "name": "Ann"}
        ).status == (201 if n == 0 else 409)
        assert site.shop.get("/api/users/999999").status == 404
    assert runtime.current().database.breaker.state == "closed"

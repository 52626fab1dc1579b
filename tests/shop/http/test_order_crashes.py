"""Crashes while orders are placed: each order is stored completely or not at all, once per key."""

import json
import os
import random
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest

from local.postgres import PostgresServer
from sluice import runtime
from sluice.migrations.runner import migrate_url
from sluice.query import Query
from sluice.settings import DatabaseSettings
from testing.local_system import LocalSystem, descendant_pids, temporary_system
from testing.tcp_proxy import TcpProxy
from tests.fixtures.client import ApiResponse
from tests.fixtures.concurrency import run_concurrently
from tests.fixtures.database import owner_connection
from tests.fixtures.postgres import throwaway_server
from tests.fixtures.shop import Shop
from tests.fixtures.waiting import wait_until
from tests.shop.concurrent_orders import (
    ShopEnvironment,
    add_products,
    find_inconsistencies,
    order_body,
    post_order,
    retry_until_answered,
    shop_environment,
)

CUSTOMERS = 16
CLAIM = b"sluice.claim_idempotency_key"  # the first SQL that an order with an idempotency key sends


def order_ids(shop: Shop) -> list[int]:
    return [id for (id,) in shop.sql("SELECT id FROM orders ORDER BY id")]


@pytest.mark.parametrize("delivered", [False, True], ids=["request lost", "response lost"])
def test_lost_connection_places_order_wholly_or_not(
    shop: Shop, proxy: TcpProxy, delivered: bool
) -> None:
    user = shop.add_user()
    mug = shop.add_product("Mug", stock=5)
    body = {"user_id": user, "items": [{"product_id": mug, "quantity": 2}]}
    assert shop.get("/api/orders").status == 200  # opens the connection that is cut below

    proxy.disconnect_at(CLAIM, delivered=delivered)
    lost = shop.post("/api/orders", body, idempotency_key="k")

    assert (lost.status, lost.code) == (503, "database_unavailable")
    assert len(order_ids(shop)) == delivered
    retried = shop.post("/api/orders", body, idempotency_key="k")
    assert (retried.status, "Idempotency-Replayed" in retried.headers) == (201, delivered)
    assert [retried.json["id"]] == order_ids(shop)
    assert find_inconsistencies(shop, {mug: 5}, every_order_has_key=True) == []


def waiting_backends(shop: Shop, expression: str = "count(*)") -> list[list[Any]]:
    """Select an expression over the backends of this shop that wait for a lock."""
    return shop.sql(
        f"""
        SELECT {expression} FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()
        """
    )


@pytest.mark.parametrize("terminated", [False, True])
def test_order_waiting_for_a_lock_outlives_its_client(
    shop: Shop, proxy: TcpProxy, terminated: bool
) -> None:
    user = shop.add_user()
    mug = shop.add_product("Mug", stock=5)
    body = {"user_id": user, "items": [{"product_id": mug, "quantity": 2}]}
    send = partial(shop.post, "/api/orders", body, idempotency_key="k")
    with closing(owner_connection(shop.url)) as lock_holder, ThreadPoolExecutor(1) as client:
        lock_holder.run("BEGIN")
        lock_holder.run("SELECT FROM inventory FOR UPDATE")
        lost = client.submit(send)
        wait_until(lambda: waiting_backends(shop) == [[1]], "the order to wait for its stock")
        if terminated:
            waiting_backends(shop, "pg_terminate_backend(pid, 5000)")
        else:
            proxy.disconnect()
        assert lost.result().status == 503
        if not terminated:  # PostgreSQL has not noticed the disconnect
            assert send().code == "idempotency_in_progress"
        lock_holder.run("COMMIT")

    response = retry_until_answered(send)

    assert (response.status, "Idempotency-Replayed" in response.headers) == (201, not terminated)
    assert [response.json["id"]] == order_ids(shop)
    assert find_inconsistencies(shop, {mug: 5}, every_order_has_key=True) == []


class UnreliableEnvironment:
    """An execution environment in which three of ten executions fail at a random moment."""

    def __init__(
        self,
        proxy: TcpProxy,
        built: ShopEnvironment,
        operator: ShopEnvironment,
        rng: random.Random,
    ) -> None:
        self._proxy = proxy
        self._built = built
        self._operator = operator
        self._random = rng
        self.killed = 0

    def post(self, body: bytes, key: str) -> ApiResponse:
        if self._random.random() >= 0.3:
            return post_order(self._built, body, key)
        self.killed += 1
        failure = self._random.choice(
            [self._lose_request, self._lose_response, self._disconnect, self._terminate_backend]
        )
        return failure(body, key)

    def _lose_request(self, body: bytes, key: str) -> ApiResponse:
        self._proxy.disconnect_at(CLAIM, delivered=False)
        return post_order(self._built, body, key)

    def _lose_response(self, body: bytes, key: str) -> ApiResponse:
        self._proxy.disconnect_at(CLAIM, delivered=True)
        return post_order(self._built, body, key)

    def _disconnect(self, body: bytes, key: str) -> ApiResponse:
        return self._interrupt(self._proxy.disconnect, body, key)

    def _terminate_backend(self, body: bytes, key: str) -> ApiResponse:
        pid = self._built.database.read(Query("SELECT pg_backend_pid() AS pid"))[0].pid
        terminate = "SELECT pg_terminate_backend(CAST(:pid AS integer))"

        def kill() -> object:
            return self._operator.database.read(Query(terminate, {"pid": pid}))

        return self._interrupt(kill, body, key)

    def _interrupt(self, kill: Callable[[], object], body: bytes, key: str) -> ApiResponse:
        timer = Timer(self._random.uniform(0, 0.01), kill)
        timer.start()
        try:
            return post_order(self._built, body, key)
        finally:
            timer.join()


@pytest.fixture
def unreliable_environments(
    shop: Shop, make_proxy: Callable[..., TcpProxy]
) -> Iterator[list[UnreliableEnvironment]]:
    """Return an unreliable environment for each customer."""
    settings = runtime.current().settings.database
    with ExitStack() as stack:
        operator = stack.enter_context(shop_environment(settings, CUSTOMERS))
        environments = []
        for customer in range(CUSTOMERS):
            proxy = make_proxy(settings.host, settings.port)
            behind_proxy = settings._replace(host=proxy.host, port=proxy.port)
            built = stack.enter_context(shop_environment(behind_proxy))
            rng = random.Random(customer)
            environments.append(UnreliableEnvironment(proxy, built, operator, rng))
        yield environments


def test_retries_of_killed_executions_order_once(
    shop: Shop, unreliable_environments: list[UnreliableEnvironment]
) -> None:
    user = shop.add_user()
    stocked = add_products(shop, 5, 1000)
    rng = random.Random(7)
    orders = {
        f"key {n}": order_body(user, *[(id, 1) for id in rng.sample(list(stocked), 2)])
        for n in range(40)
    }
    keys = [*orders] * CUSTOMERS
    rng.shuffle(keys)
    received: dict[str, list[ApiResponse]] = defaultdict(list)

    def buy(customer: int) -> None:
        for key in keys[customer::CUSTOMERS]:
            send = partial(unreliable_environments[customer].post, orders[key], key)
            received[key].append(retry_until_answered(send))

    assert run_concurrently(CUSTOMERS, buy) == [None] * CUSTOMERS

    requests = CUSTOMERS * len(orders)
    assert sum(unreliable.killed for unreliable in unreliable_environments) > requests * 0.3
    counts = {key: len(responses) for key, responses in received.items()}
    assert counts == dict.fromkeys(orders, CUSTOMERS)
    statuses = {response.status for responses in received.values() for response in responses}
    assert statuses == {201}
    for responses in received.values():
        assert len({response.text for response in responses}) == 1
    placed = sorted(responses[0].json["id"] for responses in received.values())
    assert placed == order_ids(shop)
    assert find_inconsistencies(shop, stocked, every_order_has_key=True) == []


@contextmanager
def killable_shop() -> Iterator[tuple[PostgresServer, Shop]]:
    """Return a shop with its own server, which runs with fsync."""
    with throwaway_server(durable=True) as server:
        migrate_url(server.url(), "shop")
        shop = Shop(server.url())
        shop.sql("ALTER ROLE sluice_app PASSWORD 'canary-app'")
        yield server, shop


def kill_server(server: PostgresServer) -> None:
    """Kill the postmaster and its backends: a backend that survives could finish its statement."""
    postmaster = int((server.home / "data" / "postmaster.pid").read_text().split()[0])
    for pid in [postmaster, *descendant_pids(postmaster)]:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server.running, "the server to stop")


@contextmanager
def clients_ordering(
    customers: int, send: Callable[[str], ApiResponse]
) -> Iterator[dict[str, ApiResponse]]:
    """Let customers send orders until the block ends. Yield their responses by idempotency key."""
    responses: dict[str, ApiResponse] = {}
    stop = Event()

    def buy(customer: int) -> None:
        for n in count():
            if stop.is_set():
                return
            key = f"{customer} {n}"
            responses[key] = retry_until_answered(partial(send, key))

    with ThreadPoolExecutor(customers) as threads:
        futures = [threads.submit(buy, customer) for customer in range(customers)]
        try:
            yield responses
        finally:
            stop.set()
        for future in futures:
            future.result()


def wait_for_orders(responses: dict[str, ApiResponse], more: int) -> None:
    expected = len(responses) + more
    wait_until(lambda: len(responses) >= expected, f"{more} more orders")


@pytest.mark.parametrize("crashes", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_server_keeps_whole_orders(crashes: int) -> None:
    rng = random.Random(7)
    with killable_shop() as (server, shop):
        user = shop.add_user()
        stocked = add_products(shop, 8, 100_000)
        settings = DatabaseSettings.from_url(server.url("sluice_app", password="canary-app"))

        def send(key: str) -> ApiResponse:
            # The key is the seed, so that a retry sends the same items.
            products = random.Random(key).sample(list(stocked), 3)
            items = [(id, 1) for id in products]
            return post_order(built, order_body(user, *items), key)

        with shop_environment(settings, 8) as built, clients_ordering(8, send) as responses:
            for _ in range(crashes):
                wait_for_orders(responses, rng.randint(40, 60))
                kill_server(server)
                server.restart()
            wait_for_orders(responses, 10)

        assert {response.status for response in responses.values()} == {201}
        assert sorted(response.json["id"] for response in responses.values()) == order_ids(shop)
        assert find_inconsistencies(shop, stocked, every_order_has_key=True) == []


def sandbox_pids(system: LocalSystem) -> list[int]:
    """Return the process ids of the orders function, found by their working directory."""
    pids = []
    for pid in system.child_pids():
        with suppress(FileNotFoundError):
            if Path(f"/proc/{pid}/cwd").readlink().name == "orders":
                pids.append(pid)
    return pids


@pytest.mark.skipif(sys.platform != "linux", reason="the sandboxes are found in /proc")
@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_sandboxes_leave_one_order_per_key(kills: int) -> None:
    rng = random.Random(7)
    with temporary_system() as system:
        system.start()
        shop = Shop(system.local_json["database_url"])
        user = shop.add_user()
        stocked = add_products(shop, 5, 100_000)

        def send(key: str) -> ApiResponse:
            items = [{"product_id": id, "quantity": 1} for id in stocked]
            status, body = system.request(
                "/api/orders", {"user_id": user, "items": items}, idempotency_key=key
            )
            return ApiResponse(
                status, {"Content-Type": "application/problem+json"}, json.dumps(body)
            )

        with clients_ordering(4, send) as responses:
            for _ in range(kills):
                wait_for_orders(responses, rng.randint(1, 20))
                os.kill(rng.choice(sandbox_pids(system)), signal.SIGKILL)
            wait_for_orders(responses, 10)

        assert {response.status for response in responses.values()} == {201}
        assert sorted(response.json["id"] for response in responses.values()) == order_ids(shop)
        assert find_inconsistencies(shop, stocked, every_order_has_key=True) == []

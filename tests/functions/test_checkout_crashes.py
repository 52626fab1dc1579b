"""Whatever crashes while an order is placed, and whenever: there is all of it or nothing, and one for each key."""

import json
import os
import random
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event, Timer

import pytest

from local.postgres import PostgresServer
from sluice import runtime
from sluice.migrations.runner import migrate_url
from sluice.settings import DatabaseSettings
from tests.fixtures.concurrent_orders import (
    ShopEnvironment,
    add_products,
    find_inconsistencies,
    order_body,
    post_order,
    retry_until_answered,
    run_concurrently,
    shop_environment,
)
from tests.fixtures.local_system import LocalSystem, descendant_pids, temporary_system
from tests.fixtures.postgres import throwaway_server
from tests.fixtures.shop import ApiResponse, Shop, owner_connection
from tests.fixtures.tcp_proxy import TcpProxy
from tests.local.waiting import wait_until

CUSTOMERS = 16
CLAIM = b"sluice.claim_key"  # how an order with a key begins on the wire


def orders_in(shop: Shop) -> list[int]:
    return [id for (id,) in shop.sql("SELECT id FROM orders ORDER BY id")]


@pytest.mark.parametrize("delivered", [False, True], ids=["unheard", "unread"])
def test_a_connection_cut_before_or_after_leaves_nothing_or_all(
    shop: Shop, proxy: TcpProxy, delivered: bool
) -> None:
    user, mug = shop.add_user(), shop.add_product("Mug", stock=5)
    body = {"user_id": user, "items": [{"product_id": mug, "quantity": 2}]}
    assert shop.get("/api/orders").status == 200  # so there is a connection to cut

    proxy.disconnect_at(CLAIM, delivered=delivered)
    lost = shop.post("/api/orders", body, idempotency_key="k")

    assert (lost.status, lost.code) == (503, "database_unavailable")
    assert len(orders_in(shop)) == delivered
    again = shop.post("/api/orders", body, idempotency_key="k")
    assert (again.status, "Idempotency-Replayed" in again.headers) == (201, delivered)
    assert [again.json["id"]] == orders_in(shop)
    assert find_inconsistencies(shop, {mug: 5}, every_order_has_key=True) == []


@pytest.mark.parametrize("terminated", [False, True])
def test_an_order_whose_client_is_lost_while_it_waits_is_placed_unless_it_was_ended(
    shop: Shop, proxy: TcpProxy, terminated: bool
) -> None:
    user, mug = shop.add_user(), shop.add_product("Mug", stock=5)
    body = {"user_id": user, "items": [{"product_id": mug, "quantity": 2}]}
    send = partial(shop.post, "/api/orders", body, idempotency_key="k")
    waiting = "SELECT {} FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with closing(owner_connection(shop.url)) as holder, ThreadPoolExecutor(1) as client:
        holder.run("BEGIN")
        holder.run("SELECT FROM inventory FOR UPDATE")
        lost = client.submit(send)
        wait_until(
            lambda: shop.sql(waiting.format("count(*)")) == [[1]], "the order's wait for its stock"
        )
        if terminated:
            shop.sql(waiting.format("pg_terminate_backend(pid, 5000)"))
        else:
            proxy.disconnect()
        assert lost.result().status == 503
        if not terminated:  # PostgreSQL has not noticed
            assert send().code == "idempotency_in_progress"
        holder.run("COMMIT")

    response = retry_until_answered(send)

    assert (response.status, "Idempotency-Replayed" in response.headers) == (201, not terminated)
    assert [response.json["id"]] == orders_in(shop)
    assert find_inconsistencies(shop, {mug: 5}, every_order_has_key=True) == []


class Frail:
    """An execution environment, three in ten of whose executions die: before, after, or at any moment between."""

    def __init__(
        self,
        proxy: TcpProxy,
        built: ShopEnvironment,
        operator: ShopEnvironment,
        chance: random.Random,
    ) -> None:
        self._proxy, self._built, self._operator, self._chance = proxy, built, operator, chance
        self.killed = 0

    def post(self, body: bytes, key: str) -> ApiResponse:
        if self._chance.random() >= 0.3:
            return post_order(self._built, body, key)
        self.killed += 1
        way = self._chance.choice([self._unheard, self._unread, self._cut, self._terminated])
        return way(body, key)

    def _unheard(self, body: bytes, key: str) -> ApiResponse:
        self._proxy.disconnect_at(CLAIM, delivered=False)
        return post_order(self._built, body, key)

    def _unread(self, body: bytes, key: str) -> ApiResponse:
        self._proxy.disconnect_at(CLAIM, delivered=True)
        return post_order(self._built, body, key)

    def _cut(self, body: bytes, key: str) -> ApiResponse:
        return self._meanwhile(self._proxy.disconnect, body, key)

    def _terminated(self, body: bytes, key: str) -> ApiResponse:
        pid = self._built.database.read("SELECT pg_backend_pid() AS pid")[0].pid
        end = "SELECT pg_terminate_backend(CAST(:pid AS integer))"
        return self._meanwhile(lambda: self._operator.database.read(end, {"pid": pid}), body, key)

    def _meanwhile(self, kill: Callable[[], object], body: bytes, key: str) -> ApiResponse:
        killer = Timer(self._chance.uniform(0, 0.01), kill)
        killer.start()
        try:
            return post_order(self._built, body, key)
        finally:
            killer.join()


def test_640_requests_with_40_keys_are_40_orders_where_three_in_ten_executions_die(
    shop: Shop, make_proxy: Callable[..., TcpProxy]
) -> None:
    user, stocked, settings = (
        shop.add_user(),
        add_products(shop, 5, 1000),
        runtime.current().settings.database,
    )
    chance = random.Random(7)
    orders = {
        f"key {n}": order_body(user, *[(id, 1) for id in chance.sample(list(stocked), 2)])
        for n in range(40)
    }
    asked = [*orders] * CUSTOMERS
    chance.shuffle(asked)
    answers: dict[str, list[ApiResponse]] = defaultdict(list)

    with ExitStack() as stack:
        operator = stack.enter_context(shop_environment(settings, CUSTOMERS))
        environments = []
        for customer in range(CUSTOMERS):
            proxy = make_proxy(settings.host, settings.port)
            built = stack.enter_context(
                shop_environment(replace(settings, host=proxy.host, port=proxy.port))
            )
            environments.append(Frail(proxy, built, operator, random.Random(customer)))

        def buy(customer: int) -> None:
            for key in asked[customer::CUSTOMERS]:
                answers[key].append(
                    retry_until_answered(partial(environments[customer].post, orders[key], key))
                )

        assert run_concurrently(CUSTOMERS, buy) == [None] * CUSTOMERS

    assert sum(shop_environment.killed for shop_environment in environments) > 640 * 0.3
    assert {key: len(given) for key, given in answers.items()} == dict.fromkeys(orders, CUSTOMERS)
    assert {response.status for given in answers.values() for response in given} == {201}
    assert [len({response.text for response in given}) for given in answers.values()] == [1] * 40
    assert sorted(given[0].json["id"] for given in answers.values()) == orders_in(shop)
    assert find_inconsistencies(shop, stocked, every_order_has_key=True) == []


@contextmanager
def mortal_shop() -> Iterator[tuple[PostgresServer, Shop]]:
    """On a server that nobody else uses, and that keeps what it has confirmed."""
    with throwaway_server(durable=True) as server:
        migrate_url(server.url(), "shop")
        shop = Shop(server.url())
        shop.sql("ALTER ROLE sluice_app PASSWORD 'canary-app'")
        yield server, shop


def kill(server: PostgresServer) -> None:
    """All of it: a backend that outlives the postmaster could still finish what it is at."""
    postmaster = int((server.home / "data" / "postmaster.pid").read_text().split()[0])
    for pid in [postmaster, *descendant_pids(postmaster)]:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server.running, "the server's end")


@contextmanager
def buying(customers: int, send: Callable[[str], ApiResponse]) -> Iterator[dict[str, ApiResponse]]:
    """Each customer sends one order after the other, each with a key of its own: key → answer, until left."""
    answers: dict[str, ApiResponse] = {}
    enough = Event()

    def buy(customer: int) -> None:
        for n in count():
            if enough.is_set():
                return
            key = f"{customer} {n}"
            answers[key] = retry_until_answered(partial(send, key))

    with ThreadPoolExecutor(customers) as threads:
        busy = [threads.submit(buy, customer) for customer in range(customers)]
        try:
            yield answers
        finally:
            enough.set()
        for customer in busy:
            customer.result()


def wait_for_more(answers: dict[str, ApiResponse], more: int) -> None:
    wanted = len(answers) + more
    wait_until(lambda: len(answers) >= wanted, f"{more} more orders")


@pytest.mark.parametrize("crashes", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_server_killed_while_orders_are_placed_comes_back_with_whole_orders(crashes: int) -> None:
    chance = random.Random(7)
    with mortal_shop() as (server, shop):
        user, stocked = shop.add_user(), add_products(shop, 8, 100_000)
        settings = DatabaseSettings.from_url(server.url("sluice_app", password="canary-app"))

        def send(key: str) -> ApiResponse:
            items = [
                (id, 1) for id in random.Random(key).sample(list(stocked), 3)
            ]  # the same whenever it is sent
            return post_order(built, order_body(user, *items), key)

        with shop_environment(settings, 8) as built, buying(8, send) as answers:
            for _ in range(crashes):
                wait_for_more(answers, chance.randint(40, 60))
                kill(server)
                server.restart()
            wait_for_more(answers, 10)

        assert {response.status for response in answers.values()} == {201}
        assert sorted(response.json["id"] for response in answers.values()) == orders_in(shop)
        assert find_inconsistencies(shop, stocked, every_order_has_key=True) == []


def sandboxes(system: LocalSystem) -> list[int]:
    """Of the orders' function, which is told by where it runs."""
    found = []
    for pid in system.child_pids():
        with suppress(FileNotFoundError):
            if Path(f"/proc/{pid}/cwd").readlink().name == "orders":
                found.append(pid)
    return found


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere there is no /proc to find sandboxes in"
)
@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_sandboxes_killed_while_orders_are_placed_leave_one_order_for_each_key(kills: int) -> None:
    chance = random.Random(7)
    with temporary_system() as system:
        system.start()
        shop = Shop(system.local_json["database_url"])
        user, stocked = shop.add_user(), add_products(shop, 5, 100_000)

        def send(key: str) -> ApiResponse:
            items = [{"product_id": id, "quantity": 1} for id in stocked]
            status, body = system.request(
                "/api/orders", {"user_id": user, "items": items}, idempotency_key=key
            )
            return ApiResponse(
                status, {"Content-Type": "application/problem+json"}, json.dumps(body)
            )

        with buying(4, send) as answers:
            for _ in range(kills):
                wait_for_more(answers, chance.randint(1, 20))
                os.kill(chance.choice(sandboxes(system)), signal.SIGKILL)
            wait_for_more(answers, 10)

        assert {response.status for response in answers.values()} == {201}
        assert sorted(response.json["id"] for response in answers.values()) == orders_in(shop)
        assert find_inconsistencies(shop, stocked, every_order_has_key=True) == []

"""Concurrent orders: no overselling, one order per idempotency key, and no deadlock."""

import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

import pytest

from local.postgres import PostgresServer
from shop import ordering
from shop.errors import OutOfStock
from shop.inventory import InventoryRepository
from shop.products import ProductRepository
from shop.users import UserRepository
from sluice import runtime
from sluice.errors import StillReferenced
from sluice.settings import DatabaseSettings
from sluice.sql.projection import Representation
from tests.fixtures.client import ApiResponse
from tests.fixtures.concurrency import run_concurrently
from tests.fixtures.shop import Shop
from tests.shop.concurrent_orders import (
    ShopEnvironment,
    add_products,
    find_inconsistencies,
    order_body,
    post_order,
    shop_environment,
)

CUSTOMERS = 16

Iterations = Callable[[], Iterable[int]]


@pytest.fixture
def settings(shop: Shop) -> DatabaseSettings:
    """Return the database settings of the installed runtime."""
    return runtime.current().settings.database


@pytest.fixture
def new_deadlocks(postgres_server: PostgresServer) -> Callable[[], int]:
    """Return a function that counts the deadlocks since the test began, in the server's log.

    The application retries them, so it does not show them.
    """

    def count_deadlocks() -> int:
        return postgres_server.log.read_text(errors="replace").count("deadlock detected")

    before = count_deadlocks()
    return lambda: count_deadlocks() - before


def iterate_for(seconds: float) -> Iterator[int]:
    """Yield numbers for this many seconds."""
    end = time.monotonic() + seconds
    return itertools.takewhile(lambda _: time.monotonic() < end, itertools.count())


short_and_long = pytest.mark.parametrize(
    "iterations",
    [lambda: range(25), pytest.param(lambda: iterate_for(30), marks=pytest.mark.slow)],
    ids=["short", "30 s"],
)


def test_concurrent_orders_never_oversell(shop: Shop, settings: DatabaseSettings) -> None:
    user = shop.add_user()
    mug = shop.add_product("Mug", stock=20)

    with shop_environment(settings, connections=64) as built:
        results = run_concurrently(64, lambda _: ordering.place_order(built, user, [(mug, 1)]))

    assert results.count(OutOfStock) == 44
    assert len({order.id for order in results if isinstance(order, Representation)}) == 20
    assert shop.sql("SELECT quantity FROM inventory") == [[0]]
    assert shop.sql("SELECT count(*) FROM orders") == [[20]]
    assert find_inconsistencies(shop, {mug: 20}) == []


@short_and_long
def test_orders_of_same_products_do_not_deadlock(
    shop: Shop, settings: DatabaseSettings, new_deadlocks: Callable[[], int], iterations: Iterations
) -> None:
    user = shop.add_user()
    stocked = add_products(shop, 12, 60)

    def place_orders(built: ShopEnvironment, customer: int) -> int:
        """Return the number of orders that this customer has placed."""
        rng = random.Random(customer)
        placed = 0
        for _ in iterations():
            items = [(product, rng.randint(1, 3)) for product in rng.sample(list(stocked), 3)]
            with suppress(OutOfStock):
                id = int(ordering.place_order(built, user, items).id)
                placed += 1
                if rng.random() < 0.4:
                    ordering.change_status(built, id, "cancelled")
        return placed

    with shop_environment(settings, connections=CUSTOMERS) as built:
        results = run_concurrently(CUSTOMERS, lambda customer: place_orders(built, customer))

    assert [result for result in results if not isinstance(result, int)] == []
    placed = sum(result for result in results if isinstance(result, int))
    assert shop.sql("SELECT count(*) FROM orders") == [[placed]]
    assert find_inconsistencies(shop, stocked) == []
    assert new_deadlocks() == 0


class MixedWorkload:
    """A mixed workload: orders, and every other write to the rows that orders touch.

    The stock of `adjusted` products is changed by deltas; the stock of `overwritten` ones is set.
    """

    def __init__(
        self,
        built: ShopEnvironment,
        user: int,
        adjusted: Sequence[int],
        overwritten: Sequence[int],
    ) -> None:
        self.built = built
        self.user = user
        self.adjusted = adjusted
        self.overwritten = overwritten
        self.products = [*adjusted, *overwritten]
        self.placed: list[int] = []
        self.adjustments: list[tuple[int, int]] = []

    def run(self, customer: int, iterations: Iterations) -> int:
        """Run random actions. Return how many."""
        rng = random.Random(customer)
        count = 0
        actions = [self.order] * 6 + [
            self.cancel,
            self.adjust_stock,
            self.set_stock,
            self.change_price,
            self.delete,
            self.rename,
        ]
        for _ in iterations():
            with suppress(OutOfStock, StillReferenced):  # the only errors that are expected
                rng.choice(actions)(rng)
            count += 1
        return count

    def order(self, rng: random.Random) -> None:
        items = [(product, rng.randint(1, 3)) for product in rng.sample(self.products, 3)]
        self.placed.append(int(ordering.place_order(self.built, self.user, items).id))

    def cancel(self, rng: random.Random) -> None:
        if self.placed:
            ordering.change_status(self.built, rng.choice(self.placed), "cancelled")

    def adjust_stock(self, rng: random.Random) -> None:
        product = rng.choice(self.adjusted)
        delta = rng.randint(-3, 9)
        self.built.get(InventoryRepository).adjust(product, delta)
        self.adjustments.append((product, delta))

    def set_stock(self, rng: random.Random) -> None:
        self.built.get(InventoryRepository).set_many(
            [(id, rng.randint(0, 50)) for id in rng.sample(self.overwritten, 4)]
        )

    def change_price(self, rng: random.Random) -> None:
        self.built.get(ProductRepository).update(
            (rng.choice(self.products),), {"price": f"{rng.randint(1, 99)}.99"}
        )

    def delete(self, rng: random.Random) -> None:
        self.built.get(ProductRepository).delete((rng.choice(self.products),))

    def rename(self, rng: random.Random) -> None:
        self.built.get(UserRepository).update((self.user,), {"name": f"Ada {rng.random()}"})


@short_and_long
def test_mixed_workload_keeps_stock_consistent(
    shop: Shop, settings: DatabaseSettings, new_deadlocks: Callable[[], int], iterations: Iterations
) -> None:
    """The only errors are OutOfStock, and StillReferenced when a sold product is deleted."""
    user = shop.add_user()
    stocked = add_products(shop, 6, 100)
    overwritten = [shop.add_product(f"Bowl {n}", stock=50) for n in range(6)]
    # Every product is in this order, so that none can be deleted.
    initial_order = [(product, 1) for product in [*stocked, *overwritten]]
    shop.add_order(user, *initial_order)

    with shop_environment(settings, connections=CUSTOMERS) as built:
        workload = MixedWorkload(built, user, list(stocked), overwritten)
        results = run_concurrently(CUSTOMERS, lambda customer: workload.run(customer, iterations))

    assert [result for result in results if not isinstance(result, int)] == []
    for product in stocked:
        stocked[product] += 1  # shop.order takes no stock
    for product, delta in workload.adjustments:
        stocked[product] += delta
    assert find_inconsistencies(shop, stocked) == []
    assert len(workload.placed) == shop.sql("SELECT count(*) - 1 FROM orders")[0][0]
    assert new_deadlocks() == 0


def test_concurrent_requests_with_one_key_order_once(
    shop: Shop, settings: DatabaseSettings
) -> None:
    mug = shop.add_product("Mug", stock=100)
    body = order_body(shop.add_user(), (mug, 2))

    with shop_environment(settings, connections=50) as built:
        responses = run_concurrently(50, lambda _: post_order(built, body, "k"))
        repeated = post_order(built, body, "k")

    received = [response for response in responses if isinstance(response, ApiResponse)]
    placed = [response for response in received if response.status == 201]
    rejected = [response for response in received if response.status != 201]
    assert len(placed) + len(rejected) == 50
    assert {response.text for response in placed} == {repeated.text}
    assert {response.code for response in rejected} <= {"idempotency_in_progress"}
    original = [response for response in placed if "Idempotency-Replayed" not in response.headers]
    assert len(original) == 1
    assert (repeated.status, repeated.headers["Idempotency-Replayed"]) == (201, "true")
    assert shop.sql("SELECT count(*) FROM orders") == [[1]]
    assert find_inconsistencies(shop, {mug: 100}, every_order_has_key=True) == []

"""Orders placed at once: exactly as many as there is stock for, one for each key, and never a deadlock."""

import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

import pytest

from local.postgres import PostgresServer
from sluice import ordering, runtime
from sluice.errors import OutOfStock, StillReferenced
from sluice.repositories.projection import Representation
from sluice.settings import DatabaseSettings
from tests.fixtures.concurrent_orders import (
    ShopEnvironment,
    add_products,
    find_inconsistencies,
    order_body,
    post_order,
    run_concurrently,
    shop_environment,
)
from tests.fixtures.shop import ApiResponse, Shop

CUSTOMERS = 16

Turns = Callable[[], Iterable[int]]


@pytest.fixture
def settings(shop: Shop) -> DatabaseSettings:
    return runtime.current().settings.database


@pytest.fixture
def deadlocks(postgres_server: PostgresServer) -> Callable[[], int]:
    """How many there have been since the test began: the server tells of each, where we would run it again."""

    def told() -> int:
        return postgres_server.log.read_text(errors="replace").count("deadlock detected")

    before = told()
    return lambda: told() - before


def lasting(seconds: float) -> Iterator[int]:
    end = time.monotonic() + seconds
    return itertools.takewhile(lambda _: time.monotonic() < end, itertools.count())


each_length = pytest.mark.parametrize(
    "turns",
    [lambda: range(25), pytest.param(lambda: lasting(30), marks=pytest.mark.slow)],
    ids=["short", "30 s"],
)


def test_of_64_orders_of_one_unit_20_take_a_stock_of_20(
    shop: Shop, settings: DatabaseSettings
) -> None:
    user, mug = shop.add_user(), shop.add_product("Mug", stock=20)

    with shop_environment(settings, connections=64) as built:
        met = run_concurrently(64, lambda _: ordering.place_order(built, user, [(mug, 1)]))

    assert met.count(OutOfStock) == 44
    assert len({record.id for record in met if isinstance(record, Representation)}) == 20
    assert shop.sql("SELECT quantity FROM inventory") == [[0]]
    assert shop.sql("SELECT count(*) FROM orders") == [[20]]
    assert find_inconsistencies(shop, {mug: 20}) == []


@each_length
def test_orders_of_the_same_products_in_any_order_do_not_deadlock(
    shop: Shop, settings: DatabaseSettings, deadlocks: Callable[[], int], turns: Turns
) -> None:
    user, stocked = shop.add_user(), add_products(shop, 12, 60)

    def order(built: ShopEnvironment, customer: int) -> int:
        chance, placed = random.Random(customer), 0
        for _ in turns():
            items = [(product, chance.randint(1, 3)) for product in chance.sample(list(stocked), 3)]
            with suppress(OutOfStock):
                id = ordering.place_order(built, user, items).id
                placed += 1
                if chance.random() < 0.4:
                    ordering.change_status(built, id, "cancelled")
        return placed

    with shop_environment(settings, connections=CUSTOMERS) as built:
        placed = run_concurrently(CUSTOMERS, lambda customer: order(built, customer))

    assert [met for met in placed if not isinstance(met, int)] == []
    assert shop.sql("SELECT count(*) FROM orders") == [
        [sum(met for met in placed if isinstance(met, int))]
    ]
    assert find_inconsistencies(shop, stocked) == []
    assert deadlocks() == 0


class Day:
    """What goes on in a shop, one call at a time: orders, and all else that touches the rows they touch."""

    def __init__(
        self, built: ShopEnvironment, user: int, counted: Sequence[int], recounted: Sequence[int]
    ) -> None:
        self.built, self.user = built, user
        self.counted, self.recounted, self.products = counted, recounted, [*counted, *recounted]
        self.placed: list[int] = []
        self.delivered: list[tuple[int, int]] = []

    def live(self, customer: int, turns: Turns) -> int:
        chance, lived = random.Random(customer), 0
        deeds = [self.order] * 6 + [
            self.cancel,
            self.deliver,
            self.recount,
            self.reprice,
            self.delete,
            self.rename,
        ]
        for _ in turns():
            with suppress(OutOfStock, StillReferenced):  # all that anybody is to be told
                chance.choice(deeds)(chance)
            lived += 1
        return lived

    def order(self, chance: random.Random) -> None:
        items = [(product, chance.randint(1, 3)) for product in chance.sample(self.products, 3)]
        self.placed.append(ordering.place_order(self.built, self.user, items).id)

    def cancel(self, chance: random.Random) -> None:
        if self.placed:
            ordering.change_status(self.built, chance.choice(self.placed), "cancelled")

    def deliver(self, chance: random.Random) -> None:
        product, delta = chance.choice(self.counted), chance.randint(-3, 9)
        self.built.inventory.adjust(product, delta)
        self.delivered.append((product, delta))

    def recount(self, chance: random.Random) -> None:
        self.built.inventory.set_many(
            [(id, chance.randint(0, 50)) for id in chance.sample(self.recounted, 4)]
        )

    def reprice(self, chance: random.Random) -> None:
        self.built.products.update(
            chance.choice(self.products), {"price": f"{chance.randint(1, 99)}.99"}
        )

    def delete(self, chance: random.Random) -> None:
        self.built.products.delete(chance.choice(self.products))

    def rename(self, chance: random.Random) -> None:
        self.built.users.update(self.user, {"name": f"Ada {chance.random()}"})


@each_length
def test_orders_live_with_all_else_that_happens_in_a_shop(
    shop: Shop, settings: DatabaseSettings, deadlocks: Callable[[], int], turns: Turns
) -> None:
    """Nobody is refused but for too little stock, or where a product that was sold is to be deleted."""
    user, stocked = shop.add_user(), add_products(shop, 6, 100)
    recounted = [
        shop.add_product(f"Bowl {n}", stock=50) for n in range(6)
    ]  # their stock is set, so it adds up to nothing
    shop.add_order(
        user, *[(product, 1) for product in [*stocked, *recounted]]
    )  # so each has been sold

    with shop_environment(settings, connections=CUSTOMERS) as built:
        day = Day(built, user, list(stocked), recounted)
        lived = run_concurrently(CUSTOMERS, lambda customer: day.live(customer, turns))

    assert [met for met in lived if not isinstance(met, int)] == []
    for product, delta in [*day.delivered, *[(product, 1) for product in stocked]]:
        stocked[product] += delta
    assert find_inconsistencies(shop, stocked) == []
    assert len(day.placed) == shop.sql("SELECT count(*) - 1 FROM orders")[0][0]
    assert deadlocks() == 0


def test_50_requests_at_once_with_one_key_are_one_order(
    shop: Shop, settings: DatabaseSettings
) -> None:
    mug = shop.add_product("Mug", stock=100)
    body = order_body(shop.add_user(), (mug, 2))

    with shop_environment(settings, connections=50) as built:
        answers = run_concurrently(50, lambda _: post_order(built, body, "k"))
        again = post_order(built, body, "k")

    placed = [
        response
        for response in answers
        if isinstance(response, ApiResponse) and response.status == 201
    ]
    refused = [
        response
        for response in answers
        if isinstance(response, ApiResponse) and response.status != 201
    ]
    assert len(placed) + len(refused) == 50
    assert {response.text for response in placed} == {again.text}
    assert {response.code for response in refused} <= {"idempotency_in_progress"}
    assert (
        len([response for response in placed if "Idempotency-Replayed" not in response.headers])
        == 1
    )
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert shop.sql("SELECT count(*) FROM orders") == [[1]]
    assert find_inconsistencies(shop, {mug: 100}, every_order_has_key=True) == []

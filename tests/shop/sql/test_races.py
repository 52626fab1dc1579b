"""Concurrent writers, on one row and on many: exact counts, and no deadlock."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from shop.errors import OutOfStock
from shop.inventory import InventoryRepository
from shop.products import ProductRepository
from sluice import runtime
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.errors import SluiceError, StaleVersion
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.precondition import Precondition
from tests.fixtures.database import CURSOR_KEY
from tests.fixtures.shop import Shop

WRITERS = 16


@pytest.fixture
def database(shop: Shop) -> Iterator[Database]:
    """A database with a connection for each writer."""
    settings = runtime.current().settings.database._replace(pool_size=WRITERS)
    database = Database(make_pool(settings, "function"))
    yield database
    database.dispose()


def at_once(action: Callable[[int], object]) -> list[object]:
    """Run `action` in all writers at the same time. Return the result or error type of each."""
    start = Barrier(WRITERS)

    def run(writer: int) -> object:
        start.wait()
        try:
            return action(writer)
        except SluiceError as error:
            return type(error)

    with ThreadPoolExecutor(WRITERS) as writers:
        return list(writers.map(run, range(WRITERS)))


def test_one_of_several_writers_with_an_etag_wins(shop: Shop, database: Database) -> None:
    products = ProductRepository(database, CursorSigner(CURSOR_KEY))
    id = shop.add_product("Tall Mug")
    etag = products.get_by_id((id,)).etag

    for attempt in range(10):
        # Each price is new, because an update without a change keeps the version.
        prices = [100 * attempt + writer + 20 for writer in range(WRITERS)]
        match = Precondition([etag])
        results = at_once(
            lambda writer, prices=prices, match=match: products.update(
                (id,), {"price": prices[writer]}, match
            )
        )

        assert results.count(StaleVersion) == WRITERS - 1
        etag = products.get_by_id((id,)).etag
    assert shop.sql("SELECT version FROM products WHERE id = :id", id=id) == [[11]]


def test_stock_is_sold_exactly_and_never_negative(shop: Shop, database: Database) -> None:
    inventory = InventoryRepository(database, CursorSigner(CURSOR_KEY))
    id = shop.add_product("Tall Mug", stock=10)

    results = at_once(lambda _: inventory.adjust(id, -1))

    assert results.count(OutOfStock) == WRITERS - 10
    assert shop.sql("SELECT quantity FROM inventory WHERE product_id = :id", id=id) == [[0]]


def test_bulk_updates_do_not_deadlock(shop: Shop, database: Database) -> None:
    inventory = InventoryRepository(database, CursorSigner(CURSOR_KEY))
    ids = [shop.add_product(f"Mug {n}") for n in range(30)]

    for _ in range(5):
        results = at_once(
            lambda writer: inventory.set_many(
                [(id, writer) for id in (ids if writer % 2 else ids[::-1])]
            )
        )

        assert results == [len(ids)] * WRITERS
    quantities = {quantity for (quantity,) in shop.sql("SELECT quantity FROM inventory")}
    assert len(quantities) == 1  # each update is whole

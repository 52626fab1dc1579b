"""ETags of rows that several tables make, and conditional writes of the shop's own routes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from shop.users import UserRepository
from sluice import runtime
from sluice.errors import StaleVersion
from sluice.sql.precondition import Precondition
from tests.fixtures.cases import case_of
from tests.fixtures.shop import Shop


def test_product_etag_changes_with_stock(shop: Shop) -> None:
    id = shop.add_product("Mug")
    before = shop.get(f"/api/products/{id}").headers["ETag"]
    shop.patch(f"/api/inventory/{id}", {"delta": -1})
    assert shop.get(f"/api/products/{id}").headers["ETag"] != before


def test_product_etag_changes_with_category_slug(shop: Shop) -> None:
    path = f"/api/products/{shop.add_product('Mug')}"
    before = shop.get(path).headers["ETag"]
    shop.patch(f"/api/categories/{shop.sql('SELECT id FROM categories')[0][0]}", {"slug": "cups"})
    assert shop.get(path).headers["ETag"] != before


def test_etag_is_not_reused_for_an_old_value(shop: Shop) -> None:
    path = f"/api/inventory/{shop.add_product('Mug')}"
    before = shop.get(path)
    shop.patch(path, {"delta": 1})
    after = shop.patch(path, {"delta": -1})
    assert after.json["quantity"] == before.json["quantity"]
    assert after.headers["ETag"] != before.headers["ETag"]


def test_stock_change_makes_product_etag_stale(shop: Shop) -> None:
    id = shop.add_product("Mug")
    old = shop.get(f"/api/products/{id}").headers["ETag"]
    shop.patch(f"/api/inventory/{id}", {"delta": 1})
    assert (
        shop.put(f"/api/products/{id}", case_of("products").replacement(shop), if_match=old).status
        == 412
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_none_match": "*"}, 412),
        ({"if_match": '"1"'}, 412),
        ({"if_match": "*"}, 201),
        ({"if_none_match": '"1"'}, 201),
        ({"if_match": "x"}, 400),
    ],
)
def test_list_exists_and_has_no_etag(shop: Shop, headers: dict[str, str], status: int) -> None:
    id = shop.add_product("Mug")
    assert shop.post("/api/categories", {"name": "Cups"}, **headers).status == status
    assert shop.sql("SELECT count(*) FROM categories WHERE name = 'Cups'") == [[int(status == 201)]]
    updates = {"updates": [{"product_id": id, "quantity": 77}]}
    assert shop.patch("/api/inventory", updates, **headers).status == (
        200 if status == 201 else status
    )
    assert shop.graphql("{__typename}", **headers).status == 200


def test_one_of_two_conditional_writers_wins(shop: Shop) -> None:
    """Both have read version 1; the row lock lets only one of them update it."""
    users = runtime.current().get(UserRepository)
    barrier = Barrier(2)

    def write(id: int, name: str) -> str:
        barrier.wait()
        try:
            return users.update(
                (id,), {"name": name}, Precondition(if_match=["1", "2"], if_none_match=["2"])
            ).etag
        except StaleVersion:
            return "stale"

    with ThreadPoolExecutor(2) as threads:
        for n in range(20):
            id = shop.add_user(f"u{n}@example.com")
            assert sorted(threads.map(write, (id, id), ("Bob", "Eve"))) == ["2", "stale"]


def test_stale_version_precedes_out_of_stock(shop: Shop) -> None:
    path = f"/api/inventory/{shop.add_product('Mug', stock=1)}"
    assert shop.patch(path, {"delta": -2}, if_match='"other"').status == 412

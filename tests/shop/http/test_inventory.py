"""Stock over REST: set, adjust and bulk update, never below zero."""

from typing import Any

import pytest

from shop.inventory import InventoryRepository
from sluice import runtime
from sluice.errors import ValidationFailed
from tests.fixtures.shop import Shop

MAX_QUANTITY = 2**31 - 1


def stock(shop: Shop) -> dict[int, int]:
    return {row[0]: row[1] for row in shop.sql("SELECT product_id, quantity FROM inventory")}


@pytest.mark.parametrize(
    ("delta", "left"),
    [(-2, 3), (3, 8), (-5, 0), (0, 5), (2.0, 7), (MAX_QUANTITY - 5, MAX_QUANTITY)],
)
def test_patch_adds_delta(shop: Shop, delta: float, left: int) -> None:
    path = f"/api/inventory/{shop.add_product('Mug', stock=5)}"
    response = shop.patch(path, {"delta": delta})
    assert (response.status, response.json["quantity"]) == (200, left)
    assert shop.get(path).text == response.text


@pytest.mark.parametrize("delta", [-6, -MAX_QUANTITY])
def test_negative_stock_is_409_and_names_the_rest(shop: Shop, delta: int) -> None:
    id = shop.add_product("Mug", stock=5)
    response = shop.patch(f"/api/inventory/{id}", {"delta": delta})
    expected = (409, "out_of_stock", {"/delta": "out_of_stock"})
    assert (response.status, response.code, response.errors) == expected
    assert f"product {id} has 5 left" in response.json["errors"][0]["message"]
    assert stock(shop) == {id: 5}


def test_stock_over_max_quantity_is_422(shop: Shop) -> None:
    id = shop.add_product("Mug", stock=5)
    response = shop.patch(f"/api/inventory/{id}", {"delta": MAX_QUANTITY})
    assert (response.status, response.errors) == (422, {"/delta": "out_of_range"})
    assert stock(shop) == {id: 5}


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {"/delta": "required"}),
        ({"quantity": 7}, {"/delta": "required", "/quantity": "unknown_field"}),
    ],
)
def test_adjustment_needs_a_delta(shop: Shop, body: Any, faults: dict[str, str]) -> None:
    id = shop.add_product("Mug", stock=5)
    response = shop.patch(f"/api/inventory/{id}", body)
    assert (response.status, response.errors, stock(shop)) == (422, faults, {id: 5})


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1e1000000", "-1e1000000", "1e-1000000", "1" * 4000]
)
def test_huge_number_is_422(shop: Shop, number: str) -> None:
    path = f"/api/inventory/{shop.add_product('Mug')}"
    response = shop.call("PATCH", path, raw=f'{{"delta": {number}}}'.encode())
    assert (response.status, list(response.errors)) == (422, ["/delta"])


def test_bulk_update_sets_and_counts_rows(shop: Shop) -> None:
    a, b, c = (shop.add_product(name) for name in "abc")
    updates = [{"product_id": c, "quantity": 30}, {"product_id": a, "quantity": 10}]
    response = shop.patch("/api/inventory", {"updates": updates})
    assert (response.status, response.json) == (200, {"updated": 2})
    assert stock(shop) == {a: 10, b: 5, c: 30}


def test_bulk_update_of_unknown_products_is_422(shop: Shop) -> None:
    id = shop.add_product("Mug", stock=5)
    updates = [{"product_id": product, "quantity": 9} for product in (404, id, 405)]
    response = shop.patch("/api/inventory", {"updates": updates})
    assert response.status == 422
    assert response.errors == {
        "/updates/0/product_id": "unknown",
        "/updates/2/product_id": "unknown",
    }
    assert stock(shop) == {id: 5}


@pytest.mark.parametrize(
    ("updates", "faults"),
    [
        (None, {"/updates": "type"}),
        ({}, {"/updates": "type"}),
        ([], {"/updates": "out_of_range"}),
        ([5, None], {"/updates/0": "type", "/updates/1": "type"}),
        ([{}], {"/updates/0/product_id": "required", "/updates/0/quantity": "required"}),
        ([{"product_id": 0, "quantity": 1}], {"/updates/0/product_id": "out_of_range"}),
        ([{"product_id": 1, "quantity": -1}], {"/updates/0/quantity": "out_of_range"}),
        ([{"product_id": 2**63, "quantity": 1}], {"/updates/0/product_id": "out_of_range"}),
        ([{"product_id": 1, "quantity": 1, "x": 1}], {"/updates/0/x": "unknown_field"}),
        ([{"product_id": 1, "quantity": 1}] * 2, {"/updates/1/product_id": "duplicate"}),
    ],
)
def test_bulk_update_names_each_error_by_pointer(
    shop: Shop, updates: Any, faults: dict[str, str]
) -> None:
    id = shop.add_product("Mug", stock=5)
    response = shop.patch("/api/inventory", {"updates": updates})
    assert (response.status, response.errors, stock(shop)) == (422, faults, {id: 5})


def test_bulk_update_accepts_rows_of_the_list(shop: Shop) -> None:
    shop.add_product("Mug", stock=5)
    response = shop.patch("/api/inventory", {"updates": shop.get("/api/inventory").json["data"]})
    assert (response.status, response.json) == (200, {"updated": 1})


def test_bulk_update_is_one_statement(isolated_shop: Shop) -> None:
    shop = isolated_shop
    shop.add_category("mugs")
    shop.sql(
        """
        INSERT INTO products (name, price, category_id)
        SELECT generate_series(1, 10000), 1, id FROM categories
        """
    )
    shop.sql("CREATE TABLE writes (n int)")
    shop.sql(
        """
        CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        AS $$ BEGIN INSERT INTO writes VALUES (1); RETURN NULL; END $$
        """
    )
    shop.sql(
        """
        CREATE TRIGGER count_write AFTER UPDATE ON inventory
        FOR EACH STATEMENT EXECUTE FUNCTION count_write()
        """
    )
    updates = [{"product_id": id, "quantity": 3} for id in stock(shop)]
    response = shop.patch("/api/inventory", {"updates": updates})
    assert (response.status, response.json) == (200, {"updated": 10_000})
    assert shop.sql(
        "SELECT (SELECT sum(quantity) FROM inventory), (SELECT count(*) FROM writes)"
    ) == [[30_000, 1]]


def test_bulk_update_over_10_000_rows_is_422(shop: Shop) -> None:
    updates = [{"product_id": n, "quantity": 1} for n in range(1, 10_002)]
    response = shop.patch("/api/inventory", {"updates": updates})
    assert (response.status, response.errors) == (422, {"/updates": "out_of_range"})


def test_repository_refuses_negative_quantity(shop: Shop) -> None:
    id = shop.add_product("Mug", stock=5)

    with pytest.raises(ValidationFailed) as raised:
        runtime.current().get(InventoryRepository).set(id, -1)

    assert [(error.pointer, error.code) for error in raised.value.errors] == [
        ("/quantity", "out_of_range")
    ]
    assert stock(shop) == {id: 5}

"""Stock over REST: set, adjusted, and updated in bulk, and never below zero."""

from typing import Any

import pytest

from tests.fixtures.shop import Shop

MOST = 2**31 - 1


def stock(shop: Shop) -> dict[int, int]:
    return {row[0]: row[1] for row in shop.sql("SELECT product_id, quantity FROM inventory")}


def test_stock_is_answered_whole(shop: Shop) -> None:
    id = shop.add_product("Mug", stock=5)
    response = shop.get(f"/api/inventory/{id}")
    assert response.status == 200
    assert response.json == {
        "product_id": id,
        "quantity": 5,
        "updated_at": response.json["updated_at"],
        "version": 1,
    }
    assert response.json["updated_at"].endswith("Z")


def test_put_sets_the_quantity(shop: Shop) -> None:
    path = f"/api/inventory/{shop.add_product('Mug', stock=5)}"
    response = shop.put(path, {"quantity": 7})
    assert (response.status, response.json["quantity"], response.json["version"]) == (200, 7, 2)
    assert shop.get(path).text == response.text


def test_what_get_gave_can_be_put_back(shop: Shop) -> None:
    path = f"/api/inventory/{shop.add_product('Mug')}"
    got = shop.get(path)
    put = shop.put(path, got.json)
    assert (put.status, put.text) == (200, got.text)


@pytest.mark.parametrize(
    ("delta", "left"), [(-2, 3), (3, 8), (-5, 0), (0, 5), (2.0, 7), (MOST - 5, MOST)]
)
def test_patch_adds_the_delta(shop: Shop, delta: float, left: int) -> None:
    path = f"/api/inventory/{shop.add_product('Mug', stock=5)}"
    response = shop.patch(path, {"delta": delta})
    assert (response.status, response.json["quantity"]) == (200, left)
    assert shop.get(path).text == response.text


@pytest.mark.parametrize("delta", [-6, -MOST])
def test_going_below_zero_is_out_of_stock_and_says_what_is_left(shop: Shop, delta: int) -> None:
    id = shop.add_product("Mug", stock=5)
    response = shop.patch(f"/api/inventory/{id}", {"delta": delta})
    assert (response.status, response.code, response.errors) == (
        409,
        "out_of_stock",
        {"/delta": "out_of_stock"},
    )
    assert f"product {id} has 5 left" in response.json["errors"][0]["message"]
    assert stock(shop) == {id: 5}


def test_going_above_what_a_quantity_can_be_is_422_at_delta(shop: Shop) -> None:
    id = shop.add_product("Mug", stock=5)
    response = shop.patch(f"/api/inventory/{id}", {"delta": MOST})
    assert (response.status, response.errors) == (422, {"/delta": "out_of_range"})
    assert stock(shop) == {id: 5}


@pytest.mark.parametrize(
    ("method", "body", "faults"),
    [
        ("PUT", {}, {"/quantity": "required"}),
        ("PUT", {"quantity": -1}, {"/quantity": "out_of_range"}),
        ("PUT", {"quantity": MOST + 1}, {"/quantity": "out_of_range"}),
        ("PUT", {"quantity": "7"}, {"/quantity": "type"}),
        ("PUT", {"quantity": 7.5}, {"/quantity": "type"}),
        ("PUT", {"quantity": False}, {"/quantity": "type"}),
        ("PUT", {"quantity": None}, {"/quantity": "type"}),
        ("PUT", {"quantity": 7, "delta": 1}, {"/delta": "unknown_field"}),
        ("PATCH", {}, {"/delta": "required"}),
        ("PATCH", {"quantity": 7}, {"/delta": "required", "/quantity": "unknown_field"}),
        ("PATCH", {"delta": None}, {"/delta": "type"}),
        ("PATCH", {"delta": 0.5}, {"/delta": "type"}),
        ("PATCH", {"delta": MOST + 1}, {"/delta": "out_of_range"}),
        ("PATCH", {"delta": -MOST - 1}, {"/delta": "out_of_range"}),
    ],
)
def test_what_a_change_cannot_hold_is_422_at_that_field(
    shop: Shop, method: str, body: Any, faults: dict[str, str]
) -> None:
    id = shop.add_product("Mug", stock=5)
    response = shop.call(method, f"/api/inventory/{id}", body)
    assert (response.status, response.errors, stock(shop)) == (422, faults, {id: 5})


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1e1000000", "-1e1000000", "1e-1000000", "1" * 4000]
)
def test_a_number_beyond_all_measure_is_422_at_its_field(shop: Shop, number: str) -> None:
    path = f"/api/inventory/{shop.add_product('Mug')}"
    response = shop.call("PATCH", path, raw=f'{{"delta": {number}}}'.encode())
    assert (response.status, list(response.errors)) == (422, ["/delta"])


@pytest.mark.parametrize(
    ("method", "body"), [("GET", None), ("PUT", {"quantity": 1}), ("PATCH", {"delta": 1})]
)
@pytest.mark.parametrize(
    ("id", "status"), [("404", 404), (str(2**63), 404), ("-1", 400), ("x", 400), ("🫖", 400)]
)
def test_stock_that_is_not_there_is_404_and_what_is_no_id_400(
    shop: Shop, method: str, body: Any, id: str, status: int
) -> None:
    response = shop.call(method, f"/api/inventory/{id}", body)
    assert response.status == status
    assert response.errors == ({} if status == 404 else {"product_id": "invalid"})


def test_bulk_sets_every_quantity_and_counts(shop: Shop) -> None:
    a, b, c = (shop.add_product(name) for name in "abc")
    updates = [{"product_id": c, "quantity": 30}, {"product_id": a, "quantity": 10}]
    response = shop.patch("/api/inventory", {"updates": updates})
    assert (response.status, response.json) == (200, {"updated": 2})
    assert stock(shop) == {a: 10, b: 5, c: 30}


def test_bulk_names_every_unknown_product_and_changes_nothing(shop: Shop) -> None:
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
def test_bulk_names_every_fault_by_pointer(
    shop: Shop, updates: Any, faults: dict[str, str]
) -> None:
    id = shop.add_product("Mug", stock=5)
    response = shop.patch("/api/inventory", {"updates": updates})
    assert (response.status, response.errors, stock(shop)) == (422, faults, {id: 5})


def test_bulk_takes_back_the_rows_that_the_list_gave(shop: Shop) -> None:
    shop.add_product("Mug", stock=5)
    response = shop.patch("/api/inventory", {"updates": shop.get("/api/inventory").json["data"]})
    assert (response.status, response.json) == (200, {"updated": 1})


def test_bulk_sets_ten_thousand_in_one_statement(breakable_shop: Shop) -> None:
    shop = breakable_shop
    shop.add_category("mugs")
    shop.sql(
        "INSERT INTO products (name, price, category_id) SELECT generate_series(1, 10000), 1, id FROM categories"
    )
    shop.sql("CREATE TABLE writes (n int)")
    shop.sql(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        " AS $$ BEGIN INSERT INTO writes VALUES (1); RETURN NULL; END $$"
    )
    shop.sql(
        "CREATE TRIGGER note AFTER UPDATE ON inventory FOR EACH STATEMENT EXECUTE FUNCTION note()"
    )
    updates = [{"product_id": id, "quantity": 3} for id in stock(shop)]
    response = shop.patch("/api/inventory", {"updates": updates})
    assert (response.status, response.json) == (200, {"updated": 10_000})
    assert shop.sql(
        "SELECT (SELECT sum(quantity) FROM inventory), (SELECT count(*) FROM writes)"
    ) == [[30_000, 1]]


def test_bulk_of_more_than_ten_thousand_is_422(shop: Shop) -> None:
    updates = [{"product_id": n, "quantity": 1} for n in range(1, 10_002)]
    response = shop.patch("/api/inventory", {"updates": updates})
    assert (response.status, response.errors) == (422, {"/updates": "out_of_range"})


def test_stock_can_be_cut_to_fields(shop: Shop) -> None:
    id = shop.add_product("Mug", stock=5)
    assert shop.get(f"/api/inventory/{id}?fields=quantity").json == {"quantity": 5}

"""Orders over REST: placing, prices, stock, and changes of status."""

from typing import Any

import pytest

from shop.orders import STATUSES, TRANSITIONS
from tests.fixtures.client import ApiResponse
from tests.fixtures.shop import Shop


def place(shop: Shop, user: int, *items: tuple[int, int], **headers: str) -> ApiResponse:
    body = {
        "user_id": user,
        "items": [{"product_id": product, "quantity": quantity} for product, quantity in items],
    }
    return shop.post("/api/orders", body, **headers)


def stock(shop: Shop) -> list[int]:
    return [
        quantity for (quantity,) in shop.sql("SELECT quantity FROM inventory ORDER BY product_id")
    ]


def test_order_stores_prices_and_reduces_stock(shop: Shop) -> None:
    user = shop.add_user()
    mug = shop.add_product("Mug", price="9.99")
    bowl = shop.add_product("Bowl", price="20.00", stock=7)

    placed = place(shop, user, (bowl, 2), (mug, 1))

    assert placed.status == 201, placed.text
    order = placed.json
    assert list(order) == [
        "id",
        "user_id",
        "status",
        "items",
        "total",
        "created_at",
        "updated_at",
        "version",
    ]
    expected = (user, "pending", "49.99", 1)
    assert (order["user_id"], order["status"], order["total"], order["version"]) == expected
    assert order["items"] == [
        {"product_id": mug, "quantity": 1, "unit_price": "9.99"},
        {"product_id": bowl, "quantity": 2, "unit_price": "20.00"},
    ]
    assert placed.headers["Location"] == f"/api/orders/{order['id']}"
    found = shop.get(placed.headers["Location"])
    assert (found.text, found.headers["ETag"]) == (placed.text, placed.headers["ETag"])
    assert stock(shop) == [4, 5]


def test_repeated_product_is_one_item(shop: Shop) -> None:
    user = shop.add_user()
    mug = shop.add_product("Mug", stock=5)

    order = place(shop, user, (mug, 2), (mug, 3)).json

    assert [(item["product_id"], item["quantity"]) for item in order["items"]] == [(mug, 5)]
    assert stock(shop) == [0]
    assert place(shop, user, (mug, 1)).code == "out_of_stock"


def test_order_keeps_its_prices(shop: Shop) -> None:
    user = shop.add_user()
    mug = shop.add_product("Mug", price="9.99")
    placed = place(shop, user, (mug, 1))

    shop.patch(f"/api/products/{mug}", {"price": 100})

    assert shop.get(placed.headers["Location"]).text == placed.text


def test_insufficient_stock_is_409_per_product(
    shop: Shop,
) -> None:
    user = shop.add_user()
    mug = shop.add_product("Mug", stock=1)
    bowl = shop.add_product("Bowl", stock=9)
    cup = shop.add_product("Cup", stock=0)

    response = place(shop, user, (mug, 2), (bowl, 9), (cup, 1))

    assert (response.status, response.code) == (409, "out_of_stock")
    assert response.errors == {
        "/items/0/quantity": "out_of_stock",
        "/items/2/quantity": "out_of_stock",
    }
    assert [error["message"] for error in response.json["errors"]] == [
        f"product {mug} has 1 left",
        f"product {cup} has 0 left",
    ]
    assert stock(shop) == [1, 9, 0]
    assert shop.sql("SELECT count(*) FROM orders") == [[0]]


def test_unknown_ids_are_all_named(shop: Shop) -> None:
    mug = shop.add_product("Mug")

    response = place(shop, 404, (mug, 1), (405, 1), (406, 2), (405, 3))

    assert (response.status, response.code) == (422, "validation_failed")
    assert response.errors == {
        "/user_id": "unknown",
        **{f"/items/{n}/product_id": "unknown" for n in (1, 2, 3)},
    }
    assert stock(shop) == [5]


def test_total_over_max_amount_is_422(shop: Shop) -> None:
    user = shop.add_user()
    products = [
        shop.add_product(f"Castle {n}", price="9999999999.99", stock=2**31 - 1) for n in range(2)
    ]

    response = place(shop, user, *[(product, 2**31 - 1) for product in products])

    assert (response.status, response.code) == (422, "validation_failed")
    assert stock(shop) == [2**31 - 1] * 2


@pytest.mark.parametrize("target", STATUSES)
@pytest.mark.parametrize("source", STATUSES)
def test_status_transitions(shop: Shop, source: str, target: str) -> None:
    mug = shop.add_product("Mug", stock=5)
    id = shop.add_order(shop.add_user(), (mug, 2), status=source)

    response = shop.patch(f"/api/orders/{id}", {"status": target})

    returned = target == "cancelled" and source in ("pending", "paid")
    if target == source or target in TRANSITIONS[source]:
        assert (response.status, response.json["status"]) == (200, target)
        assert response.json["version"] == (1 if target == source else 2)
    else:
        assert (response.status, response.code) == (409, "invalid_transition")
        assert shop.get(f"/api/orders/{id}").json["status"] == source
    assert stock(shop) == [7 if returned else 5]


def test_cancelling_returns_stock_once(shop: Shop) -> None:
    user = shop.add_user()
    mug = shop.add_product("Mug")
    bowl = shop.add_product("Bowl")
    target = place(shop, user, (mug, 5), (bowl, 1)).headers["Location"]
    assert stock(shop) == [0, 4]

    for _ in range(3):
        assert shop.patch(target, {"status": "cancelled"}).status == 200

    assert stock(shop) == [5, 5]


def test_orders_are_filtered_by_product(shop: Shop) -> None:
    ada = shop.add_user()
    bob = shop.add_user("bob@example.com")
    mug = shop.add_product("Mug")
    bowl = shop.add_product("Bowl")
    first = shop.add_order(ada, (mug, 1))
    second = shop.add_order(bob, (mug, 1), (bowl, 2), status="paid")

    def found(query: str) -> list[int]:
        return [order["id"] for order in shop.get(f"/api/orders?{query}").json["data"]]

    assert found(f"product_id={mug}&sort=id:desc") == [second, first]
    assert found(f"product_id={bowl}&status=pending") == []


IMMUTABLE: list[tuple[dict[str, Any], set[str]]] = [
    ({"items": []}, {"/items"}),
    ({"items": None}, {"/items"}),
    ({"items": [{"product_id": 0, "quantity": 1}]}, {"/items"}),
    ({"items": "mug"}, {"/items"}),
    ({"user_id": 404}, {"/user_id"}),
    ({"user_id": None}, {"/user_id"}),
    ({"user_id": "1"}, {"/user_id"}),
    ({"user_id": 404, "items": [{"product_id": 404, "quantity": 1}]}, {"/user_id", "/items"}),
    ({"colour": "blue"}, {"/colour"}),
]


@pytest.mark.parametrize(("change", "pointers"), IMMUTABLE)
def test_immutable_field_is_422(shop: Shop, change: dict[str, Any], pointers: set[str]) -> None:
    target = f"/api/orders/{shop.add_order(shop.add_user(), (shop.add_product('Mug'), 2))}"
    response = shop.patch(target, {"status": "paid", **change})
    assert (response.status, response.code) == (422, "validation_failed")
    assert {"/".join(pointer.split("/")[:2]) for pointer in response.errors} == pointers
    assert shop.get(target).json["status"] == "pending"


def test_items_are_immutable(shop: Shop) -> None:
    mug = shop.add_product("Mug")
    bowl = shop.add_product("Bowl")
    target = f"/api/orders/{shop.add_order(shop.add_user(), (mug, 2), (bowl, 1))}"
    for items in (
        [(mug, 2)],
        [(mug, 1), (bowl, 1)],
        [(mug, 1), (bowl, 2)],
        [(mug, 2), (bowl, 1), (404, 1)],
    ):
        sent = [{"product_id": id, "quantity": quantity} for id, quantity in items]
        assert shop.patch(target, {"status": "paid", "items": sent}).errors == {
            "/items": "immutable"
        }
    same = [{"product_id": id, "quantity": 1, "unit_price": "7.00"} for id in (bowl, mug, mug)]
    response = shop.patch(target, {"status": "paid", "items": same, "total": "0.01"})
    assert response.json["status"] == "paid"


def test_404_and_412_precede_field_errors(shop: Shop) -> None:
    mug = shop.add_product("Mug")
    target = f"/api/orders/{shop.add_order(shop.add_user(), (mug, 2), status='delivered')}"
    body = {"status": "paid", "user_id": 404}
    assert shop.patch(target, body, if_match='"9"').status == 412
    assert shop.patch("/api/orders/404", body).status == 404
    assert shop.patch(target, body).status == 422


def test_new_order_is_pending(shop: Shop) -> None:
    order = {
        "user_id": shop.add_user(),
        "items": [{"product_id": shop.add_product("Mug"), "quantity": 1}],
    }
    response = shop.post("/api/orders", {**order, "status": "delivered"})
    assert response.errors == {"/status": "invalid"}
    assert shop.post("/api/orders", {**order, "status": "pending"}).status == 201


def test_patch_without_status_changes_nothing(shop: Shop) -> None:
    user = shop.add_user()
    for status in ("pending", "paid", "shipped", "delivered", "cancelled"):
        mug = shop.add_product(f"Mug {status}")
        target = f"/api/orders/{shop.add_order(user, (mug, 2), status=status)}"
        order = shop.get(target).json
        unchanged = ("user_id", "items", "total", "version")
        for body in ({}, {"user_id": user}, {name: order[name] for name in unchanged}):
            response = shop.patch(target, body)
            assert (response.status, response.json) == (200, order)
        for name, value in (("user_id", 404), ("items", [{"product_id": 404, "quantity": 1}])):
            assert shop.patch(target, {name: value}).errors == {f"/{name}": "immutable"}
        assert shop.patch(target, {}, if_match='"9"').status == 412
        assert shop.get(target).json == order
    assert shop.patch("/api/orders/404", {}).status == 404


def test_invalid_transition_names_allowed_ones(shop: Shop) -> None:
    user = shop.add_user()
    mug = shop.add_product("Mug")
    texts = {
        "pending": "is pending and can only become paid or cancelled",
        "paid": "is paid and can only become shipped or cancelled",
        "shipped": "is shipped and can only become delivered",
        "cancelled": "is cancelled and cannot change any more",
    }
    for status, text in texts.items():
        response = shop.patch(
            f"/api/orders/{shop.add_order(user, (mug, 1), status=status)}",
            {"status": invalid_target(status)},
        )
        assert (response.status, response.code) == (409, "invalid_transition")
        assert [error["message"] for error in response.json["errors"]] == [text]


def invalid_target(status: str) -> str:
    return "pending" if status != "pending" else "delivered"

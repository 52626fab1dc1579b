"""The life of an order, and idempotent requests."""

from tests.e2e.conftest import Products
from tests.e2e.deployment import Deployment


def test_order_takes_stock_until_cancelled(api: Deployment, canary: dict[str, int]) -> None:
    product = canary["product_id"]
    stock = f"/api/inventory/{product}"
    assert api("PUT", stock, {"quantity": 5}).status == 200
    body = {"user_id": canary["user_id"], "items": [{"product_id": product, "quantity": 2}]}
    placed = api("POST", "/api/orders", body, idempotency_key=f"{api.run}-order")
    assert placed.status == 201, placed.body
    assert (placed.json["status"], placed.json["total"]) == ("pending", "39.80")
    again = api("POST", "/api/orders", body, idempotency_key=f"{api.run}-order")
    assert (again.status, again.body) == (201, placed.body)
    assert again.headers["idempotency-replayed"] == "true"
    assert api("GET", stock).json["quantity"] == 3
    path = f"/api/orders/{placed.json['id']}"
    assert api("PATCH", path, {"status": "paid"}).json["status"] == "paid"
    rejected = api("PATCH", path, {"status": "pending"})
    assert (rejected.status, rejected.code) == (409, "invalid_transition")
    assert api("PATCH", path, {"status": "cancelled"}).json["status"] == "cancelled"
    assert api("GET", stock).json["quantity"] == 5


def test_order_over_stock_changes_nothing(api: Deployment, canary: dict[str, int]) -> None:
    product = canary["product_id"]
    before = api("GET", f"/api/inventory/{product}").json["quantity"]
    body = {
        "user_id": canary["user_id"],
        "items": [{"product_id": product, "quantity": before + 1}],
    }
    rejected = api("POST", "/api/orders", body)
    assert (rejected.status, rejected.code) == (409, "out_of_stock")
    assert api("GET", f"/api/inventory/{product}").json["quantity"] == before


def test_same_key_with_other_body_is_rejected(
    api: Deployment, products: Products, category: str
) -> None:
    body = {"name": f"{api.run} once", "price": "1.00", "category": category}
    first = api("POST", "/api/products", body, idempotency_key=f"{api.run}-product")
    again = api("POST", "/api/products", body, idempotency_key=f"{api.run}-product")
    other = api(
        "POST", "/api/products", {**body, "price": "2.00"}, idempotency_key=f"{api.run}-product"
    )
    assert (first.status, again.body) == (201, first.body)
    assert (other.status, other.code) == (422, "idempotency_key_reused")

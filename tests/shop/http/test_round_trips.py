"""Round trips and statements of a request, counted by a proxy in front of PostgreSQL."""

import pytest

from testing.tcp_proxy import TcpProxy
from tests.fixtures.application import count_statements
from tests.fixtures.resources import new_row_path
from tests.fixtures.shop import Shop


@pytest.mark.parametrize(
    "target",
    [
        "/api/analytics/sales?start_date=2026-01-01&end_date=2026-12-31",
        "/api/analytics/popular-products?days=365",
    ],
)
def test_read_is_one_statement_and_round_trip(
    shop: Shop, open_proxy: TcpProxy, target: str
) -> None:
    shop.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    before = count_statements(shop)

    assert open_proxy.count_round_trips(lambda: shop.get(target)) == 1
    assert count_statements(shop) - before == 1
    assert shop.get(target).status == 200


@pytest.mark.parametrize("status", ["paid", "cancelled"])
def test_order_transition_is_one_round_trip(shop: Shop, open_proxy: TcpProxy, status: str) -> None:
    path = new_row_path(shop, "orders")

    assert open_proxy.count_round_trips(lambda: shop.patch(path, {"status": status})) == 1


@pytest.mark.parametrize("key", [{}, {"idempotency_key": "k"}], ids=["without a key", "with a key"])
def test_order_is_one_round_trip(shop: Shop, open_proxy: TcpProxy, key: dict[str, str]) -> None:
    user = shop.add_user()
    mug = shop.add_product("Mug")
    bowl = shop.add_product("Bowl")
    body = {
        "user_id": user,
        "items": [{"product_id": mug, "quantity": 1}, {"product_id": bowl, "quantity": 2}],
    }

    def place_order() -> None:
        assert shop.post("/api/orders", body, **key).status == 201

    assert open_proxy.count_round_trips(place_order) == 1


def test_bulk_stock_update_is_one_round_trip(shop: Shop, open_proxy: TcpProxy) -> None:
    shop.add_product("Tall Mug")
    shop.sql(
        """
        INSERT INTO products (name, price, category_id)
        SELECT 'Mug ' || n, 5, (SELECT id FROM categories) FROM generate_series(2, 10000) AS n
        """
    )
    updates = [{"product_id": id, "quantity": 8} for (id,) in shop.sql("SELECT id FROM products")]

    def update() -> None:
        response = shop.patch("/api/inventory", {"updates": updates})
        assert response.json == {"updated": 10_000}

    assert open_proxy.count_round_trips(update) == 1

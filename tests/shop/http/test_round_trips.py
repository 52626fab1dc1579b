"""Round trips and statements of a request, counted by a proxy in front of PostgreSQL."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from sluice import runtime
from tests.fixtures.cases import case_of
from tests.fixtures.client import ApiResponse
from tests.fixtures.resources import new_row_path
from tests.fixtures.shop import Shop
from tests.fixtures.tcp_proxy import TcpProxy


@pytest.fixture
def proxy(shop: Shop, make_proxy: Callable[..., TcpProxy]) -> Iterator[TcpProxy]:
    """Put a proxy between the runtime and PostgreSQL, and open the connection."""
    settings = runtime.current().settings
    proxy = make_proxy(settings.database.host, settings.database.port)
    database = replace(settings.database, host=proxy.host, port=proxy.port)
    behind_proxy = runtime.build(replace(settings, database=database))
    runtime.set_current(behind_proxy)
    assert shop.get("/health/ready").status == 200
    yield proxy
    behind_proxy.database.dispose()


def count_statements(shop: Shop) -> int:
    """Return the number of statements that the role sluice_app has run in this shop."""
    query = """
        SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s
        WHERE s.userid = 'sluice_app'::regrole AND s.toplevel
          AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
    return int(shop.sql(query)[0][0])


def with_row_id(target: str, shop: Shop) -> str:
    """Insert a row of the resource and replace {id} by its id."""
    resource = target.split("/")[2].partition("?")[0]
    return target.replace("{id}", case_of(resource).insert(shop, 3))


@pytest.mark.parametrize(
    "target",
    [
        "/api/products?limit=100&sort=price:desc,name:asc&search=mug&include_total=true",
        "/api/products?offset=1&in_stock=true",
        "/api/categories?search=mugs",
        "/api/inventory?below=10",
        "/api/users?sort=email:desc&search=ada&include_total=true",
        "/api/users?email=ADA@example.com",
        "/api/orders?user_id=1&product_id=1&sort=total:desc&include_total=true",
        "/api/analytics/sales?start_date=2026-01-01&end_date=2026-12-31",
        "/api/analytics/popular-products?days=365",
    ],
)
def test_read_is_one_statement_and_round_trip(shop: Shop, proxy: TcpProxy, target: str) -> None:
    shop.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    if "analytics" not in target:
        target = with_row_id(target, shop)
    before = count_statements(shop)

    assert proxy.count_round_trips(lambda: shop.get(target)) == 1
    assert count_statements(shop) - before == 1
    assert shop.get(target).status == 200


def test_page_after_cursor_is_one_round_trip(shop: Shop, proxy: TcpProxy) -> None:
    for n in range(5):
        shop.add_product(f"Mug {n}")
    target = "/api/products?limit=2&sort=price:desc,inventory:asc"
    target += f"&cursor={shop.get(target).json['pagination']['next_cursor']}"

    assert proxy.count_round_trips(lambda: shop.get(target)) == 1


@pytest.mark.parametrize("status", ["paid", "cancelled"])
def test_order_transition_is_one_round_trip(shop: Shop, proxy: TcpProxy, status: str) -> None:
    path = new_row_path(shop, "orders")

    assert proxy.count_round_trips(lambda: shop.patch(path, {"status": status})) == 1


@pytest.mark.parametrize("key", [{}, {"idempotency_key": "k"}], ids=["without a key", "with a key"])
def test_order_is_one_round_trip(shop: Shop, proxy: TcpProxy, key: dict[str, str]) -> None:
    user = shop.add_user()
    mug = shop.add_product("Mug")
    bowl = shop.add_product("Bowl")
    body = {
        "user_id": user,
        "items": [{"product_id": mug, "quantity": 1}, {"product_id": bowl, "quantity": 2}],
    }

    def place_order() -> None:
        assert shop.post("/api/orders", body, **key).status == 201

    assert proxy.count_round_trips(place_order) == 1


def test_idempotent_replay_is_two_round_trips(shop: Shop, proxy: TcpProxy) -> None:
    def post() -> None:
        assert shop.post("/api/categories", {"name": "Bowls"}, idempotency_key="k").status == 201

    assert (proxy.count_round_trips(post), proxy.count_round_trips(post)) == (1, 2)


def test_stale_write_is_one_round_trip(shop: Shop, proxy: TcpProxy) -> None:
    target = new_row_path(shop, "products")

    def write() -> ApiResponse:
        return shop.patch(target, {"price": 6}, if_match='"9.9.9"')

    assert proxy.count_round_trips(write) == 1


def test_bulk_stock_update_is_one_round_trip(shop: Shop, proxy: TcpProxy) -> None:
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

    assert proxy.count_round_trips(update) == 1

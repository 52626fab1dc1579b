"""Responses during an outage of the database, and right after it."""

import time
from dataclasses import replace

from sluice import runtime
from sluice.query import Query
from tests.fixtures.shop import Shop
from tests.fixtures.tcp_proxy import TcpProxy


def test_terminated_backend_is_replaced(shop: Shop) -> None:
    target = f"/api/products/{shop.add_product('Tall Mug')}"
    assert shop.get(target).status == 200

    shop.sql(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'sluice_app'"
    )

    assert shop.get(target).status == 200


def test_refused_connection_is_503_with_retry_after(shop: Shop, proxy: TcpProxy) -> None:
    proxy.close()

    response = shop.get("/api/products/1")

    assert (response.status, response.code) == (503, "database_unavailable")
    assert int(response.headers["Retry-After"]) >= 1


def test_silent_database_ends_at_the_socket_timeout(shop: Shop, proxy: TcpProxy) -> None:
    target = f"/api/products/{shop.add_product('Tall Mug')}"
    assert shop.get(target).status == 200

    proxy.drop_data()
    silent = shop.get(target)
    proxy.drop_data(False)

    assert silent.status in (503, 504)
    assert shop.get(target).status == 200


def test_exhausted_pool_is_503_within_two_seconds(shop: Shop) -> None:
    database = runtime.current().database
    with database.transaction() as first, database.transaction() as second:
        first.read(Query("SELECT 1")), second.read(Query("SELECT 1"))
        began = time.monotonic()
        response = shop.get("/api/products")
        seconds = time.monotonic() - began
    assert (response.status, response.code) == (503, "pool_exhausted")
    assert int(response.headers["Retry-After"]) >= 1
    assert seconds < 2
    assert shop.get("/api/products").status == 200


def open_circuit(shop: Shop, proxy: TcpProxy) -> None:
    proxy.close()
    assert shop.get("/api/users").code == "database_unavailable"
    assert shop.get("/api/users").code == "circuit_open"


def test_open_circuit_serves_the_stale_response(shop: Shop, proxy: TcpProxy) -> None:
    first = shop.add_product("Tall Mug")
    second = shop.add_product("Small Mug")
    fresh = shop.get(f"/api/products/{first}")
    with_fields = shop.get(f"/api/products/{first}?fields=name")
    category = f"/api/categories/{shop.sql('SELECT id FROM categories')[0][0]}"
    shop.get(category)

    open_circuit(shop, proxy)
    stale = shop.get(f"/api/products/{first}")

    expected = (200, fresh.text, fresh.headers["ETag"])
    assert (stale.status, stale.text, stale.headers["ETag"]) == expected
    assert (stale.headers["Age"], stale.headers["Warning"]) == ("0", '110 - "Response is Stale"')
    assert shop.get(f"/api/products/{first}?fields=name").text == with_fields.text
    head = shop.call("HEAD", f"/api/products/{first}")
    assert head.headers["Warning"] == stale.headers["Warning"]
    assert shop.get(category).headers["Warning"].startswith("110")
    for not_cached in (
        f"/api/products/{second}",
        f"/api/products/{first}?fields=price",
        "/api/products",
        "/api/orders/1",
    ):
        assert shop.get(not_cached).code == "circuit_open"
    assert shop.patch(f"/api/products/{first}", {"price": "1.00"}).code == "circuit_open"
    assert shop.get(f"/api/products/{first}", x_api_key="unknown-key").status == 401
    assert "Warning" not in fresh.headers


def test_stale_responses_can_be_disabled(shop: Shop, proxy: TcpProxy) -> None:
    target = f"/api/products/{shop.add_product('Tall Mug')}"
    current = runtime.current()
    runtime.set_current(
        runtime.Runtime(replace(current.settings, stale_if_error_seconds=0), current.database)
    )
    assert shop.get(target).status == 200
    open_circuit(shop, proxy)
    assert shop.get(target).code == "circuit_open"


def test_outage_fails_readiness_but_not_liveness(shop: Shop, proxy: TcpProxy) -> None:
    proxy.close()

    unready = shop.get("/health/ready")
    assert (unready.status, unready.code) == (503, "database_unavailable")
    assert unready.json["breaker"]["state"] == "open"
    assert shop.get("/health/ready").code == "circuit_open"
    assert shop.get("/health").status == 200

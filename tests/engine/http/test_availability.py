"""Responses during an outage of the database, and right after it."""

import time

from sluice import runtime
from sluice.query import Query
from testing.tcp_proxy import TcpProxy
from tests.fixtures.sample import Library


def test_terminated_backend_is_replaced(library: Library) -> None:
    target = f"/api/books/{library.add_book('Tall Mug')}"
    assert library.get(target).status == 200

    library.sql(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'sluice_app'"
    )

    assert library.get(target).status == 200


def test_refused_connection_is_503_with_retry_after(library: Library, proxy: TcpProxy) -> None:
    proxy.close()

    response = library.get("/api/books/1")

    assert (response.status, response.code) == (503, "database_unavailable")
    assert int(response.headers["Retry-After"]) >= 1


def test_silent_database_ends_at_the_socket_timeout(library: Library, proxy: TcpProxy) -> None:
    target = f"/api/books/{library.add_book('Tall Mug')}"
    assert library.get(target).status == 200

    proxy.drop_data()
    silent = library.get(target)
    proxy.drop_data(False)

    assert silent.status in (503, 504)
    assert library.get(target).status == 200


def test_exhausted_pool_is_503_within_two_seconds(library: Library) -> None:
    database = runtime.current().database
    with database.transaction() as first, database.transaction() as second:
        first.read(Query("SELECT 1")), second.read(Query("SELECT 1"))
        began = time.monotonic()
        response = library.get("/api/books")
        seconds = time.monotonic() - began
    assert (response.status, response.code) == (503, "pool_exhausted")
    assert int(response.headers["Retry-After"]) >= 1
    assert seconds < 2
    assert library.get("/api/books").status == 200


def open_circuit(library: Library, proxy: TcpProxy) -> None:
    proxy.close()
    assert library.get("/api/readers").code == "database_unavailable"
    assert library.get("/api/readers").code == "circuit_open"


def test_open_circuit_serves_the_stale_response(library: Library, proxy: TcpProxy) -> None:
    first = library.add_book("Tall Mug")
    second = library.add_book("Small Mug")
    fresh = library.get(f"/api/books/{first}")
    with_fields = library.get(f"/api/books/{first}?fields=name")
    shelf = f"/api/shelves/{library.sql('SELECT id FROM shelves')[0][0]}"
    library.get(shelf)

    open_circuit(library, proxy)
    stale = library.get(f"/api/books/{first}")

    expected = (200, fresh.text, fresh.headers["ETag"])
    assert (stale.status, stale.text, stale.headers["ETag"]) == expected
    assert (stale.headers["Age"], stale.headers["Warning"]) == ("0", '110 - "Response is Stale"')
    assert library.get(f"/api/books/{first}?fields=name").text == with_fields.text
    head = library.call("HEAD", f"/api/books/{first}")
    assert head.headers["Warning"] == stale.headers["Warning"]
    assert library.get(shelf).headers["Warning"].startswith("110")
    for not_cached in (
        f"/api/books/{second}",
        f"/api/books/{first}?fields=price",
        "/api/books",
        "/api/readers/1",
    ):
        assert library.get(not_cached).code == "circuit_open"
    assert library.patch(f"/api/books/{first}", {"price": "1.00"}).code == "circuit_open"
    assert library.get(f"/api/books/{first}", x_api_key="unknown-key").status == 401
    assert "Warning" not in fresh.headers


def test_stale_responses_can_be_disabled(library: Library, proxy: TcpProxy) -> None:
    target = f"/api/books/{library.add_book('Tall Mug')}"
    current = runtime.current()
    runtime.set_current(
        runtime.Runtime(current.settings._replace(stale_if_error_seconds=0), current.database)
    )
    assert library.get(target).status == 200
    open_circuit(library, proxy)
    assert library.get(target).code == "circuit_open"


def test_outage_fails_readiness_but_not_liveness(library: Library, proxy: TcpProxy) -> None:
    proxy.close()

    unready = library.get("/health/ready")
    assert (unready.status, unready.code) == (503, "database_unavailable")
    assert unready.json["breaker"]["state"] == "open"
    assert library.get("/health/ready").code == "circuit_open"
    assert library.get("/health").status == 200

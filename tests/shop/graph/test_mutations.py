"""Mutations: each one, and the transaction of all mutations of a request."""

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from local.api_keys import SCOPES
from sluice import runtime
from sluice.errors import IdempotencyInProgress, SluiceError
from sluice.graph.handler import handle_request
from sluice.graph.request import BODY
from sluice.http import idempotency
from sluice.http.request import Request
from sluice.sql.idempotency import CLAIM_KEY_SQL
from tests.fixtures.client import ApiResponse
from tests.fixtures.concurrency import run_concurrently
from tests.fixtures.database import owner_connection
from tests.fixtures.graph import data, error_codes
from tests.fixtures.shop import Shop

UPDATE_PRODUCT = """
    mutation ($id: ID!, $input: UpdateProductInput!, $version: Int) {
      updateProduct(id: $id, input: $input, ifVersion: $version) { version }
    }
"""
PLACE_ORDER = """
    mutation ($input: PlaceOrderInput!) {
      placeOrder(input: $input) {
        id status total user { name } items { quantity unitPrice product { name inventory } }
      }
    }
"""
UPDATE_STATUS = """
    mutation ($id: ID!, $status: OrderStatus!) {
      updateOrderStatus(id: $id, status: $status) { status }
    }
"""
DELETE_PRODUCT = "mutation { deleteProduct(id: 1) }"


def count(shop: Shop, table: str) -> int:
    return int(shop.sql(f"SELECT count(*) FROM {table}")[0][0])


def codes_without_data(response: ApiResponse) -> list[str]:
    assert response.json["data"] is None, response.text
    return error_codes(response)


def test_stock_does_not_change_the_version(shop: Shop) -> None:
    mug = shop.add_product("Mug")
    shop.sql("UPDATE inventory SET quantity = 77")  # which changes the product's ETag

    variables = {"id": mug, "input": {"name": "Cup"}, "version": 1}

    assert data(shop, UPDATE_PRODUCT, variables)["updateProduct"]["version"] == 2


def test_ordered_product_cannot_be_deleted(shop: Shop) -> None:
    mug, bowl = shop.add_product("Mug"), shop.add_product("Bowl")
    shop.add_order(shop.add_user(), (mug, 1))
    delete = "mutation ($id: ID!) { deleteProduct(id: $id) }"

    assert data(shop, delete, {"id": bowl}) == {"deleteProduct": True}
    assert codes_without_data(shop.graphql(delete, {"id": mug})) == ["still_referenced"]


def test_order_is_placed_and_cancelled(shop: Shop) -> None:
    mug, ada = shop.add_product("Mug", price="2.50", stock=5), shop.add_user()
    lines = [{"productId": mug, "quantity": 1}, {"productId": str(mug), "quantity": 1}]

    order = data(shop, PLACE_ORDER, {"input": {"userId": ada, "items": lines}})["placeOrder"]

    assert order == {
        "id": order["id"],
        "status": "PENDING",
        "total": "5.00",
        "user": {"name": "Ada"},
        "items": [{"quantity": 2, "unitPrice": "2.50", "product": {"name": "Mug", "inventory": 3}}],
    }
    assert data(shop, UPDATE_STATUS, {"id": order["id"], "status": "CANCELLED"}) == {
        "updateOrderStatus": {"status": "CANCELLED"}
    }
    assert shop.get(f"/api/inventory/{mug}").json["quantity"] == 5
    paid = shop.graphql(UPDATE_STATUS, {"id": order["id"], "status": "PAID"})
    assert codes_without_data(paid) == ["invalid_transition"]
    unknown = shop.graphql(UPDATE_STATUS, {"id": 999, "status": "PAID"})
    assert codes_without_data(unknown) == ["not_found"]


@pytest.mark.parametrize(
    ("input", "code"),
    [
        ({"quantity": 6}, "out_of_stock"),
        ({"quantity": 0}, "validation_failed"),
        ({"productId": "999"}, "validation_failed"),
        ({"productId": "abc"}, "validation_failed"),
    ],
)
def test_invalid_order_is_rejected(shop: Shop, input: dict[str, Any], code: str) -> None:
    mug, ada = shop.add_product("Mug", stock=5), shop.add_user()
    items = [{"productId": mug, "quantity": 1} | input]

    def place_order(user_id: int, items: list[Any]) -> list[str]:
        variables = {"input": {"userId": user_id, "items": items}}
        return codes_without_data(shop.graphql(PLACE_ORDER, variables))

    assert place_order(ada, items) == [code]
    assert place_order(99, items) in (["validation_failed"], [code])
    assert place_order(ada, []) == ["validation_failed"]
    assert (count(shop, "orders"), shop.get(f"/api/inventory/{mug}").json["quantity"]) == (0, 5)


def test_mutations_run_in_order(shop: Shop) -> None:
    mugs = shop.add_category("mugs")

    response = data(
        shop,
        """mutation ($mugs: ID!) {
             first: createProduct(input: {name: "A", price: 1, categoryId: $mugs}) { name }
             second: createProduct(input: {name: "B", price: 1, categoryId: $mugs}) {
               category { products { name } }
             }
             __typename
           }""",
        {"mugs": mugs},
    )

    assert response == {
        "first": {"name": "A"},
        "second": {"category": {"products": [{"name": "A"}, {"name": "B"}]}},
        "__typename": "Mutation",
    }


def test_concurrent_requests_with_one_key_order_once(shop: Shop) -> None:
    """Each request has its own Runtime, and is repeated while the first is in progress."""
    mug, ada = shop.add_product("Mug", stock=50), shop.add_user()
    body = {
        "query": PLACE_ORDER,
        "variables": {"input": {"userId": ada, "items": [{"productId": mug, "quantity": 1}]}},
    }
    graphql_request = BODY.read_body(body, "POST")
    request = Request(
        "POST",
        "/api/graphql",
        {},
        {"idempotency-key": "k"},
        json.dumps(body).encode(),
        client_id="c",
        scopes=SCOPES,
        id="r",
    )
    runtimes = [runtime.build(runtime.current().settings) for _ in range(6)]

    def order(customer: int) -> str:
        response = handle_request(runtimes[customer], request, graphql_request, raise_error)
        return str(response.body)

    answers = run_concurrently(6, lambda customer: retry_while_in_progress(lambda: order(customer)))
    for other_runtime in runtimes:
        other_runtime.database.dispose()

    assert len(set(answers)) == 1
    assert json.loads(answers[0])["data"]["placeOrder"]["items"][0]["product"]["inventory"] == 49
    assert (count(shop, "orders"), shop.get(f"/api/inventory/{mug}").json["quantity"]) == (1, 49)


def retry_while_in_progress(send: Callable[[], str]) -> str:
    while True:
        try:
            return send()
        except IdempotencyInProgress:
            continue


def raise_error(error: Exception) -> SluiceError:
    raise error


def test_failed_request_does_not_use_up_its_key(shop: Shop) -> None:
    mug, ada = shop.add_product("Mug", stock=0), shop.add_user()
    variables = {"input": {"userId": ada, "items": [{"productId": mug, "quantity": 1}]}}
    assert codes_without_data(shop.graphql(PLACE_ORDER, variables, idempotency_key="k")) == [
        "out_of_stock"
    ]
    assert count(shop, "sluice.idempotency_keys") == 0
    shop.sql("UPDATE inventory SET quantity = 1")

    assert shop.graphql(PLACE_ORDER, variables, idempotency_key="k").json["data"]


def test_query_ignores_idempotency_key(shop: Shop) -> None:
    assert "Idempotency-Replayed" not in shop.graphql("{ __typename }", idempotency_key="q").headers
    assert count(shop, "sluice.idempotency_keys") == 0
    for invalid_key in ("k" * 256, ""):
        response = shop.graphql(DELETE_PRODUCT, idempotency_key=invalid_key)
        assert error_codes(response) == ["invalid_request"]


def test_key_of_running_request_is_in_progress(shop: Shop) -> None:
    """This test holds the lock that a running request would hold."""
    mug = shop.add_product("Mug")
    key = idempotency.read_key(
        Request("POST", "/api/graphql", {}, {"idempotency-key": "k"}, b"", client_id="admin")
    )
    assert key is not None
    with closing(owner_connection(shop.url)) as other:
        other.run("BEGIN")
        other.run(CLAIM_KEY_SQL, key=key.id)
        running = shop.graphql(
            "mutation ($id: ID!) { deleteProduct(id: $id) }", {"id": mug}, idempotency_key="k"
        )
    assert (running.status, running.code) == (409, "idempotency_in_progress")
    assert count(shop, "products") == 1

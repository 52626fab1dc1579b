"""Mutations: what each does, and that a request's are kept together or not at all."""

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from sluice import runtime
from sluice.errors import IdempotencyInProgress, SluiceError
from sluice.graph.handler import handle_request
from sluice.graph.request import BODY
from sluice.http import idempotency
from sluice.http.request import Request
from sluice.identity.authenticator import SCOPES
from sluice.repositories.idempotency import CLAIM_KEY_SQL
from tests.fixtures.concurrent_orders import run_concurrently
from tests.fixtures.graph import data, error_codes
from tests.fixtures.shop import ApiResponse, Shop, owner_connection

CREATE = """mutation ($input: CreateProductInput!) {
    createProduct(input: $input) { id name price inventory category { slug } } }"""
UPDATE = """mutation ($id: ID!, $input: UpdateProductInput!, $version: Int) {
    updateProduct(id: $id, input: $input, ifVersion: $version) { name description price version category { slug } } }"""
PLACE = """mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) {
    id status total user { name } items { quantity unitPrice product { name inventory } } } }"""


def count(shop: Shop, table: str) -> int:
    return int(shop.sql(f"SELECT count(*) FROM {table}")[0][0])


def refused(answer: ApiResponse) -> list[str]:
    assert answer.json["data"] is None, answer.text
    return error_codes(answer)


def test_a_product_is_created(shop: Shop) -> None:
    mugs = shop.add_category("mugs")

    made = data(
        shop,
        CREATE,
        {"input": {"name": " Mug ", "price": 12.5, "categoryId": mugs, "inventory": 3}},
    )

    made = made["createProduct"]
    assert (made["name"], made["price"], made["inventory"], made["category"]) == (
        "Mug",
        "12.50",
        3,
        {"slug": "mugs"},
    )
    assert shop.get(f"/api/products/{made['id']}").json["description"] is None


@pytest.mark.parametrize(
    ("wrong", "faults"),
    [
        ({"name": " "}, {"/name": "too_short"}),
        ({"price": "-1"}, {"/price": "out_of_range"}),
        ({"price": 1.999}, {"/price": "invalid"}),
        ({"inventory": -1}, {"/inventory": "out_of_range"}),
        (
            {"name": "x" * 201, "price": "99999999999"},
            {"/name": "too_long", "/price": "out_of_range"},
        ),
        ({"categoryId": "12345"}, {"/category": "unknown"}),
        ({"categoryId": "abc"}, {"/category": "unknown"}),
        ({"description": "a\0b"}, {"/description": "invalid"}),
    ],
)
def test_what_rest_does_not_take_this_does_not_either(
    shop: Shop, wrong: dict[str, Any], faults: dict[str, str]
) -> None:
    mugs = shop.add_category("mugs")

    answer = shop.graphql(
        CREATE, {"input": {"name": "Mug", "price": 1, "categoryId": mugs} | wrong}
    )

    assert refused(answer) == ["validation_failed"]
    problem = answer.json["errors"][0]["extensions"]["problem"]
    assert {fault["pointer"]: fault["code"] for fault in problem["errors"]} == faults
    assert answer.json["errors"][0]["path"] == ["createProduct"]
    assert count(shop, "products") == 0


def test_a_product_is_updated_in_what_is_given(shop: Shop) -> None:
    mug, bowls = shop.add_product("Mug"), shop.add_category("bowls")
    shop.sql("UPDATE products SET description = 'Warm'")

    def update(input: dict[str, Any], version: int | None = None) -> Any:
        return data(shop, UPDATE, {"id": mug, "input": input, "version": version})["updateProduct"]

    assert update({"price": "3"}) == {
        "name": "Mug", "description": "Warm", "price": "3.00", "version": 3, "category": {"slug": "mugs"},
    }  # fmt: skip
    assert update({"description": None, "categoryId": str(bowls)}, 3)["description"] is None
    assert update({}) == update({}, 4)
    assert update({}, 4)["category"] == {"slug": "bowls"}
    assert refused(shop.graphql(UPDATE, {"id": mug, "input": {"name": None}})) == [
        "validation_failed"
    ]


def test_a_version_that_is_over_is_stale(shop: Shop) -> None:
    mug = shop.add_product("Mug")
    answer = shop.graphql(UPDATE, {"id": mug, "input": {"name": "Cup"}, "version": 7})

    assert refused(answer) == ["stale_version"]
    assert shop.sql("SELECT name FROM products") == [["Mug"]]
    shop.sql(
        "UPDATE inventory SET quantity = 77"
    )  # which makes the product's ETag another, but not its own row
    assert (
        data(shop, UPDATE, {"id": mug, "input": {"name": "Cup"}, "version": 1})["updateProduct"][
            "version"
        ]
        == 2
    )


def test_what_is_not_there_is_no_error(shop: Shop) -> None:
    shop.add_product("Mug")
    answer = data(
        shop,
        'mutation { updateProduct(id: "x", input: {name: "Y"}) { id } deleteProduct(id: 12345) }',
    )

    assert answer == {"updateProduct": None, "deleteProduct": False}


def test_a_product_is_deleted_unless_an_order_holds_it(shop: Shop) -> None:
    mug, bowl = shop.add_product("Mug"), shop.add_product("Bowl")
    shop.add_order(shop.add_user(), (mug, 1))
    delete = "mutation ($id: ID!) { deleteProduct(id: $id) }"

    assert data(shop, delete, {"id": bowl}) == {"deleteProduct": True}
    assert refused(shop.graphql(delete, {"id": mug})) == ["still_referenced"]


def test_an_order_is_placed_and_moved(shop: Shop) -> None:
    mug, ada = shop.add_product("Mug", price="2.50", stock=5), shop.add_user()
    lines = [{"productId": mug, "quantity": 1}, {"productId": str(mug), "quantity": 1}]

    order = data(shop, PLACE, {"input": {"userId": ada, "items": lines}})["placeOrder"]

    assert order == {
        "id": order["id"], "status": "PENDING", "total": "5.00", "user": {"name": "Ada"},
        "items": [{"quantity": 2, "unitPrice": "2.50", "product": {"name": "Mug", "inventory": 3}}],
    }  # fmt: skip
    move = "mutation ($id: ID!, $status: OrderStatus!) { updateOrderStatus(id: $id, status: $status) { status } }"
    assert data(shop, move, {"id": order["id"], "status": "CANCELLED"}) == {
        "updateOrderStatus": {"status": "CANCELLED"}
    }
    assert shop.get(f"/api/inventory/{mug}").json["quantity"] == 5
    assert refused(shop.graphql(move, {"id": order["id"], "status": "PAID"})) == [
        "invalid_transition"
    ]
    assert refused(shop.graphql(move, {"id": 999, "status": "PAID"})) == ["not_found"]


@pytest.mark.parametrize(
    ("input", "code"),
    [
        ({"quantity": 6}, "out_of_stock"),
        ({"quantity": 0}, "validation_failed"),
        ({"productId": "999"}, "validation_failed"),
        ({"productId": "abc"}, "validation_failed"),
    ],
)
def test_an_order_that_cannot_be_is_refused(shop: Shop, input: dict[str, Any], code: str) -> None:
    mug, ada = shop.add_product("Mug", stock=5), shop.add_user()
    items = [{"productId": mug, "quantity": 1} | input]

    assert refused(shop.graphql(PLACE, {"input": {"userId": ada, "items": items}})) == [code]
    assert refused(shop.graphql(PLACE, {"input": {"userId": 99, "items": items}})) in (
        ["validation_failed"],
        [code],
    )
    assert refused(shop.graphql(PLACE, {"input": {"userId": ada, "items": []}})) == [
        "validation_failed"
    ]
    assert (count(shop, "orders"), shop.get(f"/api/inventory/{mug}").json["quantity"]) == (0, 5)


def test_all_of_a_request_are_kept_in_their_order(shop: Shop) -> None:
    mugs = shop.add_category("mugs")

    answer = data(
        shop,
        """mutation ($mugs: ID!) {
             first: createProduct(input: {name: "A", price: 1, categoryId: $mugs}) { name }
             second: createProduct(input: {name: "B", price: 1, categoryId: $mugs}) { category { products { name } } }
             __typename
           }""",
        {"mugs": mugs},
    )

    assert answer == {
        "first": {"name": "A"},
        "second": {"category": {"products": [{"name": "A"}, {"name": "B"}]}},
        "__typename": "Mutation",
    }


@pytest.mark.parametrize(
    "failing",
    [
        'createProduct(input: {name: "A", price: 1, categoryId: $mugs}) { id }',
        "updateOrderStatus(id: 99, status: PAID) { id }",
    ],
)
def test_where_one_fails_none_is_kept_or_shown(shop: Shop, failing: str) -> None:
    mugs, mug = shop.add_category("mugs"), shop.add_product("Mug")
    query = f"""mutation ($mugs: ID!, $mug: ID!) {{
        made: createProduct(input: {{name: "A", price: 1, categoryId: $mugs}}) {{ id }}
        gone: deleteProduct(id: $mug)
        failing: {failing}
        after: createProduct(input: {{name: "Z", price: 1, categoryId: $mugs}}) {{ id }}
    }}"""

    answer = shop.graphql(query, {"mugs": mugs, "mug": mug})

    assert len(refused(answer)) == 1
    assert answer.json["errors"][0]["path"] == ["failing"]
    assert shop.sql("SELECT name FROM products") == [["Mug"]]


def test_a_key_does_it_once_and_answers_alike(shop: Shop) -> None:
    mug, ada = shop.add_product("Mug", stock=5), shop.add_user()
    variables = {"input": {"userId": ada, "items": [{"productId": mug, "quantity": 1}]}}
    first = shop.graphql(PLACE, variables, idempotency_key="k")

    again = shop.graphql(PLACE, variables, idempotency_key="k")

    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (first.status, first.text) == (again.status, again.text)
    assert (count(shop, "orders"), shop.get(f"/api/inventory/{mug}").json["quantity"]) == (1, 4)
    variables["input"]["items"][0]["quantity"] = 2
    other = shop.graphql(PLACE, variables, idempotency_key="k")
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert shop.graphql(PLACE, variables, idempotency_key="another").json["data"]


def test_a_crowd_with_one_key_orders_once(shop: Shop) -> None:
    """Each on an environment of its own; those who come while it is running are told so, and try again."""
    mug, ada = shop.add_product("Mug", stock=50), shop.add_user()
    body = {
        "query": PLACE,
        "variables": {"input": {"userId": ada, "items": [{"productId": mug, "quantity": 1}]}},
    }
    asked = BODY.read_body(body, "POST")
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
    environments = [runtime.build(runtime.current().settings) for _ in range(6)]

    def order(customer: int) -> str:
        return str(handle_request(environments[customer], request, asked, judge=unexpected).body)

    answers = run_concurrently(6, lambda customer: retry_until_answered(lambda: order(customer)))
    for environment in environments:
        environment.database.dispose()

    assert len(set(answers)) == 1
    assert json.loads(answers[0])["data"]["placeOrder"]["items"][0]["product"]["inventory"] == 49
    assert (count(shop, "orders"), shop.get(f"/api/inventory/{mug}").json["quantity"]) == (1, 49)


def retry_until_answered(send: Callable[[], str]) -> str:
    while True:
        try:
            return send()
        except IdempotencyInProgress:
            continue


def unexpected(error: Exception) -> SluiceError:
    raise error


def test_a_key_that_met_a_refusal_is_free(shop: Shop) -> None:
    mug, ada = shop.add_product("Mug", stock=0), shop.add_user()
    variables = {"input": {"userId": ada, "items": [{"productId": mug, "quantity": 1}]}}
    assert refused(shop.graphql(PLACE, variables, idempotency_key="k")) == ["out_of_stock"]
    assert count(shop, "sluice.idempotency_keys") == 0
    shop.sql("UPDATE inventory SET quantity = 1")

    assert shop.graphql(PLACE, variables, idempotency_key="k").json["data"]


def test_a_key_means_nothing_to_a_query_and_must_be_one(shop: Shop) -> None:
    assert "Idempotency-Replayed" not in shop.graphql("{ __typename }", idempotency_key="q").headers
    assert count(shop, "sluice.idempotency_keys") == 0
    assert error_codes(
        shop.graphql("mutation { deleteProduct(id: 1) }", idempotency_key="k" * 256)
    ) == ["invalid_request"]
    assert error_codes(shop.graphql("mutation { deleteProduct(id: 1) }", idempotency_key="")) == [
        "invalid_request"
    ]


def test_a_key_of_a_running_request_is_in_progress(shop: Shop) -> None:
    """The lock that a first request holds is held here by hand."""
    mug = shop.add_product("Mug")
    key = idempotency.read(
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

"""Who may see and do what: a field needs the scope of what it leads to, a mutation that of what it writes."""

import pytest

from tests.fixtures.aws import Store
from tests.fixtures.graph import codes, data
from tests.fixtures.shop import Shop
from tests.fixtures.tcp_proxy import TcpProxy

FIELDS = {
    "catalog:read": [
        "products { totalCount }",
        "product(id: 1) { id }",
        "categories { id }",
        "category(id: 1) { id }",
    ],
    "orders:read": ["orders { totalCount }", "order(id: 1) { id }"],
    "users:read": ["user(id: 1) { id }"],
    "analytics:read": ['salesAnalytics(startDate: "2026-01-01", endDate: "2026-01-01") { day }'],
}
MUTATIONS = {
    "catalog:write": [
        'createProduct(input: {name: "A", price: 1, categoryId: 1}) { id }',
        "updateProduct(id: 1, input: {}) { id }",
        "deleteProduct(id: 1)",
    ],
    "orders:write": [
        "placeOrder(input: {userId: 1, items: []}) { id }",
        "updateOrderStatus(id: 1, status: PAID) { id }",
    ],
}
EACH = [(scope, field) for scope, fields in FIELDS.items() for field in fields]
ALL = (
    "catalog:read",
    "catalog:write",
    "orders:read",
    "orders:write",
    "users:read",
    "analytics:read",
)


@pytest.mark.parametrize(("scope", "field"), EACH)
def test_a_field_needs_the_scope_of_what_it_leads_to(
    shop: Shop, store: Store, proxy: TcpProxy, scope: str, field: str
) -> None:
    has = store(f"graph {scope}", scope)
    lacks = store(f"graph not {scope}", *[other for other in ALL if other != scope])
    assert "errors" not in shop.graphql(f"{{ {field} }}", x_api_key=has).json
    before = proxy.round_trips

    answer = shop.graphql(f"{{ {field} }}", x_api_key=lacks)

    assert proxy.round_trips == before
    assert (answer.status, codes(answer)) == (200, ["insufficient_scope"])
    assert answer.json["errors"][0]["message"] == f"This needs the scope {scope}"


@pytest.mark.parametrize(
    ("scope", "field"), [(scope, field) for scope, fields in MUTATIONS.items() for field in fields]
)
def test_a_mutation_needs_to_write(
    shop: Shop, store: Store, proxy: TcpProxy, scope: str, field: str
) -> None:
    has = store(f"graph {scope}", scope)
    lacks = store(f"graph not {scope}", *[other for other in ALL if other != scope])

    assert "insufficient_scope" not in shop.graphql(f"mutation {{ {field} }}", x_api_key=has).text
    before = proxy.round_trips
    answer = shop.graphql(f"mutation {{ deleteProduct(id: 99) a: {field} }}", x_api_key=lacks)

    assert proxy.round_trips == before
    assert (answer.json["data"], set(codes(answer))) == (None, {"insufficient_scope"})


def test_what_leads_elsewhere_needs_that_too(shop: Shop, store: Store) -> None:
    mug, ada = shop.product("Mug"), shop.user()
    order = shop.order(ada, (mug, 1))
    clerk = store("clerk", "orders:read", "orders:write")
    query = f"{{ order(id: {order}) {{ id user {{ name }} items {{ product {{ name }} }} }} }}"

    answer = shop.graphql(query, x_api_key=clerk)

    assert answer.json["data"] == {"order": None}
    assert [error["path"] for error in answer.json["errors"]] == [
        ["order", "user"],
        ["order", "items", 0, "product"],
    ]
    assert data(shop, f"{{ order(id: {order}) {{ id }} }}", x_api_key=clerk) == {
        "order": {"id": str(order)}
    }


def test_what_cannot_be_shown_is_not_done(shop: Shop, store: Store) -> None:
    mug, ada = shop.product("Mug"), shop.user()
    clerk = store("clerk", "orders:read", "orders:write")
    place = f"placeOrder(input: {{userId: {ada}, items: [{{productId: {mug}, quantity: 1}}]}})"

    answer = shop.graphql(f"mutation {{ {place} {{ id user {{ name }} }} }}", x_api_key=clerk)

    assert (answer.json["data"], codes(answer)) == (None, ["insufficient_scope"])
    assert shop.sql("SELECT count(*) FROM orders") == [[0]]
    assert data(shop, f"mutation {{ {place} {{ status }} }}", x_api_key=clerk) == {
        "placeOrder": {"status": "PENDING"}
    }


def test_who_may_do_nothing_here_may_ask_what_there_is(shop: Shop, store: Store) -> None:
    assert data(shop, "{ __typename }", x_api_key=store("importer", "imports:read")) == {
        "__typename": "Query"
    }

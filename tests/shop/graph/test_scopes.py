"""A field needs the scope of the type it returns, a mutation that of what it writes."""

import pytest

from tests.fixtures.aws import AddApiKey
from tests.fixtures.graph import data, error_codes
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
SCOPED_FIELDS = [(scope, field) for scope, fields in FIELDS.items() for field in fields]
ALL_SCOPES = (
    "catalog:read",
    "catalog:write",
    "orders:read",
    "orders:write",
    "users:read",
    "analytics:read",
)


@pytest.mark.parametrize(("scope", "field"), SCOPED_FIELDS)
def test_field_needs_scope_of_its_type(
    shop: Shop, add_api_key: AddApiKey, proxy: TcpProxy, scope: str, field: str
) -> None:
    has = add_api_key(f"graph {scope}", scope)
    lacks = add_api_key(f"graph not {scope}", *[other for other in ALL_SCOPES if other != scope])
    assert "errors" not in shop.graphql(f"{{ {field} }}", x_api_key=has).json
    before = proxy.round_trips

    response = shop.graphql(f"{{ {field} }}", x_api_key=lacks)

    assert proxy.round_trips == before
    assert (response.status, error_codes(response)) == (200, ["insufficient_scope"])
    assert response.json["errors"][0]["message"] == f"This needs the scope {scope}"


@pytest.mark.parametrize(
    ("scope", "field"), [(scope, field) for scope, fields in MUTATIONS.items() for field in fields]
)
def test_mutation_needs_write_scope(
    shop: Shop, add_api_key: AddApiKey, proxy: TcpProxy, scope: str, field: str
) -> None:
    has = add_api_key(f"graph {scope}", scope)
    lacks = add_api_key(f"graph not {scope}", *[other for other in ALL_SCOPES if other != scope])

    assert "insufficient_scope" not in shop.graphql(f"mutation {{ {field} }}", x_api_key=has).text
    before = proxy.round_trips
    response = shop.graphql(f"mutation {{ deleteProduct(id: 99) a: {field} }}", x_api_key=lacks)

    assert proxy.round_trips == before
    assert (response.json["data"], set(error_codes(response))) == (None, {"insufficient_scope"})


def test_nested_field_needs_its_scope(shop: Shop, add_api_key: AddApiKey) -> None:
    mug, ada = shop.add_product("Mug"), shop.add_user()
    order = shop.add_order(ada, (mug, 1))
    clerk = add_api_key("clerk", "orders:read", "orders:write")
    query = f"{{ order(id: {order}) {{ id user {{ name }} items {{ product {{ name }} }} }} }}"

    response = shop.graphql(query, x_api_key=clerk)

    assert response.json["data"] == {"order": None}
    assert [error["path"] for error in response.json["errors"]] == [
        ["order", "user"],
        ["order", "items", 0, "product"],
    ]
    assert data(shop, f"{{ order(id: {order}) {{ id }} }}", x_api_key=clerk) == {
        "order": {"id": str(order)}
    }


def test_mutation_with_unreadable_result_does_not_run(shop: Shop, add_api_key: AddApiKey) -> None:
    mug, ada = shop.add_product("Mug"), shop.add_user()
    clerk = add_api_key("clerk", "orders:read", "orders:write")
    place = f"placeOrder(input: {{userId: {ada}, items: [{{productId: {mug}, quantity: 1}}]}})"

    response = shop.graphql(f"mutation {{ {place} {{ id user {{ name }} }} }}", x_api_key=clerk)

    assert (response.json["data"], error_codes(response)) == (None, ["insufficient_scope"])
    assert shop.sql("SELECT count(*) FROM orders") == [[0]]
    assert data(shop, f"mutation {{ {place} {{ status }} }}", x_api_key=clerk) == {
        "placeOrder": {"status": "PENDING"}
    }


def test_typename_needs_no_scope(shop: Shop, add_api_key: AddApiKey) -> None:
    assert data(shop, "{ __typename }", x_api_key=add_api_key("importer", "imports:read")) == {
        "__typename": "Query"
    }

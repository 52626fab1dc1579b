"""The scopes of an order's items, and of what a mutation returns."""

from tests.fixtures.aws import AddApiKey
from tests.fixtures.graph import data, error_codes
from tests.fixtures.shop import Shop


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

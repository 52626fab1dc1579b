"""Queries return the data of the database."""

from typing import Any

import pytest

from tests.fixtures.graph import data, error_codes
from tests.fixtures.shop import Shop


def test_product_has_all_fields(shop: Shop) -> None:
    mug = shop.add_product("Mug", price="12.50", stock=3)

    found = data(
        shop,
        """query ($id: ID!) {
             product(id: $id) {
               __typename id name description price inventory version createdAt updatedAt
               category { id name slug }
             }
           }""",
        {"id": mug},
    )["product"]

    rest = shop.get(f"/api/products/{mug}").json
    assert found == {
        "__typename": "Product",
        "id": str(mug),
        "name": "Mug",
        "description": None,
        "price": "12.50",
        "inventory": 3,
        "version": 1,
        "createdAt": rest["created_at"],
        "updatedAt": rest["updated_at"],
        "category": {
            "id": str(shop.sql("SELECT id FROM categories")[0][0]),
            "name": "mugs",
            "slug": "mugs",
        },
    }


def test_order_has_items_and_user(shop: Shop) -> None:
    mug, bowl, ada = (
        shop.add_product("Mug"),
        shop.add_product("Bowl", category="bowls"),
        shop.add_user(),
    )
    order = shop.add_order(ada, (mug, 2), (bowl, 1), status="paid")

    found = data(
        shop,
        """query ($id: ID!) { order(id: $id) {
             id status total
             items { quantity unitPrice product { name category { slug } } }
             user { email orders(first: 1) { totalCount nodes { id user { name } } } }
           } }""",
        {"id": order},
    )["order"]

    assert (found["id"], found["status"], found["total"]) == (str(order), "PAID", "3.00")
    assert found["items"] == [
        {
            "quantity": 2,
            "unitPrice": "1.00",
            "product": {"name": "Mug", "category": {"slug": "mugs"}},
        },
        {
            "quantity": 1,
            "unitPrice": "1.00",
            "product": {"name": "Bowl", "category": {"slug": "bowls"}},
        },
    ]
    assert found["user"] == {
        "email": "ada@example.com",
        "orders": {"totalCount": 1, "nodes": [{"id": str(order), "user": {"name": "Ada"}}]},
    }


def test_categories_have_their_products(shop: Shop) -> None:
    for name, category in (("A", "mugs"), ("B", "bowls"), ("C", "mugs"), ("D", "mugs")):
        shop.add_product(name, category=category)
    shop.add_category("empty")

    found = data(
        shop,
        """{ categories {
             slug
             products(first: 2) { name }
             last: productsConnection(last: 1) {
               nodes { name } pageInfo { hasNextPage hasPreviousPage } totalCount
             }
           } }""",
    )["categories"]

    assert {
        category["slug"]: [product["name"] for product in category["products"]]
        for category in found
    } == {
        "mugs": ["A", "C"],
        "bowls": ["B"],
        "empty": [],
    }
    assert {
        category["slug"]: (category["last"]["nodes"], category["last"]["totalCount"])
        for category in found
    } == {
        "mugs": ([{"name": "D"}], 3),
        "bowls": ([{"name": "B"}], 1),
        "empty": ([], 0),
    }
    assert [category["last"]["pageInfo"]["hasPreviousPage"] for category in found] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "id", ["0", "999999999999", "99999999999999999999", "-1", "abc", "", "1 OR 1=1", "\\u0000"]
)
def test_unknown_id_is_null(shop: Shop, id: str) -> None:
    found = data(
        shop,
        f'{{ product(id: "{id}") {{ id }} order(id: "{id}") {{ id }} user(id: "{id}") {{ id }} }}',
    )

    assert found == {"product": None, "order": None, "user": None}
    assert data(shop, f'{{ category(id: "{id}") {{ id }} }}') == {"category": None}
    assert data(shop, f'{{ category(slug: "{id}") {{ id }} }}') == {"category": None}


@pytest.mark.parametrize("arguments", ["", '(id: 1, slug: "mugs")', "(id: null)"])
def test_category_needs_exactly_one_argument(shop: Shop, arguments: str) -> None:
    response = shop.graphql(f"{{ category{arguments} {{ id }} }}")

    assert (response.status, response.json["data"], error_codes(response)) == (
        200,
        {"category": None},
        ["invalid_parameter"],
    )


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({}, "ABCD"),
        ({"priceMin": "2"}, "BCD"),
        ({"priceMin": 2, "priceMax": 3.00}, "BC"),
        ({"search": "d RED"}, "D"),
        ({"categoryId": "12345"}, ""),
        ({"categoryId": "nope"}, ""),
        ({"search": None, "priceMax": None}, "ABCD"),
    ],
)
def test_products_are_filtered(shop: Shop, filter: dict[str, Any], expected: str) -> None:
    for n, name in enumerate("ABCD", start=1):
        shop.add_product(name if name < "D" else "D red", price=f"{n}.00")

    query = (
        "query ($filter: ProductFilter) { products(filter: $filter) { nodes { name } totalCount } }"
    )
    found = data(shop, query, {"filter": filter})["products"]

    assert "".join(node["name"][0] for node in found["nodes"]) == expected
    assert found["totalCount"] == len(expected)


def test_orders_are_filtered(shop: Shop) -> None:
    mug, ada, bob = shop.add_product("Mug"), shop.add_user(), shop.add_user("bob@example.com")
    ids = [
        str(shop.add_order(user, (mug, 1), status=status))
        for user in (ada, bob)
        for status in ("paid", "pending")
    ]

    def orders(arguments: str) -> list[str]:
        page = data(shop, f"{{ orders{arguments} {{ nodes {{ id }} }} }}")["orders"]
        return [node["id"] for node in page["nodes"]]

    assert orders("") == ids
    assert orders(f"(userId: {bob})") == ids[2:]
    assert orders("(status: PAID)") == [ids[0], ids[2]]
    assert orders(f"(userId: {ada}, status: PENDING)") == [ids[1]]
    assert orders('(userId: "unknown")') == []


def test_sales_analytics(shop: Shop) -> None:
    shop.add_order(shop.add_user(), (shop.add_product("Mug"), 3))
    today = shop.sql("SELECT (now() AT TIME ZONE 'UTC')::date::text")[0][0]

    found = data(
        shop,
        "query ($day: Date!) { salesAnalytics(startDate: $day, endDate: $day) "
        "{ day orderCount uniqueCustomers revenue avgOrderValue } }",
        {"day": today},
    )

    day = {
        "day": today,
        "orderCount": 1,
        "uniqueCustomers": 1,
        "revenue": "3.00",
        "avgOrderValue": "3.00",
    }
    assert found["salesAnalytics"] == [day]


@pytest.mark.parametrize(
    ("start", "end"), [("2026-02-01", "2026-01-01"), ("2024-01-01", "2026-01-01")]
)
def test_invalid_period_is_rejected(shop: Shop, start: str, end: str) -> None:
    response = shop.graphql(
        f'{{ salesAnalytics(startDate: "{start}", endDate: "{end}") {{ day }} }}'
    )

    assert (response.status, response.json["data"], error_codes(response)) == (
        200,
        None,
        ["invalid_parameter"],
    )


def test_fields_have_the_order_of_the_query(shop: Shop) -> None:
    shop.add_product("Mug")

    response = shop.graphql(
        """query ($yes: Boolean = true, $no: Boolean!) {
             products {
               ...Two nodes { b: name } __typename
               ... on ProductConnection { nodes { c: name @skip(if: $yes) } }
             }
           }
           fragment Two on ProductConnection {
             nodes { a: name ...Three @include(if: $no) }
             totalCount
           }
           fragment Three on Product { d: name }""",
        {"no": False},
    )

    expected = (
        '{"data":{"products":{"nodes":[{"a":"Mug","b":"Mug"}],"totalCount":1,'
        '"__typename":"ProductConnection"}}'
    )
    assert response.text.startswith(expected), response.text

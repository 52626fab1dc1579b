"""Queries return the data of the database."""

import pytest

from tests.fixtures.graph import data, error_codes
from tests.fixtures.shop import Shop


def test_product_has_its_category(shop: Shop) -> None:
    mug = shop.add_product("Mug")
    query = "query ($id: ID!) { product(id: $id) { category { id name slug } } }"

    found = data(shop, query, {"id": mug})["product"]

    id = str(shop.sql("SELECT id FROM categories")[0][0])
    assert found["category"] == {"id": id, "name": "mugs", "slug": "mugs"}


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


@pytest.mark.parametrize("slug", ["0", "", "mugs\0", "\ud800", "1 OR 1=1"])
def test_unknown_slug_is_null(shop: Shop, slug: str) -> None:
    shop.add_category("mugs")
    query = "query ($slug: String) { category(slug: $slug) { slug } }"

    assert data(shop, query, {"slug": slug}) == {"category": None}
    assert data(shop, query, {"slug": "mugs"}) == {"category": {"slug": "mugs"}}


@pytest.mark.parametrize("arguments", ["", '(id: 1, slug: "mugs")', "(id: null)"])
def test_category_needs_exactly_one_argument(shop: Shop, arguments: str) -> None:
    response = shop.graphql(f"{{ category{arguments} {{ id }} }}")

    assert (response.status, response.json["data"], error_codes(response)) == (
        200,
        {"category": None},
        ["invalid_parameter"],
    )


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
    problem = response.json["errors"][0]["extensions"]["problem"]
    assert problem["errors"][0]["parameter"] == "endDate"

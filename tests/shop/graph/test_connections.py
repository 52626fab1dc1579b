"""Pages of any sort and filter match a model in Python, with ties and nulls."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.graph import data, error_codes
from tests.fixtures.shop import Shop

SUPPRESSED_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
FEW_EXAMPLES = settings(max_examples=12, deadline=None, suppress_health_check=SUPPRESSED_CHECKS)
MANY_EXAMPLES = settings(max_examples=250, deadline=None, suppress_health_check=SUPPRESSED_CHECKS)
MAX_PAGES = 20  # in each example: inserting its rows is the slow part

# Few different values, so ties are common.
PRODUCTS = st.lists(
    st.fixed_dictionaries(
        {
            "price": st.sampled_from(["0.00", "1.00", "2.50"]),
            "at": st.integers(0, 2),
            "description": st.sampled_from([None, "blue", "green blue"]),
            "category": st.sampled_from(["mugs", "bowls"]),
        }
    ),
    max_size=18,
)
SORT_FIELDS = ("PRICE", "NAME", "CREATED_AT")
SORTS = st.sampled_from([None, *itertools.product(SORT_FIELDS, ("ASC", "DESC"))])
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "categoryId": st.sampled_from(["mugs", "bowls"]),
        "priceMin": st.sampled_from(["0", "1", "2.5"]),
        "priceMax": st.sampled_from(["1", "2"]),
        "search": st.just("Blue"),
    },
)
PAGE = st.tuples(st.integers(0, 19), st.integers(0, 19), st.integers(1, 7), st.booleans())
LISTS = st.lists(
    st.tuples(SORTS, FILTERS, st.lists(PAGE, min_size=1, max_size=MAX_PAGES)),
    min_size=1,
    max_size=3,
)

QUERY = """
    query (
      $first: Int, $after: String, $last: Int, $before: String,
      $filter: ProductFilter, $sort: ProductSort
    ) {
      products(
        first: $first, after: $after, last: $last, before: $before, filter: $filter, sortBy: $sort
      ) {
        edges { cursor node { id } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        totalCount
      }
    }
"""
INSERT = """
    WITH given AS (
        SELECT r.*, n
        FROM jsonb_array_elements(CAST(:rows AS jsonb)) WITH ORDINALITY AS e(row, n),
            jsonb_to_record(row) AS r(price numeric, at integer, description text, category text)
    )
    INSERT INTO products (name, description, price, category_id, created_at)
    SELECT 'P ' || (n * 7) % 19, description, price, c.id,
        timestamptz '2026-01-01Z' + at * interval '1 microsecond'
    FROM given JOIN categories c ON c.slug = category ORDER BY n
    RETURNING id, name
"""
INSERT_CATEGORIES = """
    INSERT INTO categories (name, slug) VALUES ('mugs', 'mugs'), ('bowls', 'bowls')
    ON CONFLICT DO NOTHING
"""

Row = dict[str, Any]


def insert_products(shop: Shop, products: list[Row]) -> tuple[list[Row], dict[str, str]]:
    """Return the products with their ids, and the ids of the categories by slug."""
    shop.sql("DELETE FROM products")
    shop.sql(INSERT_CATEGORIES)
    inserted = shop.sql(INSERT, rows=json.dumps(products))
    rows = [
        {**product, "id": id, "name": name}
        for product, (id, name) in zip(products, inserted, strict=True)
    ]
    return rows, {slug: str(id) for slug, id in shop.sql("SELECT slug, id FROM categories")}


def expected_ids(rows: list[Row], sort: tuple[str, str] | None, filters: Row) -> list[int]:
    """Return the ids of the products that match the filters, in order."""
    matching = [row for row in rows if matches(row, filters)]
    field, direction = sort or ("ID", "ASC")
    key = {"PRICE": "price", "NAME": "name", "CREATED_AT": "at", "ID": "id"}[field]
    matching.sort(key=lambda row: (row[key], row["id"]), reverse=direction == "DESC")
    return [row["id"] for row in matching]


def matches(row: Row, filters: Row) -> bool:
    if filters.get("categoryId", row["category"]) != row["category"]:
        return False
    low, high = float(filters.get("priceMin", 0)), float(filters.get("priceMax", 9))
    if not low <= float(row["price"]) <= high:
        return False
    return "search" not in filters or bool(row["description"])


def check_lists(shop: Shop, products: list[Row], lists: list[Any]) -> None:
    rows, categories = insert_products(shop, products)
    for sort, filters, pages in lists:
        ids = expected_ids(rows, sort, filters)
        variables: Row = {"filter": dict(filters), "sort": None}
        if "categoryId" in filters:
            variables["filter"]["categoryId"] = categories[filters["categoryId"]]
        if sort:
            variables["sort"] = {"field": sort[0], "direction": sort[1]}
        edges = data(shop, QUERY, {**variables, "first": 100})["products"]["edges"]
        assert [int(edge["node"]["id"]) for edge in edges] == ids
        for start, stop, size, backward in pages:
            after, before = (index if index < len(ids) else None for index in (start, stop))
            arguments = {"last" if backward else "first": size}
            for name, index in (("after", after), ("before", before)):
                if index is not None:
                    arguments[name] = edges[index]["cursor"]
            page = data(shop, QUERY, variables | arguments)["products"]
            check_page(page, ids, edges, after, before, size, backward)


def check_page(
    page: Row,
    ids: list[int],
    edges: list[Row],
    after: int | None,
    before: int | None,
    size: int,
    backward: bool,
) -> None:
    start = 0 if after is None else after + 1
    stop = len(ids) if before is None else before
    indexes = list(range(start, stop))
    indexes = indexes[-size:] if backward else indexes[:size]
    assert page["edges"] == [edges[index] for index in indexes]
    assert page["totalCount"] == len(ids)
    assert page["pageInfo"] == {
        "hasPreviousPage": indexes[0] > 0 if indexes else after is not None,
        "hasNextPage": indexes[-1] < len(ids) - 1 if indexes else before is not None,
        "startCursor": edges[indexes[0]]["cursor"] if indexes else None,
        "endCursor": edges[indexes[-1]]["cursor"] if indexes else None,
    }


@FEW_EXAMPLES
@given(products=PRODUCTS, lists=LISTS)
def test_random_pages_match_the_model(shop: Shop, products: list[Row], lists: list[Any]) -> None:
    check_lists(shop, products, lists)


@pytest.mark.slow
@MANY_EXAMPLES
@given(
    products=PRODUCTS,
    lists=LISTS.filter(lambda lists: sum(len(pages) for _, _, pages in lists) >= 20),
)
def test_thousands_of_random_pages_match_the_model(
    shop: Shop, products: list[Row], lists: list[Any]
) -> None:
    check_lists(shop, products, lists)


@pytest.mark.parametrize(
    "arguments",
    [
        "first: 0",
        "first: 101",
        "first: -1",
        "last: 0",
        "last: 101",
        "first: 5, last: 5",
        "first: 2147483647",
    ],
)
@pytest.mark.parametrize(
    "query",
    ["{ products(%s) { totalCount } }", "{ categories { productsConnection(%s) { totalCount } } }"],
)
def test_page_size_is_1_to_100(shop: Shop, query: str, arguments: str) -> None:
    response = shop.graphql(query % arguments)

    assert (response.status, error_codes(response)) == (200, ["invalid_parameter"])
    assert "data" not in response.json


def test_last_disables_the_default_of_first(shop: Shop) -> None:
    for n in range(12):
        shop.add_product(f"P{n}")
    query = """
        query ($first: Int, $last: Int) {
          products(first: $first, last: $last) { nodes { name } }
        }
    """

    def names(variables: Row) -> list[str]:
        return [node["name"] for node in data(shop, query, variables)["products"]["nodes"]]

    assert names({"last": 2}) == ["P10", "P11"]
    assert names({"last": 2, "first": None}) == ["P10", "P11"]
    assert len(names({})) == len(names({"first": None, "last": None})) == 10
    assert error_codes(shop.graphql(query, {"first": 1, "last": 1})) == ["invalid_parameter"]
    assert len(data(shop, "{ products(last: 3) { nodes { name } } }")["products"]["nodes"]) == 3


def test_cursor_of_other_list_is_rejected(shop: Shop) -> None:
    for n in range(3):
        shop.add_product(f"P{n}", price="1.00")
    page = data(shop, "{ products(first: 1) { pageInfo { endCursor } } }")["products"]["pageInfo"]
    cursor = page["endCursor"]

    def codes_of(arguments: str) -> list[str]:
        return error_codes(shop.graphql(f"{{ products({arguments}) {{ nodes {{ id }} }} }}"))

    other_sort = f'after: "{cursor}", sortBy: {{field: PRICE, direction: ASC}}'
    assert codes_of(other_sort) == ["invalid_cursor"]
    assert codes_of(f'before: "{cursor}", filter: {{priceMin: 1}}') == ["invalid_cursor"]
    assert codes_of(f'after: "{cursor[:-1]}"') == ["invalid_cursor"]
    assert codes_of('after: "é"') == ["invalid_cursor"]
    other_list = f'{{ orders(after: "{cursor}") {{ nodes {{ id }} }} }}'
    assert error_codes(shop.graphql(other_list)) == ["invalid_cursor"]


def test_rest_cursors_are_accepted(shop: Shop) -> None:
    for n in range(4):
        shop.add_product(f"P{n}", price="1.00")
    rest = shop.get("/api/products?limit=2&sort=price:desc").json
    query = """
        query ($after: String) {
          products(first: 2, after: $after, sortBy: {field: PRICE, direction: DESC}) {
            edges { cursor node { name } }
          }
        }
    """

    edges = data(shop, query, {"after": rest["pagination"]["next_cursor"]})["products"]["edges"]

    assert [edge["node"]["name"] for edge in edges] == ["P1", "P0"]
    next_page = shop.get(f"/api/products?limit=2&sort=price:desc&cursor={edges[0]['cursor']}").json
    assert [row["name"] for row in next_page["data"]] == ["P0"]


def test_orders_of_user_are_paginated(shop: Shop) -> None:
    mug, ada = shop.add_product("Mug"), shop.add_user()
    ids = [str(shop.add_order(ada, (mug, 1))) for _ in range(3)]
    query = """
        query ($id: ID!, $after: String) {
          user(id: $id) {
            orders(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } }
          }
        }
    """

    first = data(shop, query, {"id": ada})["user"]["orders"]
    cursor = first["pageInfo"]["endCursor"]
    second = data(shop, query, {"id": ada, "after": cursor})["user"]["orders"]

    assert [node["id"] for node in first["nodes"] + second["nodes"]] == ids
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)

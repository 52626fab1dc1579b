"""Connections against an oracle: any window of any sort and filter, with ties and nulls, and its pageInfo."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.graph import data, error_codes
from tests.fixtures.shop import Shop

CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
FEW = settings(max_examples=12, deadline=None, suppress_health_check=CHECKS)
MANY = settings(max_examples=250, deadline=None, suppress_health_check=CHECKS)
WINDOWS = 20  # in each example, whose table takes longest

# Few different values, so that ties are common.
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
SORTS = st.sampled_from(
    [None, *((field, way) for field in ("PRICE", "NAME", "CREATED_AT") for way in ("ASC", "DESC"))]
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "categoryId": st.sampled_from(["mugs", "bowls"]),
        "priceMin": st.sampled_from(["0", "1", "2.5"]),
        "priceMax": st.sampled_from(["1", "2"]),
        "search": st.just("Blue"),
    },
)
WINDOW = st.tuples(st.integers(0, 19), st.integers(0, 19), st.integers(1, 7), st.booleans())
LISTS = st.lists(
    st.tuples(SORTS, FILTERS, st.lists(WINDOW, min_size=1, max_size=WINDOWS)),
    min_size=1,
    max_size=3,
)

QUERY = """
query ($first: Int, $after: String, $last: Int, $before: String, $filter: ProductFilter, $sort: ProductSort) {
  products(first: $first, after: $after, last: $last, before: $before, filter: $filter, sortBy: $sort) {
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
}
"""
INSERT = """
WITH given AS (
    SELECT r.*, n FROM jsonb_array_elements(CAST(:rows AS jsonb)) WITH ORDINALITY AS e(row, n),
        jsonb_to_record(row) AS r(price numeric, at integer, description text, category text)
)
INSERT INTO products (name, description, price, category_id, created_at)
SELECT 'P ' || (n * 7) % 19, description, price, c.id, timestamptz '2026-01-01Z' + at * interval '1 microsecond'
FROM given JOIN categories c ON c.slug = category ORDER BY n
RETURNING id, name
"""

Row = dict[str, Any]


def fill(shop: Shop, products: list[Row]) -> tuple[list[Row], dict[str, str]]:
    shop.sql("DELETE FROM products")
    shop.sql(
        "INSERT INTO categories (name, slug) VALUES ('mugs', 'mugs'), ('bowls', 'bowls') ON CONFLICT DO NOTHING"
    )
    made = shop.sql(INSERT, rows=json.dumps(products))
    rows = [{**row, "id": id, "name": name} for row, (id, name) in zip(products, made, strict=True)]
    return rows, {slug: str(id) for slug, id in shop.sql("SELECT slug, id FROM categories")}


def ordered(rows: list[Row], sort: tuple[str, str] | None, chosen: Row) -> list[int]:
    """The oracle: what the filter lets through, in order."""
    kept = [
        row
        for row in rows
        if chosen.get("categoryId", row["category"]) == row["category"]
        and float(chosen.get("priceMin", 0))
        <= float(row["price"])
        <= float(chosen.get("priceMax", 9))
        and ("search" not in chosen or row["description"])
    ]
    field, way = sort or ("ID", "ASC")
    key = {"PRICE": "price", "NAME": "name", "CREATED_AT": "at", "ID": "id"}[field]
    kept.sort(key=lambda row: (row[key], row["id"]), reverse=way == "DESC")
    return [row["id"] for row in kept]


def explore(shop: Shop, products: list[Row], lists: list[Any]) -> None:
    rows, categories = fill(shop, products)
    for sort, chosen, windows in lists:
        ids = ordered(rows, sort, chosen)
        asked: Row = {"sort": {"field": sort[0], "direction": sort[1]} if sort else None}
        asked["filter"] = (
            {**chosen, "categoryId": categories[chosen["categoryId"]]}
            if "categoryId" in chosen
            else chosen
        )
        edges = data(shop, QUERY, {**asked, "first": 100})["products"]["edges"]
        assert [int(edge["node"]["id"]) for edge in edges] == ids
        for start, stop, size, backward in windows:
            after, before = (place if place < len(ids) else None for place in (start, stop))
            window = {"last" if backward else "first": size}
            for name, place in (("after", after), ("before", before)):
                if place is not None:
                    window[name] = edges[place]["cursor"]
            check(
                data(shop, QUERY, asked | window)["products"],
                ids,
                edges,
                after,
                before,
                size,
                backward,
            )


def check(
    found: Row,
    ids: list[int],
    edges: list[Row],
    after: int | None,
    before: int | None,
    size: int,
    backward: bool,
) -> None:
    between = list(range(0 if after is None else after + 1, len(ids) if before is None else before))
    places = between[-size:] if backward else between[:size]
    assert found["edges"] == [edges[place] for place in places]
    assert found["totalCount"] == len(ids)
    assert found["pageInfo"] == {
        "hasPreviousPage": places[0] > 0 if places else after is not None,
        "hasNextPage": places[-1] < len(ids) - 1 if places else before is not None,
        "startCursor": edges[places[0]]["cursor"] if places else None,
        "endCursor": edges[places[-1]]["cursor"] if places else None,
    }


@FEW
@given(products=PRODUCTS, lists=LISTS)
def test_any_window_is_the_oracles(shop: Shop, products: list[Row], lists: list[Any]) -> None:
    explore(shop, products, lists)


@pytest.mark.slow
@MANY
@given(
    products=PRODUCTS,
    lists=LISTS.filter(lambda lists: sum(len(windows) for _, _, windows in lists) >= 20),
)
def test_five_thousand_windows_are_the_oracles(
    shop: Shop, products: list[Row], lists: list[Any]
) -> None:
    explore(shop, products, lists)


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
def test_a_size_is_1_to_100_from_one_end(shop: Shop, query: str, arguments: str) -> None:
    response = shop.graphql(query % arguments)

    assert (response.status, error_codes(response)) == (200, ["invalid_parameter"])
    assert "data" not in response.json


def test_the_default_of_first_stands_aside_for_last(shop: Shop) -> None:
    for n in range(12):
        shop.add_product(f"P{n}")
    query = "query ($first: Int, $last: Int) { products(first: $first, last: $last) { nodes { name } } }"

    def names(variables: Row) -> list[str]:
        return [node["name"] for node in data(shop, query, variables)["products"]["nodes"]]

    assert names({"last": 2}) == ["P10", "P11"]
    assert names({"last": 2, "first": None}) == ["P10", "P11"]
    assert len(names({})) == len(names({"first": None, "last": None})) == 10
    assert error_codes(shop.graphql(query, {"first": 1, "last": 1})) == ["invalid_parameter"]
    assert len(data(shop, "{ products(last: 3) { nodes { name } } }")["products"]["nodes"]) == 3


def test_a_cursor_belongs_to_its_list_sort_and_filters(shop: Shop) -> None:
    for n in range(3):
        shop.add_product(f"P{n}", price="1.00")
    page = data(shop, "{ products(first: 1) { pageInfo { endCursor } } }")["products"]["pageInfo"]
    cursor = page["endCursor"]

    def refused(arguments: str) -> list[str]:
        return error_codes(shop.graphql("{ products(%s) { nodes { id } } }" % arguments))  # noqa: UP031

    assert refused(f'after: "{cursor}", sortBy: {{field: PRICE, direction: ASC}}') == [
        "invalid_cursor"
    ]
    assert refused(f'before: "{cursor}", filter: {{priceMin: 1}}') == ["invalid_cursor"]
    assert refused(f'after: "{cursor[:-1]}"') == ["invalid_cursor"]
    assert refused('after: "é"') == ["invalid_cursor"]
    assert error_codes(shop.graphql(f'{{ orders(after: "{cursor}") {{ nodes {{ id }} }} }}')) == [
        "invalid_cursor"
    ]


def test_rests_cursors_are_these(shop: Shop) -> None:
    for n in range(4):
        shop.add_product(f"P{n}", price="1.00")
    rest = shop.get("/api/products?limit=2&sort=price:desc").json
    query = """query ($after: String) {
        products(first: 2, after: $after, sortBy: {field: PRICE, direction: DESC}) { edges { cursor node { name } } }
    }"""

    edges = data(shop, query, {"after": rest["pagination"]["next_cursor"]})["products"]["edges"]

    assert [edge["node"]["name"] for edge in edges] == ["P1", "P0"]
    further = shop.get(f"/api/products?limit=2&sort=price:desc&cursor={edges[0]['cursor']}").json
    assert [row["name"] for row in further["data"]] == ["P0"]


def test_a_users_orders_go_on_where_the_page_ended(shop: Shop) -> None:
    mug, ada = shop.add_product("Mug"), shop.add_user()
    ids = [str(shop.add_order(ada, (mug, 1))) for _ in range(3)]
    query = """query ($id: ID!, $after: String) {
        user(id: $id) { orders(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } }"""

    first = data(shop, query, {"id": ada})["user"]["orders"]
    second = data(shop, query, {"id": ada, "after": first["pageInfo"]["endCursor"]})["user"][
        "orders"
    ]

    assert [node["id"] for node in first["nodes"] + second["nodes"]] == ids
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)

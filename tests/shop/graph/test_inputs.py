"""Inputs are rejected before anything runs, or used as they are. None is ignored."""

from typing import Any

import pytest

from tests.fixtures.graph import data, error_codes
from tests.fixtures.shop import Shop

GRAPHQL = "application/graphql-response+json"
BY_PRICE = "query ($x: Decimal) { products(filter: {priceMin: $x}) { totalCount } }"
BY_DAY = 'query ($x: Date!) { salesAnalytics(startDate: $x, endDate: "2026-01-01") { day } }'
INVALID_CURSORS = ["", " ", "\t", "0", "a" * 300, "ä", "\0"]


@pytest.mark.parametrize(
    "value", [True, False, "NaN", "Infinity", "0x10", 10**40, int("7" * 3000), [], {"a": 1}, ""]
)
def test_invalid_decimal_is_a_request_error(shop: Shop, value: Any) -> None:
    response = shop.graphql(BY_PRICE, {"x": value}, accept=GRAPHQL)

    assert (response.status, error_codes(response)) == (400, ["invalid_query"])
    assert "Decimal cannot represent value" in response.json["errors"][0]["message"]


@pytest.mark.parametrize(
    "value", [True, 1, 1.5, [1], {"a": 1}, "2024-02-30", "2024-W09-1", "2024-02-29T00:00:00Z"]
)
def test_invalid_date_is_a_request_error(shop: Shop, value: Any) -> None:
    response = shop.graphql(BY_DAY, {"x": value}, accept=GRAPHQL)

    assert (response.status, error_codes(response)) == (400, ["invalid_query"])
    assert "Date cannot represent value" in response.json["errors"][0]["message"]


def test_integral_float_is_a_page_size(shop: Shop) -> None:
    for name in ("one", "two", "three"):
        shop.add_product(name)
    query = "query ($n: Int) { products(first: $n) { nodes { name } } }"
    nodes = [{"name": "one"}, {"name": "two"}]

    assert data(shop, query, {"n": 2.0}) == {"products": {"nodes": nodes}}
    assert data(shop, query.replace("$n)", "2.0)").replace("($n: Int)", "")) == {
        "products": {"nodes": nodes}
    }


def test_empty_values_are_filters(shop: Shop) -> None:
    """An unknown id matches no rows, an empty search is rejected, and null is no filter."""
    shop.add_product("Mug")
    selection = "{ totalCount }"

    assert data(shop, f'{{ products(filter: {{categoryId: ""}}) {selection} }}') == {
        "products": {"totalCount": 0}
    }
    assert data(shop, f'{{ orders(userId: "") {selection} }}') == {"orders": {"totalCount": 0}}
    assert data(shop, f"{{ products(filter: {{priceMax: 0}}) {selection} }}") == {
        "products": {"totalCount": 0}
    }
    assert data(shop, f"{{ products(filter: {{priceMax: null}}) {selection} }}") == {
        "products": {"totalCount": 1}
    }
    assert error_codes(shop.graphql(f'{{ products(filter: {{search: ""}}) {selection} }}')) == [
        "invalid_parameter"
    ]


@pytest.mark.parametrize("cursor", INVALID_CURSORS)
@pytest.mark.parametrize("argument", ["after", "before"])
@pytest.mark.parametrize("size", ["first", "last"])
def test_invalid_cursor_is_rejected(shop: Shop, argument: str, size: str, cursor: str) -> None:
    shop.add_product("Mug")
    shop.add_order(shop.add_user())
    query = f"""query ($c: String) {{
        products({size}: 5, {argument}: $c) {{ nodes {{ id }} }}
        categories {{ productsConnection({size}: 5, {argument}: $c) {{ nodes {{ id }} }} }} }}"""

    response = shop.graphql(query, {"c": cursor})

    assert error_codes(response) == ["invalid_cursor", "invalid_cursor"]
    for error in response.json["errors"]:
        assert error["extensions"]["problem"]["errors"][0]["parameter"] == argument


def test_cursor_of_other_list_is_rejected(shop: Shop) -> None:
    for name in ("one", "two"):
        shop.add_product(name)
    page = data(shop, "{ products(first: 1) { pageInfo { endCursor } } }")["products"]
    cursor = page["pageInfo"]["endCursor"]
    other_lists = (
        "products(first: 1, after: $c, sortBy: {field: NAME, direction: ASC})",
        "products(first: 1, after: $c, filter: {priceMin: 1})",
        "orders(first: 1, after: $c)",
    )

    for field in other_lists:
        query = f"query ($c: String) {{ {field} {{ nodes {{ id }} }} }}"
        assert error_codes(shop.graphql(query, {"c": cursor})) == ["invalid_cursor"]
    query = "query ($c: String) { products(first: 0.1e1, after: $c) { nodes { name } } }"
    assert data(shop, query, {"c": cursor}) == {"products": {"nodes": [{"name": "two"}]}}


@pytest.mark.parametrize(
    "size", ["first: 0", "first: -1", "first: 101", "last: 0", "last: 101", "first: 1, last: 1"]
)
def test_page_size_out_of_bounds_is_rejected(shop: Shop, size: str) -> None:
    response = shop.graphql(f"{{ products({size}) {{ nodes {{ id }} }} }}", accept=GRAPHQL)

    assert (response.status, error_codes(response)) == (400, ["invalid_parameter"])


def test_invalid_period_names_the_argument(shop: Shop) -> None:
    response = shop.graphql(
        '{ salesAnalytics(startDate: "2026-02-01", endDate: "2026-01-01") { day } }'
    )

    error = response.json["errors"][0]
    assert error["extensions"]["problem"]["errors"][0]["parameter"] == "endDate"
    assert error["message"] == "endDate must not be before the first day"

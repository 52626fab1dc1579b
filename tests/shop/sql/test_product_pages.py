"""Pages of products in every order, compared with a list that Python sorts (the oracle)."""

import json
from decimal import Decimal
from itertools import permutations, product
from typing import Any

import pytest

from shop.products import ProductRepository
from sluice import runtime
from sluice.sql.list_spec import ListQuery, Page
from tests.fixtures.shop import Shop

PRODUCT_SORTS = ["id", "name", "price", "created_at", "updated_at", "inventory"]
SINGLE = [((name, descending),) for name in PRODUCT_SORTS for descending in (False, True)]
PAIRS = [
    ((first, ascending), (second, descending))
    for first, second in permutations(PRODUCT_SORTS, 2)
    for ascending, descending in product((False, True), repeat=2)
]
TRIPLE = (("inventory", True), ("price", False), ("created_at", False))
INSERT_PRODUCTS = """
WITH p AS (
    INSERT INTO products (name, description, price, category_id, created_at, updated_at)
    SELECT 'P ' || (n * 7) % 40, CASE WHEN n % 3 = 0 THEN 'Blue cup' END, n % 4, c.id,
           timestamptz '2026-01-01Z' + n % 5 * interval '1 s',
           timestamptz '2026-02-01Z' + n % 3 * interval '1 microsecond'
    FROM generate_series(1, 24) n
    JOIN categories c ON c.slug = CASE WHEN n % 2 = 0 THEN 'mugs' ELSE 'jars' END
    RETURNING id
)
INSERT INTO inventory (product_id, quantity) SELECT id, id % 3 FROM p
"""


def rows_of(page: Page) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = json.loads(f"[{page.items}]")
    return result


@pytest.mark.parametrize(
    ("chosen", "matches"),
    [
        ({}, lambda row: True),
        ({"in_stock": True}, lambda row: row["inventory"] > 0),
        ({"in_stock": False, "category": ["mugs", "jars"]}, lambda row: row["inventory"] == 0),
        (
            {"category": ["mugs"], "price_min": Decimal(1)},
            lambda row: row["category"] == "mugs" and row["price"] >= "1",
        ),
        (
            {"search": "CUP, blue", "price_max": Decimal(2)},
            lambda row: row["description"] and row["price"] <= "2.00",
        ),
    ],
    ids=lambda case: "+".join(case) or "all" if isinstance(case, dict) else "",
)
@pytest.mark.parametrize("part", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_products_in_every_order(shop: Shop, chosen: dict[str, Any], matches: Any, part: int):
    """Each case has a fifth of the pairs of sorts, and the slow ones have all."""
    for slug in ("mugs", "jars"):
        shop.add_category(slug)
    shop.sql(INSERT_PRODUCTS)
    repository = runtime.current().get(ProductRepository)
    every_row = rows_of(repository.page(ListQuery(limit=100)))
    matching = [row for row in every_row if matches(row)]
    assert matching
    for sorting in [*SINGLE, *PAIRS[len(chosen) % part :: part], TRIPLE]:
        expected = sorted(matching, key=lambda row: row["id"], reverse=sorting[-1][1])
        for name, descending in reversed(sorting):
            expected.sort(key=lambda row, name=name: row[name], reverse=descending)
        pages = [repository.page(ListQuery(limit=7, sort=sorting, filters=chosen))]
        while cursor := pages[-1].next_cursor:
            pages.append(
                repository.page(ListQuery(limit=7, sort=sorting, filters=chosen, cursor=cursor))
            )
        assert [row for page in pages for row in rows_of(page)] == expected, sorting
        for page, previous in zip(pages[:0:-1], pages[-2::-1], strict=True):
            back = repository.page(
                ListQuery(limit=7, sort=sorting, filters=chosen, cursor=page.prev_cursor)
            )
            assert back.items == previous.items, sorting


def test_unknown_category_has_no_products(shop: Shop):
    shop.add_product("Cup")
    for slugs in (["nope"], ["nope", "neither"]):
        page = runtime.current().get(ProductRepository).page(ListQuery(filters={"category": slugs}))
        assert (page.items, page.next_cursor, page.prev_cursor) == ("", None, None)

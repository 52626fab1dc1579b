"""Filters that the shop declares by hand, and the words that a search finds."""

from urllib.parse import quote

import pytest

from tests.fixtures.resources import names
from tests.fixtures.shop import Shop


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("in_stock=true", "bc"),
        ("in_stock=false", "a"),
        ("category=mugs&in_stock=true", "b"),
    ],
)
def test_products_in_stock(shop: Shop, query: str, found: str) -> None:
    for name, category, stock in (("a", "mugs", 0), ("b", "mugs", 1), ("c", "cups", 2)):
        shop.add_product(name, category=category, stock=stock)
    assert names(shop.get(f"/api/products?{query}")) == list(found)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("blue", "ab"),
        ("BLUE", "ab"),
        ("blue mug", "a"),
        ("mug blue", "a"),
        ("mug,blue!", "a"),
        ("tea", "a"),
        ("blue tea", "a"),
        ("tea coffee", ""),
        ("blu", ""),
        ("blue blue", "ab"),
        ("glas", ""),
        ("schüssel", "c"),
        ("SCHÜSSEL", "c"),
        ("茶碗", "c"),
        ("5", "b"),
        ("o'brien", "b"),
        ("%", None),
        ("50% blue", ""),
    ],
)
def test_search_matches_every_word_in_any_case(shop: Shop, search: str, found: str | None) -> None:
    rows = {
        "a": ("Blue MUG", "For tea"),
        "b": ("Light-blue cup no. 5", "O'Brien"),
        "c": ("Schüssel", "茶碗"),
    }
    ids = {}
    for key, (name, description) in rows.items():
        ids[shop.add_product(name)] = key
        shop.sql("UPDATE products SET description = :d WHERE name = :n", d=description, n=name)
    response = shop.get(f"/api/products?search={quote(search)}")
    assert response.status == (400 if found is None else 200)
    if found is not None:
        assert "".join(ids[row["id"]] for row in response.json["data"]) == found


@pytest.mark.parametrize(
    ("below", "found"), [(3, [0, 2]), (2, [0]), (0, []), (-5, []), (2**62, [0, 2, 3])]
)
def test_inventory_below_is_exclusive(shop: Shop, below: int, found: list[int]) -> None:
    for n in (0, 2, 3):
        shop.add_product(f"p{n}", stock=n)
    assert [
        row["quantity"] for row in shop.get(f"/api/inventory?below={below}").json["data"]
    ] == found

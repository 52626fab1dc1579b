"""Lists over REST: pages, cursors, links, offsets and totals."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.fixtures.resources import RESOURCES, fill, key_field, links, list_spec, names
from tests.fixtures.shop import Shop

LISTS = tuple(RESOURCES)
SORTS = {name: tuple(list_spec(name).sorts) for name in LISTS}
each_list = pytest.mark.parametrize("list_", LISTS)


@each_list
def test_empty_list_is_one_empty_page(shop: Shop, list_: str) -> None:
    response = shop.get(f"/api/{list_}")
    assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
    pagination = {"limit": 20, "has_more": False, "next_cursor": None, "prev_cursor": None}
    assert response.json == {"data": [], "pagination": pagination}
    assert "Link" not in response.headers


LONGEST_TEXTS = {
    "wide": "\U0001f375",
    "controls": "\x01",
    "quotes": '"\\',
    "cased": "\U00010400",
    "cjk": "茶",
}


@pytest.mark.parametrize("text", LONGEST_TEXTS.values(), ids=LONGEST_TEXTS)
def test_longest_possible_cursor_is_accepted(shop: Shop, text: str) -> None:
    """Names and emails of maximum length, sorted by both, together with a search."""
    name = (text * 200)[:196]
    part = "茶" if text == "\x01" else text
    for n in range(5):
        shop.add_user(f"{(part * 254)[:246]}{n}@x.yz", f"a {name}{n}")
    for sort in ("name:asc,email:desc", "name,email,id", "email:desc"):
        seen = []
        target = f"/api/users?limit=1&sort={sort}&search=a"
        while target:
            assert len(target) < 8_000
            response = shop.get(target)
            assert response.status == 200, response.text
            seen.append(response.json["data"][0]["id"])
            target = links(response).get("next", "")
        assert len(set(seen)) == 5
        back = links(response)["prev"]
        assert shop.get(back).json["data"][0]["id"] == seen[-2]
    shop.add_category("cups")
    sort = "sortBy: {field: NAME, direction: ASC}"
    page_info = f"products(first: 1, after: $after, {sort}) {{ pageInfo {{ endCursor }} }}"
    query = f"query($after: String) {{ {page_info} }}"
    for n in range(2):
        shop.add_product(name + str(n))
    first = shop.graphql(query).json["data"]["products"]["pageInfo"]["endCursor"]
    second = shop.graphql(query, {"after": first}).json["data"]["products"]
    assert second["pageInfo"]["endCursor"] != first


@each_list
def test_list_row_equals_single_row(shop: Shop, list_: str) -> None:
    fill(shop, list_, 1)
    (row,) = shop.get(f"/api/{list_}").json["data"]
    assert row == shop.get(f"/api/{list_}/{row[key_field(list_)]}").json


@each_list
def test_default_page_has_20_rows_by_id(shop: Shop, list_: str) -> None:
    fill(shop, list_, 21)
    response = shop.get(f"/api/{list_}")
    ids = [row[key_field(list_)] for row in response.json["data"]]
    assert (len(ids), ids) == (20, sorted(ids))
    assert response.json["pagination"]["has_more"] is True
    assert response.json["pagination"]["prev_cursor"] is None
    assert set(links(response)) == {"next"}


@each_list
def test_exactly_full_page_has_no_more(shop: Shop, list_: str) -> None:
    fill(shop, list_, 3)
    response = shop.get(f"/api/{list_}?limit=3")
    assert len(response.json["data"]) == 3
    assert response.json["pagination"] == {
        "limit": 3,
        "has_more": False,
        "next_cursor": None,
        "prev_cursor": None,
    }


@pytest.mark.parametrize(
    ("list_", "sort"), [(list_, sort) for list_ in LISTS for sort in ("", *SORTS[list_])]
)
@pytest.mark.parametrize("direction", ["", ":asc", ":desc"])
def test_links_visit_every_row_once_both_ways(
    shop: Shop, list_: str, sort: str, direction: str
) -> None:
    fill(shop, list_, 7)
    target = f"/api/{list_}?limit=3" + (f"&sort={sort}{direction}" if sort else "")
    pages = [shop.get(target)]
    while "next" in links(pages[-1]):
        pages.append(shop.get(links(pages[-1])["next"]))
    back = [pages[-1]]
    while "prev" in links(back[-1]):
        back.append(shop.get(links(back[-1])["prev"]))
    rows = [row[key_field(list_)] for page in pages for row in page.json["data"]]
    assert (len(rows), len(set(rows)), len(pages)) == (7, 7, 3)
    assert [row[key_field(list_)] for page in reversed(back) for row in page.json["data"]] == rows
    assert "prev" not in links(pages[0])


def test_links_keep_the_parameters(shop: Shop) -> None:
    for n in range(5):
        shop.add_product(f"Blue & green {n}", price=str(n))
    first = shop.get(
        "/api/products?limit=2&search=blue%20green&sort=price:desc&fields=name&include_total=true"
    )
    second = shop.get(links(first)["next"])
    assert second.json["data"] == [{"name": "Blue & green 2"}, {"name": "Blue & green 1"}]
    assert second.json["pagination"]["total"] == 5


def test_body_and_link_have_the_same_cursor(shop: Shop) -> None:
    fill(shop, "products", 3)
    first = shop.get("/api/products?limit=1")
    assert f"cursor={first.json['pagination']['next_cursor']}" in links(first)["next"]
    second = shop.get(links(first)["next"])
    assert f"cursor={second.json['pagination']['prev_cursor']}" in links(second)["prev"]


def test_changes_between_pages_skip_no_row(shop: Shop) -> None:
    ids = [shop.add_product(f"p{n}", price="1") for n in range(6)]
    page = shop.get("/api/products?limit=2&sort=price")
    shop.delete(f"/api/products/{ids[1]}")
    shop.add_product("cheaper", price="0")
    seen = [row["id"] for row in page.json["data"]]
    while "next" in links(page):
        page = shop.get(links(page)["next"])
        seen += [row["id"] for row in page.json["data"]]
    assert seen == ids


def test_limit_may_change_between_pages(shop: Shop) -> None:
    fill(shop, "products", 6)
    cursor = shop.get("/api/products?limit=1").json["pagination"]["next_cursor"]
    assert names(shop.get(f"/api/products?limit=4&cursor={cursor}")) == [
        "p001",
        "p002",
        "p003",
        "p004",
    ]


@each_list
@pytest.mark.parametrize("limit", ["1", "100"])
def test_limit_is_from_1_to_100(shop: Shop, list_: str, limit: str) -> None:
    response = shop.get(f"/api/{list_}?limit={limit}")
    assert (response.status, response.json["pagination"]["limit"]) == (200, int(limit))


@pytest.mark.parametrize(
    ("offset", "found"), [(0, ["p000", "p001"]), (3, ["p003", "p004"]), (5, []), (10_000, [])]
)
def test_offset_skips_rows(shop: Shop, offset: int, found: list[str]) -> None:
    fill(shop, "products", 5)
    assert names(shop.get(f"/api/products?limit=2&offset={offset}")) == found


def test_offset_page_links_by_cursor(shop: Shop) -> None:
    fill(shop, "products", 6)
    page = shop.get("/api/products?limit=2&offset=2")
    assert names(shop.get(links(page)["next"])) == ["p004", "p005"]
    assert names(shop.get(links(page)["prev"])) == ["p000", "p001"]


def test_offset_with_cursor_is_400(shop: Shop) -> None:
    fill(shop, "products", 2)
    cursor = shop.get("/api/products?limit=1").json["pagination"]["next_cursor"]
    response = shop.get(f"/api/products?limit=1&offset=0&cursor={cursor}")
    assert (response.status, response.errors) == (400, {"offset": "invalid"})


@each_list
def test_total_is_optional(shop: Shop, list_: str) -> None:
    fill(shop, list_, 3)
    assert shop.get(f"/api/{list_}?limit=1&include_total=true").json["pagination"]["total"] == 3
    for query in ("limit=1", "limit=1&include_total=false"):
        assert "total" not in shop.get(f"/api/{list_}?{query}").json["pagination"]


def test_total_counts_filtered_rows(shop: Shop) -> None:
    fill(shop, "products", 6)
    response = shop.get("/api/products?price_min=1&limit=1&include_total=true")
    assert response.json["pagination"]["total"] == 4


def next_cursor(shop: Shop, target: str) -> str:
    return str(shop.get(target).json["pagination"]["next_cursor"])


def test_changed_cursor_is_rejected(shop: Shop) -> None:
    fill(shop, "products", 3)
    cursor = next_cursor(shop, "/api/products?limit=1")
    changed: list[Any] = [
        cursor[:n] + ("A" if cursor[n] != "A" else "B") + cursor[n + 1 :]
        for n in range(len(cursor))
    ]
    for other in [
        *changed,
        cursor + "A",
        cursor + "=",
        cursor[:-1],
        cursor * 2,
        "x",
        "!",
        "é",
        "null",
        "0",
    ]:
        response = shop.get(f"/api/products?limit=1&cursor={quote(other)}")
        assert (response.status, response.code) == (400, "invalid_cursor"), other


@pytest.mark.parametrize(
    "other",
    [
        "/api/products?limit=1&sort=price",
        "/api/products?limit=1&sort=id:desc",
        "/api/products?limit=1&category=mugs",
        "/api/products?limit=1&in_stock=true",
        "/api/categories?limit=1",
        "/api/inventory?limit=1",
        "/api/users?limit=1",
    ],
)
def test_cursor_of_other_list_or_sort_is_rejected(shop: Shop, other: str) -> None:
    shop.add_product("a", category="mugs")
    shop.add_product("b", category="cups")
    shop.add_product("c", category="mugs")
    fill(shop, "users", 2)
    plain = "/api/products?limit=1"
    for made, used in ((plain, other), (other, plain)):
        response = shop.get(f"{used}&cursor={next_cursor(shop, made)}")
        assert (response.status, response.code) == (400, "invalid_cursor")


def test_cursor_of_other_filter_value_is_rejected(shop: Shop) -> None:
    fill(shop, "products", 6)
    cursor = next_cursor(shop, "/api/products?limit=1&price_min=1")
    response = shop.get(f"/api/products?limit=1&price_min=0&cursor={cursor}")
    assert (response.status, response.code) == (400, "invalid_cursor")

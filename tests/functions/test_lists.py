"""Lists over REST: pages, cursors and links, sorts, filters, fields and totals."""

import re
from typing import Any
from urllib.parse import quote

import pytest

from tests.fixtures.resources import RESOURCES, key_field, list_spec
from tests.fixtures.shop import ApiResponse, Shop
from tests.functions.conftest import names

LISTS = tuple(RESOURCES)
SORTS = {name: tuple(list_spec(name).sorts) for name in LISTS}
FILTERS = {name: tuple(list_spec(name).filters) for name in LISTS}
COMMON = ("limit", "cursor", "offset", "sort", "include_total", "fields")
each_list = pytest.mark.parametrize("list_", LISTS)


def links(response: ApiResponse) -> dict[str, str]:
    """Return the targets of the Link header by relation."""
    return {
        rel: target
        for target, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', response.headers.get("Link", ""))
    }


def fill(shop: Shop, list_: str, count: int) -> None:
    for n in range(count):
        RESOURCES[list_].insert(shop, n)


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
        seen, target = [], f"/api/users?limit=1&sort={sort}&search=a"
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
    nodes = f"query($after: String) {{ products(first: 1, after: $after, {sort}) {{ pageInfo {{ endCursor }} }} }}"
    for n in range(2):
        shop.add_product(name + str(n))
    first = shop.graphql(nodes).json["data"]["products"]["pageInfo"]["endCursor"]
    assert (
        shop.graphql(nodes, {"after": first}).json["data"]["products"]["pageInfo"]["endCursor"]
        != first
    )


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
    ("parameter", "value"),
    [
        *[
            ("limit", value)
            for value in ("0", "101", "-1", "1.5", "ten", "", "1e1", "9" * 50, "٣", "1&limit=2")
        ],
        *[("offset", value) for value in ("-1", "10001", "x", "", "9" * 50)],
        *[("include_total", value) for value in ("1", "yes", "True", "")],
        *[("fields", value) for value in ("", "colour", "id,colour", "id,,name", "*")],
        *[
            ("sort", value)
            for value in ("", "colour", "id:up", "id:", ":asc", "id asc", "id,id", "id:asc:desc")
        ],
    ],
)
@each_list
def test_malformed_parameter_is_400(shop: Shop, list_: str, parameter: str, value: str) -> None:
    response = shop.get(f"/api/{list_}?{parameter}={value}")
    assert (response.status, response.code, response.errors) == (
        400,
        "invalid_parameter",
        {parameter: "invalid"},
    )


@pytest.mark.parametrize(
    ("list_", "parameter", "value"),
    [
        *[("products", "category", value) for value in ("", "Mugs", "a,,b", "a b", "é")],
        *[
            ("products", "price_min", value)
            for value in ("", "x", "NaN", "1e5", "Infinity", "9" * 40, "1,5")
        ],
        *[("products", "price_max", value) for value in ("", "x", "--1")],
        *[("products", "search", value) for value in ("", "%20", "!!!", "a%00", "x" * 201)],
        *[("products", "in_stock", value) for value in ("", "1", "TRUE", "maybe")],
        *[
            ("products", "created_after", value)
            for value in ("", "now", "2026", "2026-13-01", "2026-01-01T00:00:00")
        ],
        *[
            ("products", "created_before", value)
            for value in ("1769860800", "12:00", "2026-02-30T00:00:00Z")
        ],
        *[("products", "ids", value) for value in ("", "x", "1,,2", "-1", "0", str(2**63), "1.0")],
        ("products", "ids", ",".join(["1"] * 1_001)),
        *[("categories", "slug", value) for value in ("", "A", "a,")],
        ("categories", "search", ""),
        *[("inventory", "below", value) for value in ("", "x", "1.5", "9" * 30)],
        *[("inventory", "product_ids", value) for value in ("", "x", "1,")],
        *[("orders", "status", value) for value in ("", "new", "Paid", "paid,pending")],
        *[
            ("orders", name, value)
            for name in ("user_id", "product_id")
            for value in ("", "x", "1,2", "1.5")
        ],
        *[
            ("users", "email", value)
            for value in ("", "ada", "a@b@c", "ada+tag@example.com", "a@" + "b" * 253)
        ],
        ("users", "search", "@."),
    ],
)
def test_malformed_filter_is_400(shop: Shop, list_: str, parameter: str, value: str) -> None:
    response = shop.get(f"/api/{list_}?{parameter}={value}")
    assert (response.status, response.code, response.errors) == (
        400,
        "invalid_parameter",
        {parameter: "invalid"},
    )


@pytest.mark.parametrize("offset", ["%2B23:59", "-23:59", "%2B00:00:30"])
@pytest.mark.parametrize("parameter", ["created_after", "created_before"])
def test_time_may_have_any_offset(shop: Shop, parameter: str, offset: str) -> None:
    assert shop.get(f"/api/products?{parameter}=2026-01-01T00:00:00{offset}").status == 200


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00%2B01:00", "9999-12-31T23:59:59-01:00"])
def test_time_outside_the_calendar_is_400(shop: Shop, time: str) -> None:
    response = shop.get(f"/api/products?created_after={time}")
    assert (response.status, response.errors) == (400, {"created_after": "invalid"})


@each_list
def test_all_invalid_parameters_are_named(shop: Shop, list_: str) -> None:
    response = shop.get(f"/api/{list_}?limit=0&sort=x&fields=x&colour=blue&size=1")
    faults = {"limit": "invalid", "sort": "invalid", "fields": "invalid"}
    assert (response.status, response.code) == (400, "invalid_parameter")
    assert response.errors == {**faults, "colour": "unknown_parameter", "size": "unknown_parameter"}


@each_list
def test_only_declared_parameters_are_known(shop: Shop, list_: str) -> None:
    every = {*COMMON, *(name for names in FILTERS.values() for name in names), "Limit", "page", "q"}
    for name in every:
        faults = shop.get(f"/api/{list_}?{name}=").errors
        known = name in (*COMMON, *FILTERS[list_])
        assert faults == {name: "invalid" if known else "unknown_parameter"}


@each_list
def test_only_declared_sorts_are_known(shop: Shop, list_: str) -> None:
    every = {name for names in SORTS.values() for name in names} | {
        "version",
        "description",
        "category",
        "slug",
    }
    for name in every:
        assert shop.get(f"/api/{list_}?sort={name}").status == (
            200 if name in SORTS[list_] else 400
        ), name


def test_more_than_three_sort_keys_are_400(shop: Shop) -> None:
    assert shop.get("/api/products?sort=price,name,id").status == 200
    response = shop.get("/api/products?sort=price,inventory,name,id")
    assert (response.status, response.errors) == (400, {"sort": "invalid"})


def test_each_sort_key_has_its_direction(shop: Shop) -> None:
    for name, price in (("a", "1"), ("b", "2"), ("c", "2"), ("d", "3")):
        shop.add_product(name, price=price)
    assert names(shop.get("/api/products?sort=price:desc,name:asc")) == ["d", "b", "c", "a"]
    assert names(shop.get("/api/products?sort=price,name:desc")) == ["a", "c", "b", "d"]


def test_ties_are_broken_by_id(shop: Shop) -> None:
    for name in ("a", "b", "c"):
        shop.add_product(name, price="1")
    assert names(shop.get("/api/products?sort=price:asc")) == ["a", "b", "c"]
    assert names(shop.get("/api/products?sort=price:desc")) == ["c", "b", "a"]


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


@each_list
def test_fields_selects_fields(shop: Shop, list_: str) -> None:
    fill(shop, list_, 2)
    rows = shop.get(f"/api/{list_}?fields=version,updated_at").json["data"]
    assert [set(row) for row in rows] == [{"version", "updated_at"}] * 2


def test_fields_may_omit_the_sort_key(shop: Shop) -> None:
    fill(shop, "products", 4)
    page = shop.get("/api/products?limit=2&sort=price:desc&fields=name")
    assert shop.get(links(page)["next"]).json["data"] == [{"name": "p003"}, {"name": "p000"}]


def test_email_sort_ignores_case(shop: Shop) -> None:
    for email in ("b@example.com", "C@example.com", "A@example.com"):
        shop.add_user(email)
    first = shop.get("/api/users?sort=email:desc&limit=2&fields=email")
    second = shop.get(links(first)["next"])
    assert [row["email"][0] for page in (first, second) for row in page.json["data"]] == [
        "C",
        "b",
        "A",
    ]


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


@pytest.mark.parametrize(
    "path",
    [
        "/api/products/1",
        "/api/categories/1",
        "/api/inventory/1",
        "/api/users/1",
        "/api/orders/1",
        "/health",
    ],
)
def test_single_resource_rejects_list_parameters(shop: Shop, path: str) -> None:
    response = shop.get(f"{path}?limit=5&cursor=x")
    if path != "/health":
        assert (response.status, response.code) == (400, "invalid_parameter")
        assert response.errors == {"limit": "unknown_parameter", "cursor": "unknown_parameter"}


@pytest.mark.parametrize(
    "path",
    ["/api/products/1", "/api/categories/1", "/api/inventory/1", "/api/users/1", "/api/orders/1"],
)
def test_single_resource_checks_fields(shop: Shop, path: str) -> None:
    response = shop.get(f"{path}?fields=colour")
    assert (response.status, response.errors) == (400, {"fields": "invalid"})

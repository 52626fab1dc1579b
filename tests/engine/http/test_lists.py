"""Lists over REST: pages, cursors, links, offsets and totals."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.fixtures.resources import fill, links, names
from tests.fixtures.sample import Library


def add_books(library: Library, count: int) -> None:
    for n in range(count):
        library.add_book(f"b{n:03}", price=str(n % 3))


LONGEST_TEXTS = {
    "wide": "\U0001f375",
    "controls": "\x01",
    "quotes": '"\\',
    "cased": "\U00010400",
    "cjk": "茶",
}


@pytest.mark.parametrize("text", LONGEST_TEXTS.values(), ids=LONGEST_TEXTS)
def test_longest_possible_cursor_is_accepted(library: Library, text: str) -> None:
    """Names and emails of maximum length, sorted by both, together with a search."""
    name = (text * 200)[:196]
    part = "茶" if text == "\x01" else text
    for n in range(5):
        library.add_reader(f"{(part * 254)[:246]}{n}@x.yz", f"a {name}{n}")
    for sort in ("name:asc,email:desc", "name,email,id", "email:desc"):
        seen = []
        target = f"/api/readers?limit=1&sort={sort}&search=a"
        while target:
            assert len(target) < 8_000
            response = library.get(target)
            assert response.status == 200, response.text
            seen.append(response.json["data"][0]["id"])
            target = links(response).get("next", "")
        assert len(set(seen)) == 5
        back = links(response)["prev"]
        assert library.get(back).json["data"][0]["id"] == seen[-2]
    library.add_shelf("cups")
    sort = "sortBy: {field: NAME, direction: ASC}"
    page_info = f"books(first: 1, after: $after, {sort}) {{ pageInfo {{ endCursor }} }}"
    query = f"query($after: String) {{ {page_info} }}"
    for n in range(2):
        library.add_book(name + str(n))
    first = library.graphql(query).json["data"]["books"]["pageInfo"]["endCursor"]
    second = library.graphql(query, {"after": first}).json["data"]["books"]
    assert second["pageInfo"]["endCursor"] != first


def test_response_that_lambda_refuses_is_an_error(library: Library) -> None:
    library.sql(
        """
        INSERT INTO books (name, description, price, shelf_id)
        SELECT 'Book ' || n, repeat(chr(1), 10000), 1, :shelf FROM generate_series(1, 100) AS n
        """,
        shelf=library.add_shelf(),
    )

    page = library.get("/api/books?limit=100")
    graph = library.graphql("{ books(first: 100) { nodes { description } } }")

    assert (page.status, page.json["code"]) == (400, "response_too_large")
    assert "6.7 MiB" in page.json["detail"]
    assert (graph.status, graph.json["code"]) == (400, "response_too_large")
    assert library.get("/api/books?limit=50").status == 200
    assert library.get("/api/books?limit=100&fields=id,name").status == 200


def test_links_keep_the_parameters(library: Library) -> None:
    for n in range(5):
        library.add_book(f"Blue & green {n}", price=str(n))
    first = library.get(
        "/api/books?limit=2&search=blue%20green&sort=price:desc&fields=name&include_total=true"
    )
    second = library.get(links(first)["next"])
    assert second.json["data"] == [{"name": "Blue & green 2"}, {"name": "Blue & green 1"}]
    assert second.json["pagination"]["total"] == 5


def test_body_and_link_have_the_same_cursor(library: Library) -> None:
    add_books(library, 3)
    first = library.get("/api/books?limit=1")
    assert f"cursor={first.json['pagination']['next_cursor']}" in links(first)["next"]
    second = library.get(links(first)["next"])
    assert f"cursor={second.json['pagination']['prev_cursor']}" in links(second)["prev"]


def test_changes_between_pages_skip_no_row(library: Library) -> None:
    ids = [library.add_book(f"p{n}", price="1") for n in range(6)]
    page = library.get("/api/books?limit=2&sort=price")
    library.delete(f"/api/books/{ids[1]}")
    library.add_book("cheaper", price="0")
    seen = [row["id"] for row in page.json["data"]]
    while "next" in links(page):
        page = library.get(links(page)["next"])
        seen += [row["id"] for row in page.json["data"]]
    assert seen == ids


def test_limit_may_change_between_pages(library: Library) -> None:
    add_books(library, 6)
    cursor = library.get("/api/books?limit=1").json["pagination"]["next_cursor"]
    assert names(library.get(f"/api/books?limit=4&cursor={cursor}")) == [
        "b001",
        "b002",
        "b003",
        "b004",
    ]


@pytest.mark.parametrize(
    ("offset", "found"), [(0, ["b000", "b001"]), (3, ["b003", "b004"]), (5, []), (10_000, [])]
)
def test_offset_skips_rows(library: Library, offset: int, found: list[str]) -> None:
    add_books(library, 5)
    assert names(library.get(f"/api/books?limit=2&offset={offset}")) == found


def test_offset_page_links_by_cursor(library: Library) -> None:
    add_books(library, 6)
    page = library.get("/api/books?limit=2&offset=2")
    assert names(library.get(links(page)["next"])) == ["b004", "b005"]
    assert names(library.get(links(page)["prev"])) == ["b000", "b001"]


def test_offset_with_cursor_is_400(library: Library) -> None:
    add_books(library, 2)
    cursor = library.get("/api/books?limit=1").json["pagination"]["next_cursor"]
    response = library.get(f"/api/books?limit=1&offset=0&cursor={cursor}")
    assert (response.status, response.errors) == (400, {"offset": "invalid"})


def test_total_counts_filtered_rows(library: Library) -> None:
    add_books(library, 6)
    response = library.get("/api/books?price_min=1&limit=1&include_total=true")
    assert response.json["pagination"]["total"] == 4


def next_cursor(library: Library, target: str) -> str:
    return str(library.get(target).json["pagination"]["next_cursor"])


def test_changed_cursor_is_rejected(library: Library) -> None:
    add_books(library, 3)
    cursor = next_cursor(library, "/api/books?limit=1")
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
        response = library.get(f"/api/books?limit=1&cursor={quote(other)}")
        assert (response.status, response.code) == (400, "invalid_cursor"), other


@pytest.mark.parametrize(
    "other",
    [
        "/api/books?limit=1&sort=price",
        "/api/books?limit=1&sort=id:desc",
        "/api/books?limit=1&shelf=mugs",
        "/api/books?limit=1&available=true",
        "/api/shelves?limit=1",
        "/api/readers?limit=1",
    ],
)
def test_cursor_of_other_list_or_sort_is_rejected(library: Library, other: str) -> None:
    library.add_book("a", shelf="mugs")
    library.add_book("b", shelf="cups")
    library.add_book("c", shelf="mugs")
    fill(library, "readers", 2)
    plain = "/api/books?limit=1"
    for made, used in ((plain, other), (other, plain)):
        response = library.get(f"{used}&cursor={next_cursor(library, made)}")
        assert (response.status, response.code) == (400, "invalid_cursor")


def test_cursor_of_other_filter_value_is_rejected(library: Library) -> None:
    add_books(library, 6)
    cursor = next_cursor(library, "/api/books?limit=1&price_min=1")
    response = library.get(f"/api/books?limit=1&price_min=0&cursor={cursor}")
    assert (response.status, response.code) == (400, "invalid_cursor")

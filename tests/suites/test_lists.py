"""Lists over REST: pages, cursors, links, offsets and totals."""

import pytest

from tests.fixtures.cases import case_of
from tests.fixtures.client import Client
from tests.fixtures.matrix import kind_of, one_of_each, owner_of
from tests.fixtures.resources import RESOURCES, fill, key_of, links, list_spec, row_path

LISTS = tuple(RESOURCES)
SORTS = {name: tuple(list_spec(name).sorts) for name in LISTS}
each_list = pytest.mark.parametrize("list_", LISTS)


@each_list
def test_empty_list_is_one_empty_page(client: Client, list_: str) -> None:
    response = client.get(f"/api/{list_}")
    assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
    pagination = {"limit": 20, "has_more": False, "next_cursor": None, "prev_cursor": None}
    assert response.json == {"data": [], "pagination": pagination}
    assert "Link" not in response.headers


@each_list
def test_list_row_equals_single_row(client: Client, list_: str) -> None:
    fill(client, list_, 1)
    (row,) = client.get(f"/api/{list_}").json["data"]
    assert row == client.get(row_path(list_, row)).json


@each_list
def test_default_page_has_20_rows_by_id(client: Client, list_: str) -> None:
    fill(client, list_, 21)
    response = client.get(f"/api/{list_}")
    ids = [key_of(list_, row) for row in response.json["data"]]
    assert (len(ids), ids) == (20, sorted(ids))
    assert response.json["pagination"]["has_more"] is True
    assert response.json["pagination"]["prev_cursor"] is None
    assert set(links(response)) == {"next"}


@each_list
def test_exactly_full_page_has_no_more(client: Client, list_: str) -> None:
    fill(client, list_, 3)
    response = client.get(f"/api/{list_}?limit=3")
    assert len(response.json["data"]) == 3
    assert response.json["pagination"] == {
        "limit": 3,
        "has_more": False,
        "next_cursor": None,
        "prev_cursor": None,
    }


def sort_of_kind(list_: str, sort: str, direction: str) -> tuple[object, ...]:
    """Return what differs between sorts. `:asc` is the default."""
    field = case_of(list_).resource.by_name.get(sort)
    kind = (owner_of(list_), field.nullable, *kind_of(field)) if field else (list_, sort)
    return *kind, direction == ":desc"


@pytest.mark.parametrize(
    ("list_", "sort", "direction"),
    one_of_each(
        [
            (list_, sort, direction)
            for list_ in LISTS
            for sort in ("", *SORTS[list_])
            for direction in (("", ":asc", ":desc") if sort else ("",))
        ],
        sort_of_kind,
    ),
)
def test_links_visit_every_row_once_both_ways(
    client: Client, list_: str, sort: str, direction: str
) -> None:
    fill(client, list_, 7)
    target = f"/api/{list_}?limit=3" + (f"&sort={sort}{direction}" if sort else "")
    pages = [client.get(target)]
    while "next" in links(pages[-1]):
        pages.append(client.get(links(pages[-1])["next"]))
    back = [pages[-1]]
    while "prev" in links(back[-1]):
        back.append(client.get(links(back[-1])["prev"]))
    rows = [key_of(list_, row) for page in pages for row in page.json["data"]]
    assert (len(rows), len(set(rows)), len(pages)) == (7, 7, 3)
    assert [key_of(list_, row) for page in reversed(back) for row in page.json["data"]] == rows
    assert "prev" not in links(pages[0])


@each_list
@pytest.mark.parametrize("limit", ["1", "100"])
def test_limit_is_from_1_to_100(client: Client, list_: str, limit: str) -> None:
    response = client.get(f"/api/{list_}?limit={limit}")
    assert (response.status, response.json["pagination"]["limit"]) == (200, int(limit))


@each_list
def test_total_is_optional(client: Client, list_: str) -> None:
    fill(client, list_, 3)
    assert client.get(f"/api/{list_}?limit=1&include_total=true").json["pagination"]["total"] == 3
    for query in ("limit=1", "limit=1&include_total=false"):
        assert "total" not in client.get(f"/api/{list_}?{query}").json["pagination"]

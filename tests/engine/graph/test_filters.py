"""Filters of lists: they are checked as those of REST, and also apply to the lists of parents."""

from typing import Any

import pytest

from tests.fixtures.graph import data, error_codes
from tests.fixtures.sample import Library

NESTED = """query ($filter: BookFilter) {
    shelves { slug books(filter: $filter) { name }
        booksConnection(filter: $filter) { totalCount nodes { name } } } }"""
READERS = "query ($filter: ReaderFilter) { readers(filter: $filter) { nodes { email } } }"


@pytest.fixture
def stocked(isolated_library: Library) -> Library:
    for shelf in ("novels", "poems"):
        for price in ("1", "5", "9"):
            isolated_library.add_book(f"{shelf} {price}", price=price, shelf=shelf)
    return isolated_library


@pytest.mark.parametrize(
    ("filters", "prices"),
    [
        ({}, "159"),
        ({"priceMin": 5}, "59"),
        ({"priceMin": 5, "priceMax": 5}, "5"),
        ({"priceMax": 0}, ""),
        ({"priceMin": None}, "159"),
        ({"search": "9"}, "9"),
    ],
)
def test_filter_applies_to_the_list_of_each_parent(
    stocked: Library, filters: dict[str, Any], prices: str
) -> None:
    shelves = data(stocked, NESTED, {"filter": filters})["shelves"]

    assert {shelf["slug"] for shelf in shelves} == {"novels", "poems"}
    for shelf in shelves:
        expected = [{"name": f"{shelf['slug']} {price}"} for price in prices]
        assert shelf["books"] == shelf["booksConnection"]["nodes"] == expected
        assert shelf["booksConnection"]["totalCount"] == len(prices)


def test_parent_is_no_filter_of_its_list(stocked: Library) -> None:
    response = stocked.graphql(NESTED, {"filter": {"shelfId": "1"}})

    assert set(error_codes(response)) == {"invalid_parameter"}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("search", "\0"),
        ("search", "x" * 201),
        ("search", "!"),
        ("email", "a\0@example.com"),
        ("email", f"{'x' * 250}@example.com"),
        ("email", "A B"),
    ],
)
def test_text_is_checked_by_the_kind_of_its_filter(library: Library, field: str, text: str) -> None:
    response = library.graphql(READERS, {"filter": {field: text}})

    assert error_codes(response) == ["invalid_parameter"]
    problem = response.json["errors"][0]["extensions"]["problem"]
    assert [error["parameter"] for error in problem["errors"]] == [field]


def test_text_is_read_by_the_kind_of_its_filter(library: Library) -> None:
    library.add_reader("Ada@example.com")

    assert data(library, READERS, {"filter": {"email": "ada@EXAMPLE.com"}})["readers"] == {
        "nodes": [{"email": "Ada@example.com"}]
    }


def test_list_of_rows_accepts_a_cursor(stocked: Library) -> None:
    page = """{ shelves { id booksConnection(first: 1) { pageInfo { endCursor } } } }"""
    shelf = data(stocked, page)["shelves"][0]
    after = "query ($id: ID!, $after: String) { shelf(id: $id) { books(after: $after) { name } } }"
    cursor = shelf["booksConnection"]["pageInfo"]["endCursor"]

    found = data(stocked, after, {"id": shelf["id"], "after": cursor})["shelf"]["books"]
    wrong = stocked.graphql(after, {"id": shelf["id"], "after": "nothing"})

    assert [book["name"] for book in found] == ["novels 5", "novels 9"]
    assert error_codes(wrong) == ["invalid_cursor"]

"""Parsing of query strings and path ids."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from sluice.errors import InvalidParameter
from sluice.http.query_params import MAX_VALUES, PARSERS, FieldsParams, ListParams
from sluice.sql.list_spec import Filter, FilterKind, ListSpec, Sort
from sluice.sql.projection import Projection, decimal, integer
from sluice.sql.projection import text as text_column

LIST_SPEC = ListSpec(
    projection=Projection(
        name="things",
        singular="thing",
        table="things",
        alias="t",
        key="id",
        fields={"id": integer("t.id"), "name": text_column("t.name"), "price": decimal("t.price")},
        etag="t.id::text",
    ),
    filters={
        "ids": Filter("integers", "t.id = ANY(CAST(:ids AS bigint[]))"),
        "price_min": Filter("decimal", "t.price >= CAST(:price_min AS numeric)"),
        "search": Filter("search", "sluice.words(t.name) @> sluice.search_words(:search)"),
    },
    sorts={
        "id": Sort("t.id", "bigint", unique=True),
        "name": Sort("t.name", "text"),
        "price": Sort("t.price", "numeric"),
        "created_at": Sort("t.created_at", "timestamptz"),
    },
)


def test_empty_query_is_the_first_page() -> None:
    query = ListParams(LIST_SPEC).read({})
    assert (query.limit, query.offset, query.sort, query.fields, query.cursor) == (
        20,
        0,
        (),
        None,
        None,
    )
    assert (query.include_total, dict(query.filters)) == (False, {})


def test_all_parameters_are_parsed() -> None:
    query = ListParams(LIST_SPEC).read(
        {
            "limit": "5",
            "sort": "price:desc,name",
            "fields": "id, name",
            "cursor": "abc",
            "include_total": "true",
        }
    )
    assert (query.limit, query.sort, query.cursor) == (5, (("price", True), ("name", False)), "abc")
    assert (query.fields, query.include_total) == (frozenset({"id", "name"}), True)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "-5", -5),
        ("integers", "3, 1,3", [3, 1, 3]),
        ("decimal", "19.99", Decimal("19.99")),
        ("decimal", "-1", Decimal(-1)),
        ("slugs", "a-1,b", ["a-1", "b"]),
        ("search", "Blue mug", "Blue mug"),
        ("search", "茶", "茶"),
        ("email", "Ada+shop@example.com", "Ada+shop@example.com"),
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("timestamp", "2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("timestamp", "2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("timestamp", "2026-01-31t12:00:00z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("timestamp", "2026-01-31 12:00:00+01:00", datetime(2026, 1, 31, 11, tzinfo=UTC)),
        ("timestamp", "2026-01-31T12:00:00 01:00", datetime(2026, 1, 31, 11, tzinfo=UTC)),
        (
            "timestamp",
            "2026-01-31T12:00:00.123456-23:59",
            datetime(2026, 2, 1, 11, 59, 0, 123456, tzinfo=UTC),
        ),
    ],
)
def test_filter_is_parsed_by_its_kind(kind: FilterKind, text: str, value: Any) -> None:
    assert PARSERS[kind](text) == value


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("integer", ["", "1.0", "x", "9" * 20, "٣", "1\n"]),
        ("integers", ["", "1,", ",1", "0", "-1", ",".join(["1"] * (MAX_VALUES + 1))]),
        ("decimal", ["", "1e2", "NaN", "1,5", ".5", "5.", "9" * 16, "1.5\n", "٣"]),
        ("slugs", ["", "A", "a,,b", "é", "a\n b", "x" * 201]),
        ("search", ["", " ", "!?", "a\0", "\ud800", "x" * 201]),
        (
            "email",
            [
                "",
                "ada",
                "@",
                "a@",
                "@b",
                "a@b@c",
                " a@b",
                "a@b\n",
                "a b@c",
                "a\x00@b",
                "a\x1b@b",
                "a@" + "b" * 253,
            ],
        ),
        ("boolean", ["", "1", "True", "yes"]),
        (
            "timestamp",
            [
                "",
                "x",
                "2026",
                "2026-1-1",
                "2026-02-30",
                "20260131",
                "2026-01-31T12:00:00",
                "2026-01-31T25:00:00Z",
            ],
        ),
        (
            "timestamp",
            [
                "0001-01-01T00:00:00+01:00",
                "9999-12-31T23:59:59-01:00",
                "10000-01-01",
                "2026-W01-1",
                "1769860800",
            ],
        ),
    ],
)
def test_invalid_filter_is_rejected(kind: FilterKind, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(ValueError, match=r"."):
            PARSERS[kind](text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("offset", "-1"),
        ("offset", "10001"),
        ("sort", "id,id"),
        ("sort", "x"),
        ("sort", "id,name,price,created_at"),
        ("fields", "id,x"),
        ("cursor", ""),
        ("cursor", "x" * 10_241),
        ("include_total", "1"),
        ("ids", "x"),
    ],
)
def test_invalid_parameter_is_named(name: str, text: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        ListParams(LIST_SPEC).read({name: text, "limit": "7"} if name != "limit" else {name: text})
    assert [(error.parameter, error.code) for error in caught.value.errors] == [(name, "invalid")]


def test_all_invalid_parameters_are_named() -> None:
    with pytest.raises(InvalidParameter) as caught:
        ListParams(LIST_SPEC).read(
            {"limit": "x", "offset": "1", "cursor": "c", "colour": "blue", "price_min": "x"}
        )
    assert {error.parameter for error in caught.value.errors} == {
        "limit",
        "offset",
        "colour",
        "price_min",
    }


def test_single_resource_has_only_fields() -> None:
    assert FieldsParams(LIST_SPEC.projection).read({"fields": "name,id"}) == frozenset(
        {"id", "name"}
    )
    with pytest.raises(InvalidParameter) as caught:
        FieldsParams(LIST_SPEC.projection).read({"fields": "colour", "limit": "1"})
    assert {error.parameter for error in caught.value.errors} == {"fields", "limit"}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"sort": "id:up"}, "sort must have asc or desc after the colon"),
        ({"search": "a\0"}, "search must not contain NUL characters"),
        ({"search": "a\ud800"}, "search must not contain unpaired surrogates"),
        ({"": "1"}, "a parameter without a name is not a known parameter"),
    ],
)
def test_error_message_is_a_sentence(query: dict[str, str], text: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        ListParams(LIST_SPEC).read(query)
    assert [str(error) for error in caught.value.errors] == [text]

"""Parsing of query strings and path ids."""

import pytest

from sluice.errors import InvalidParameter
from sluice.http.query_params import FieldsParams, ListParams
from sluice.kinds.integer import BigInt
from sluice.kinds.numeric import Numeric
from sluice.kinds.search import search_filter
from sluice.kinds.text import Text
from sluice.kinds.timestamp import Timestamp
from sluice.sql.list_spec import Filter, ListSpec, Sort, filters_of
from sluice.sql.projection import Projection, decimal, integer
from sluice.sql.projection import text as text_column

LIST_SPEC = ListSpec(
    projection=Projection(
        name="things",
        singular="thing",
        table="things",
        alias="t",
        keys=(BigInt("id"),),
        fields={"id": integer("t.id"), "name": text_column("t.name"), "price": decimal("t.price")},
        etag="t.id::text",
    ),
    filters={
        **filters_of(BigInt("id", minimum=1, filter="in", filter_name="ids"), "t.id"),
        **filters_of(Numeric("price", precision=12, scale=2, filter="range"), "t.price"),
        "search": Filter.of(search_filter("sluice.words(t.name) @> :search"), ""),
    },
    sorts={
        "id": Sort("t.id", BigInt("id"), unique=True),
        "name": Sort("t.name", Text("name")),
        "price": Sort("t.price", Numeric("price", precision=30, scale=9)),
        "created_at": Sort("t.created_at", Timestamp("created_at")),
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

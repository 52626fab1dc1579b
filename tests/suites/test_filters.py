"""Filters, searches and sorts of lists: which rows they return, compared with Python.

The filters that a repository declares by hand are tested with their application.
"""

import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from sluice.kinds.field import Field
from tests.fixtures.cases import case_of
from tests.fixtures.client import Client
from tests.fixtures.resources import RESOURCES, fill, list_spec

ROWS = 9  # of samples with one digit: collations agree on their order
# Bounds are inclusive, but `_before`.
BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "_min": operator.ge,
    "_max": operator.le,
    "_after": operator.ge,
    "_before": operator.lt,
}
Row = dict[str, Any]


class FieldParameter(NamedTuple):
    """A query parameter of a field.

    several: whether it takes several values, separated by commas.
    matches: compares the value of a row with one of the parameter.
    """

    field: Field
    parameter: str
    several: bool
    matches: Callable[[Any, Any], bool]


def filters_of(field: Field) -> list[FieldParameter]:
    """Return the parameters of a field, by its operators."""
    found = []
    name = field.filter_name
    if "equal" in field.operators or "in" in field.operators:
        found.append(FieldParameter(field, name, "in" in field.operators, operator.eq))
    if "range" in field.operators:
        for suffix, _ in field.range_filters:
            found.append(FieldParameter(field, name + suffix, False, BOUNDS[suffix]))
    return found


FILTERS = [
    (name, each)
    for name in RESOURCES
    for field in case_of(name).resource.all_fields
    for each in filters_of(field)
]
SORTS = [
    (name, f"{field}{direction}")
    for name in RESOURCES
    for field in list_spec(name).sorts
    for direction in ("", ":desc")
]
SEARCHES = [name for name in RESOURCES if "search" in list_spec(name).filters]


def ids(value: object) -> str:
    return value.parameter if isinstance(value, FieldParameter) else str(value)


def stored(field: Field, value: object) -> Any:
    """Return a JSON value as Python compares it. Without regard to case if the field says so."""
    read = field.read(value, "")
    return read.lower() if isinstance(read, str) and getattr(field, "ignore_case", False) else read


def text_of(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def rows_of(client: Client, name: str, query: str = "") -> list[Row]:
    response = client.get(f"/api/{name}?limit=100{query}")
    assert response.status == 200, response.text
    rows: list[Row] = response.json["data"]
    return rows


def matching(rows: list[Row], each: FieldParameter, values: list[object]) -> list[Row]:
    """Return the rows that the filter should find. Null matches nothing."""
    field = each.field
    wanted = [stored(field, value) for value in values]
    return [
        row
        for row in rows
        if row[field.name] is not None
        and any(each.matches(stored(field, row[field.name]), value) for value in wanted)
    ]


def sorted_rows(name: str, rows: list[Row], sort: str) -> list[Row]:
    """Return the rows in the order of `sort`: nulls last, ties by key, or the other way round."""
    fields = case_of(name).resource.by_name
    sorted_by, _, direction = sort.partition(":")

    def key(row: Row) -> tuple[Any, ...]:
        value = row[sorted_by]
        found = (1,) if value is None else (0, stored(fields[sorted_by], value))
        ties = (stored(each, row[each.name]) for each in case_of(name).resource.keys)
        return (found, *ties)

    return sorted(rows, key=key, reverse=direction == "desc")


def values_of(rows: list[Row], field: Field) -> list[object]:
    """Return the different values of the rows, but null."""
    found = {text_of(row[field.name]): row[field.name] for row in rows}
    return [value for value in found.values() if value is not None]


@pytest.mark.parametrize(("name", "each"), FILTERS, ids=ids)
def test_filter_finds_what_python_finds(client: Client, name: str, each: FieldParameter) -> None:
    fill(client, name, ROWS)
    rows = rows_of(client, name)
    values = values_of(rows, each.field)
    assert values

    for value in [*values, each.field.sample(77)]:
        found = rows_of(client, name, f"&{each.parameter}={quote(text_of(value))}")
        assert found == matching(rows, each, [value]), value
        if getattr(each.field, "ignore_case", False):
            other = quote(str(value).swapcase())
            assert rows_of(client, name, f"&{each.parameter}={other}") == found


@pytest.mark.parametrize(
    ("name", "each"), [e for e in FILTERS if getattr(e[1].field, "ignore_case", False)], ids=ids
)
def test_filter_ignores_case_of_all_letters(
    client: Client, name: str, each: FieldParameter
) -> None:
    case = case_of(name)
    text = f"Äß{each.field.sample(1)}"
    case.insert_row(client, {**case.row(client, 1), each.field.name: text})

    for other in (text, text.lower(), text.upper().replace("SS", "ß")):
        assert len(rows_of(client, name, f"&{each.parameter}={quote(other)}")) == 1, other


@pytest.mark.parametrize(
    ("name", "each"), [(name, each) for name, each in FILTERS if each.several], ids=ids
)
def test_filter_takes_several_values(client: Client, name: str, each: FieldParameter) -> None:
    fill(client, name, ROWS)
    rows = rows_of(client, name)
    values = [*values_of(rows, each.field)[:2], each.field.sample(77)]

    for chosen in (values, values[::-1], values[1:], [values[0], values[0]]):
        text = ",".join(text_of(value) for value in chosen)
        assert rows_of(client, name, f"&{each.parameter}={text}") == matching(rows, each, chosen)


@pytest.mark.parametrize(("name", "sort"), SORTS, ids=ids)
def test_list_is_sorted_as_python_sorts(client: Client, name: str, sort: str) -> None:
    """Alone, and together with each filter."""
    fill(client, name, ROWS)
    rows = rows_of(client, name)

    assert rows_of(client, name, f"&sort={sort}") == sorted_rows(name, rows, sort)
    for each in (each for list_, each in FILTERS if list_ == name):
        value = values_of(rows, each.field)[-1]
        query = f"&sort={sort}&{each.parameter}={quote(text_of(value))}"
        expected = sorted_rows(name, matching(rows, each, [value]), sort)
        assert rows_of(client, name, query) == expected, query


@pytest.mark.parametrize(("name", "sort"), SORTS, ids=ids)
def test_second_sort_key_has_its_direction(client: Client, name: str, sort: str) -> None:
    fill(client, name, ROWS)
    key = case_of(name).resource.keys[0].name
    other = "" if sort.endswith(":desc") else ":desc"
    rows = sorted_rows(name, rows_of(client, name), f"{key}{other}")
    sorted_by, _, direction = sort.partition(":")
    if sorted_by == key:
        return
    fields = case_of(name).resource.by_name

    def value(row: Row) -> tuple[Any, ...]:
        found = row[sorted_by]
        return (1,) if found is None else (0, stored(fields[sorted_by], found))

    expected = sorted(rows, key=value, reverse=direction == "desc")
    assert rows_of(client, name, f"&sort={sort},{key}{other}") == expected


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.lower()))


@pytest.mark.parametrize("name", SEARCHES)
def test_search_finds_rows_with_every_word(client: Client, name: str) -> None:
    fill(client, name, ROWS)
    rows = rows_of(client, name)
    searched = [field.name for field in case_of(name).resource.all_fields if field.search]
    in_row = [words(" ".join(row[field] or "" for field in searched)) for row in rows]
    some = sorted(in_row[0] | in_row[1])

    one = [*some, some[0].upper(), some[0] + "q", some[0][:1]]
    for search in [*one, " ".join(sorted(in_row[0])), " ".join(some), f"{some[0]} other"]:
        expected = [row for row, found in zip(rows, in_row, strict=True) if words(search) <= found]
        assert rows_of(client, name, f"&search={quote(search)}") == expected, search

"""Filters, searches and sorts of lists: which rows they return, compared with PostgreSQL itself.

The conditions are written here. The filters that a repository declares by hand are tested with
their application. tests/suites/test_oracle.py has pages of random rows in each order.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest

from sluice.kinds.field import Field
from sluice.sql.derived import table
from sluice.sql.identifiers import quoted
from tests.fixtures.cases import case_of, stored
from tests.fixtures.client import Client
from tests.fixtures.matrix import kind_of, one_of_each, owner_of
from tests.fixtures.resources import RESOURCES, fill, key_of, list_spec

ROWS = 9  # of samples with one digit: collations agree on their order
VALUES = 4  # so many values of each filter
# Parameter or operator → condition. Bounds are inclusive, but `_before`.
CONDITIONS = {
    "equal": "{column} = {value}",
    "in": "{column} = {value}",
    "_min": "{column} >= {value}",
    "_max": "{column} <= {value}",
    "_after": "{column} >= {value}",
    "_before": "{column} < {value}",
    "prefix": "starts_with(CAST({column} AS text), CAST({value} AS text))",
    "is_null": "({column} IS NULL) = {value}",
    "has": "{value} = ANY ({column})",
    "contains": "{column} @> {value}",
}
Row = dict[str, Any]


class FieldParameter(NamedTuple):
    """A query parameter of a field, and the SQL condition of what it finds."""

    field: Field
    parameter: str
    operator: str
    condition: str

    @property
    def several(self) -> bool:
        """Whether it takes several values."""
        return self.operator == "in"

    @property
    def ignores_case(self) -> bool:
        is_compared = self.operator in ("equal", "in", "range")
        return is_compared and bool(getattr(self.field, "ignore_case", False))

    def values(self, rows: list[Row]) -> list[Any]:
        """Return different values to filter by, of rows and of none."""
        shown = [row[self.field.name] for row in rows if row[self.field.name] is not None]
        sample = self.field.sample(77)
        match self.operator:
            case "is_null":
                return [True, False]
            case "has":
                items = [item for value in shown for item in value if item is not None]
                return different([*items, self.field.of.sample(77)])  # type: ignore[attr-defined]
            case "prefix":
                return different([*(text[:1] for text in shown), *shown, sample, "%", "_", "\\"])
            case "contains":
                return different([{}, *shown, sample])
            case _:
                return different([*shown, sample])

    def bound(self, value: Any) -> Any:
        """Return a value as it is bound."""
        if self.operator in ("is_null", "prefix"):
            return value
        return stored(self.field.of if self.operator == "has" else self.field, value)  # type: ignore[attr-defined]

    def sql(self, number: int) -> str:
        """Return the condition with the parameter `:v0`, `:v1`, …"""
        kind = self.field.of if self.operator == "has" else self.field  # type: ignore[attr-defined]
        types = {"is_null": "boolean", "prefix": "text"}
        value = f"CAST(:v{number} AS {types.get(self.operator, kind.sql_type)})"
        column = quoted(self.field.column)
        if getattr(self.field, "ignore_case", False) and self.operator != "is_null":
            value, column = f"lower(CAST({value} AS text))", f"lower(CAST({column} AS text))"
        return self.condition.format(column=column, value=value)


def different(values: list[Any]) -> list[Any]:
    """Return up to VALUES different values, the last one among them."""
    found = list({json.dumps(value): value for value in values}.values())
    return [*found[: VALUES - 1], found[-1]]


def filters_of(field: Field) -> list[FieldParameter]:
    """Return the parameters of a field, by its operators."""
    return [
        FieldParameter(
            field,
            parameter,
            operator,
            CONDITIONS[
                parameter.removeprefix(field.filter_name) if operator == "range" else operator
            ],
        )
        for operator in field.operators
        for parameter in field.filters_of(operator)
    ]


FILTERS = [
    (name, each)
    for name in RESOURCES
    for field in case_of(name).resource.all_fields
    if not field.needs_column_sql
    for each in filters_of(field)
]
SORTS = [
    (name, f"{field}{direction}")
    for name in RESOURCES
    for field in list_spec(name).sorts
    if not case_of(name).resource.by_name[field].needs_column_sql
    for direction in ("", ":desc")
]
SEARCHES = [name for name in RESOURCES if "search" in list_spec(name).filters]


def ids(value: object) -> str:
    return value.parameter if isinstance(value, FieldParameter) else str(value)


def filter_of_kind(name: str, each: FieldParameter) -> tuple[object, ...]:
    return owner_of(name), each.condition, *kind_of(each.field)


def sort_of_kind(name: str, sort: str) -> tuple[object, ...]:
    field, _, direction = sort.partition(":")
    declared = case_of(name).resource.by_name[field]
    return owner_of(name), direction, declared.nullable, *kind_of(declared)


def text_of(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def rows_of(client: Client, name: str, query: str = "") -> list[Row]:
    response = client.get(f"/api/{name}?limit=100{query}")
    assert response.status == 200, response.text
    rows: list[Row] = response.json["data"]
    return rows


def keys_of(client: Client, name: str, query: str) -> list[Any]:
    return [key_of(name, row) for row in rows_of(client, name, query)]


def selected(
    client: Client,
    name: str,
    each: FieldParameter | None = None,
    values: Sequence[Any] = (),
    order: Sequence[str] = (),
) -> list[Any]:
    """Return the keys of the rows with one of the values, in the order of `?sort=`."""
    resource = case_of(name).resource
    keys = ", ".join(f"to_json({key.select(quoted(key.column))})" for key in resource.keys)
    terms, is_descending = [], False
    for term in order:
        field, _, direction = term.partition(":")
        column = quoted(resource.by_name[field].column)
        is_descending = direction == "desc"
        key = (
            f"lower({column})" if getattr(resource.by_name[field], "ignore_case", False) else column
        )
        terms.append(f"{key} {'DESC' if is_descending else 'ASC'}")
    terms += [f"{quoted(k.column)} {'DESC' if is_descending else 'ASC'}" for k in resource.keys]
    conditions = [f"({each.sql(n)})" for n, _ in enumerate(values)] if each else []
    if resource.soft_delete:
        assert not client.sql(
            f"SELECT 1 FROM {table(resource)} WHERE {resource.soft_delete} < now()"
        )
    where = f"WHERE {' OR '.join(conditions)}" if conditions else ""
    params = {f"v{n}": each.bound(value) for n, value in enumerate(values)} if each else {}
    query = f"SELECT {keys} FROM {table(resource)} {where} ORDER BY {', '.join(terms)}"
    return [tuple(row) for row in client.sql(query, **params)]


@pytest.mark.parametrize(("name", "each"), one_of_each(FILTERS, filter_of_kind), ids=ids)
def test_filter_finds_what_postgresql_finds(
    client: Client, name: str, each: FieldParameter
) -> None:
    fill(client, name, ROWS)

    for value in each.values(rows_of(client, name)):
        expected = selected(client, name, each, [value])
        query = f"&{each.parameter}={quote(text_of(value))}"
        assert keys_of(client, name, query) == expected, value
        if each.ignores_case:
            other = quote(str(value).swapcase())
            assert keys_of(client, name, f"&{each.parameter}={other}") == expected


@pytest.mark.parametrize(("name", "each"), [e for e in FILTERS if e[1].ignores_case], ids=ids)
def test_filter_ignores_case_of_all_letters(
    client: Client, name: str, each: FieldParameter
) -> None:
    case = case_of(name)
    text = f"Äß{each.field.sample(1)}"
    case.insert_row(client, {**case.row(client, 1), each.field.name: text})

    for other in (text, text.lower(), text.upper().replace("SS", "ß")):
        assert len(rows_of(client, name, f"&{each.parameter}={quote(other)}")) == 1, other


@pytest.mark.parametrize(
    ("name", "each"),
    one_of_each([each for each in FILTERS if each[1].several], filter_of_kind),
    ids=ids,
)
def test_filter_takes_several_values(client: Client, name: str, each: FieldParameter) -> None:
    fill(client, name, ROWS)
    values = each.values(rows_of(client, name))

    for chosen in (values, values[::-1], values[1:], [values[0], values[0]]):
        texts = [text_of(value) for value in chosen]
        expected = selected(client, name, each, chosen)
        query = urlencode([(each.parameter, text) for text in texts])
        assert keys_of(client, name, f"&{query}") == expected
        if each.field.splits_at_commas:
            assert keys_of(client, name, f"&{each.parameter}={quote(','.join(texts))}") == expected


@pytest.mark.parametrize(("name", "sort"), one_of_each(SORTS, sort_of_kind), ids=ids)
def test_list_is_sorted_as_postgresql_sorts(client: Client, name: str, sort: str) -> None:
    """Alone, with a second key in the other direction, and together with a filter."""
    fill(client, name, ROWS)
    key = case_of(name).resource.keys[0].name
    second = f"{key}{'' if sort.endswith(':desc') else ':desc'}"

    assert keys_of(client, name, f"&sort={sort}") == selected(client, name, order=[sort])
    if sort.partition(":")[0] != key:
        found = keys_of(client, name, f"&sort={sort},{second}")
        assert found == selected(client, name, order=[sort, second])
    filters = [each for list_, each in FILTERS if list_ == name]
    for each in filters[SORTS.index((name, sort)) % max(len(filters), 1) :][:1]:
        value = each.values(rows_of(client, name))[0]
        query = f"&sort={sort}&{each.parameter}={quote(text_of(value))}"
        assert keys_of(client, name, query) == selected(client, name, each, [value], [sort])


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

"""Each filter of each list finds what the same filter of REST finds."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pytest

from sluice.graph.part import graphql_name, is_from_one
from sluice.kinds.array import Array
from sluice.kinds.field import Field
from tests.fixtures.client import Client
from tests.fixtures.graph import data, error_codes
from tests.fixtures.graph_types import (
    LISTS,
    TYPES,
    arguments_of,
    id_of,
    reference_id,
    resource_of,
    rest_rows,
    value_of,
)
from tests.fixtures.resources import fill

TOTAL = 8


def filters_of(list_: str) -> list[str]:
    arguments = arguments_of("Query", list_)
    pages = {"first", "after", "last", "before", "sortBy", "filter"}
    named = arguments["filter"].type.fields if "filter" in arguments else ()
    return [*named, *(name for name in arguments if name not in pages)]


def type_of_filter(list_: str, filter_: str) -> str:
    arguments = arguments_of("Query", list_)
    named = arguments["filter"].type.fields if "filter" in arguments else arguments
    return str(named[filter_].type)


def filter_values(
    client: Client, name: str, filter_: str, rows: Sequence[Mapping[str, Any]]
) -> Any:
    """Return a value of a filter that finds one of the rows: for GraphQL, and as REST's query."""
    resource = resource_of(name)
    for field in resource.all_fields:
        value = next((row[field.name] for row in rows if row[field.name] is not None), None)
        if field.reference and filter_ == graphql_name(field.reference.key.name):
            return reference_id(client, field, value), f"{field.filter_name}={value}"
        for parameter in field.filters():
            if filter_ == graphql_name(parameter):
                if parameter.endswith("_is_null"):  # no two rows have a null that is unique
                    has_null = any(row[field.name] is None for row in rows)
                    return has_null, f"{parameter}={json.dumps(has_null)}"
                given, text = part_of(field, parameter, value)
                is_list = "in" in field.operators and parameter == field.filter_name
                return ([given] if is_list else given), f"{parameter}={quote(text)}"
    if filter_ == "search":
        word = next(str(rows[0][field.name]) for field in resource.all_fields if field.search)
        return word, f"search={quote(word)}"
    (extra,) = (each for each in resource.filters if filter_ == graphql_name(each.name))
    return extra.sample(1), f"{extra.name}={str(extra.sample(1)).lower()}"


def part_of(field: Field, parameter: str, value: Any) -> tuple[Any, str]:
    """Return what a filter compares with the value: for GraphQL, and as REST's text."""
    match parameter.removeprefix(field.filter_name):
        case "_prefix":
            return value[:2], value[:2]
        case "_has":
            assert isinstance(field, Array)
            return value_of(field.of, value[0]), text_of(value[0])
    return value_of(field, value), text_of(value)


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("list_", LISTS)
def test_filters_find_the_rows_that_rest_finds(client: Client, list_: str) -> None:
    name = LISTS[list_]
    fill(client, TYPES[name].resource, TOTAL)
    rows = rest_rows(client, name)
    for filter_ in filters_of(list_):
        check_filter(client, list_, filter_, rows)


def is_by_number(name: str, filter_: str) -> bool:
    """Return whether the filter is by an id that is a whole number from 1."""
    return any(
        filter_ in (graphql_name(field.filter_name), graphql_name(key.name)) and is_from_one(key)
        for field in resource_of(name).all_fields
        for key in (field.reference.key if field.reference else field,)
    )


def check_filter(client: Client, list_: str, filter_: str, rows: list[dict[str, Any]]) -> None:
    """Compare what a filter finds with REST's rows, and what it ignores or rejects."""
    name = LISTS[list_]
    argument = "filter" if "filter" in arguments_of("Query", list_) else filter_
    type_ = arguments_of("Query", list_)[argument].type
    query = f"""query ($value: {type_}, $after: String) {{
        list: {list_}({argument}: $value, after: $after) {{
            nodes {{ id }} totalCount pageInfo {{ startCursor }} }} }}"""
    value, parameter = filter_values(client, name, filter_, rows[TOTAL // 2 :])

    def variables(value: Any, after: str | None = None) -> Any:
        return {"value": {filter_: value} if argument == "filter" else value, "after": after}

    for sent, expected in ((value, rest_rows(client, name, f"&{parameter}")), (None, rows)):
        found = data(client, query, variables(sent))["list"]
        ids = [id_of(name, row) for row in expected]
        assert [node["id"] for node in found["nodes"]] == ids, filter_
        assert 0 < found["totalCount"] == len(expected) <= TOTAL, filter_
    other = client.graphql(query, variables(value, found["pageInfo"]["startCursor"]))
    assert error_codes(other) == ["invalid_cursor"], filter_
    if "ID" in type_of_filter(list_, filter_) and is_by_number(name, filter_):
        for unknown in ("12345678", "abc", ""):
            assert data(client, query, variables(unknown))["list"]["totalCount"] == 0, filter_
    elif "ID" in type_of_filter(list_, filter_):
        wrong = client.graphql(query, variables("\0"))
        assert error_codes(wrong) == ["invalid_parameter"], filter_
        assert wrong.json["errors"][0]["extensions"]["problem"]["errors"][0]["parameter"] == filter_

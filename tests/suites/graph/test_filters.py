"""Each filter of each list finds what the same filter of REST finds."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pytest

from sluice.graph.part import graphql_name
from tests.fixtures.client import Client
from tests.fixtures.graph import data, error_codes
from tests.fixtures.graph_types import LISTS, TYPES, arguments_of, resource_of, rest_rows, value_of
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
        if field.reference and filter_ == graphql_name(field.reference.key.column):
            by = field.reference.by
            parents = client.get(f"/api/{field.reference.resource}?limit=100").json["data"]
            id = next(parent["id"] for parent in parents if parent[by or "id"] == value)
            return str(id), f"{field.filter_name}={value}"
        for parameter in field.filters():
            if filter_ == graphql_name(parameter):
                given = value_of(field, value, is_id=field in resource.keys)
                is_list = "in" in field.operators and parameter == field.filter_name
                return ([given] if is_list else given), f"{parameter}={quote(str(value))}"
    if filter_ == "search":
        word = next(str(rows[0][field.name]) for field in resource.all_fields if field.search)
        return word, f"search={quote(word)}"
    (extra,) = (each for each in resource.filters if filter_ == graphql_name(each.name))
    return extra.sample(1), f"{extra.name}={str(extra.sample(1)).lower()}"


@pytest.mark.parametrize(
    ("list_", "filter_"), [(list_, filter_) for list_ in LISTS for filter_ in filters_of(list_)]
)
def test_filter_finds_the_rows_that_rest_finds(client: Client, list_: str, filter_: str) -> None:
    name = LISTS[list_]
    fill(client, TYPES[name].resource, TOTAL)
    rows = sorted(rest_rows(client, name), key=lambda row: row["id"])
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
        assert [int(node["id"]) for node in found["nodes"]] == [row["id"] for row in expected]
        assert 0 < found["totalCount"] == len(expected) <= TOTAL
    other = client.graphql(query, variables(value, found["pageInfo"]["startCursor"]))
    assert error_codes(other) == ["invalid_cursor"]
    if "ID" in type_of_filter(list_, filter_):
        for unknown in ("12345678", "abc", ""):
            assert data(client, query, variables(unknown))["list"]["totalCount"] == 0

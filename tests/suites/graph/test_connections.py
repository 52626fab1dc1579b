"""Pages of each list and of each row's children: forwards, backwards, sorted and filtered."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from sluice.graph.part import graphql_name
from sluice.kinds.field import Field
from tests.fixtures.client import Client
from tests.fixtures.graph import data, error_codes
from tests.fixtures.graph_types import (
    CHILDREN,
    LISTS,
    ROWS,
    TYPES,
    arguments_of,
    node_of,
    resource_of,
    selection,
    value_of,
)
from tests.fixtures.resources import fill

TOTAL, SIZE = 8, 3
PAGE = "edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
ORDERED: dict[str, Callable[[Any], Any]] = {
    "Decimal": Decimal,
    "BigInt": int,
    "ID": int,
}


def sorts_of(list_: str) -> list[tuple[str, str]]:
    """Return the sorts of a list, each in both directions; ("", "") is its default."""
    if "sortBy" not in arguments_of("Query", list_):
        return [("", "")]
    enum = arguments_of("Query", list_)["sortBy"].type.fields["field"].type.of_type
    return [("", ""), *((name, way) for name in enum.values for way in ("ASC", "DESC"))]


def filters_of(list_: str) -> list[str]:
    arguments = arguments_of("Query", list_)
    pages = {"first", "after", "last", "before", "sortBy", "filter"}
    named = arguments["filter"].type.fields if "filter" in arguments else ()
    return [*named, *(name for name in arguments if name not in pages)]


def rest_rows(client: Client, name: str, query: str = "") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(f"/api/{TYPES[name].resource}?limit=100{query}").json[
        "data"
    ]
    return rows


def ids_sorted(name: str, rows: list[dict[str, Any]], field_name: str, way: str) -> list[str]:
    """Return the ids of the rows in order. Equal rows are in the order of their ids."""
    field = resource_of(name).by_name[field_name.lower() or "id"]

    def key(row: Mapping[str, Any]) -> Any:
        value = row[field.name]
        if isinstance(value, str) and getattr(field, "ignore_case", False):
            value = value.lower()
        ordered = ORDERED.get(field.graphql_type, lambda value: value)
        return value is None, value if value is None else ordered(value), row["id"]

    return [str(row["id"]) for row in sorted(rows, key=key, reverse=way == "DESC")]


def check_page(page: Mapping[str, Any], ids: list[str], start: int, stop: int) -> None:
    """Check a page of the rows from `start` to `stop` of a list, which is not empty."""
    assert [edge["node"]["id"] for edge in page["edges"]] == ids[start:stop]
    assert page["pageInfo"] == {
        "hasPreviousPage": start > 0,
        "hasNextPage": stop < len(ids),
        "startCursor": page["edges"][0]["cursor"],
        "endCursor": page["edges"][-1]["cursor"],
    }


@pytest.mark.parametrize(
    ("list_", "field", "way"),
    [(list_, *sort) for list_ in LISTS for sort in sorts_of(list_)],
)
def test_pages_go_forwards_and_backwards(client: Client, list_: str, field: str, way: str) -> None:
    fill(client, TYPES[LISTS[list_]].resource, TOTAL)
    ids = ids_sorted(LISTS[list_], rest_rows(client, LISTS[list_]), field, way)
    sort = f", sortBy: {{field: {field}, direction: {way}}}" if field else ""

    def page(arguments: str) -> Any:
        found = data(client, f"{{ {list_}({arguments}{sort}) {{ {PAGE} totalCount }} }}")[list_]
        assert found.pop("totalCount") == TOTAL
        return found

    after = ""
    for start in range(0, TOTAL, SIZE):
        found = page(f"first: {SIZE}{after}")
        check_page(found, ids, start, min(start + SIZE, TOTAL))
        after = f', after: "{found["pageInfo"]["endCursor"]}"'
    if "last" not in arguments_of("Query", list_):
        return
    before = ""
    for stop in range(TOTAL, 0, -SIZE):
        found = page(f"last: {SIZE}{before}")
        check_page(found, ids, max(stop - SIZE, 0), stop)
        before = f', before: "{found["pageInfo"]["startCursor"]}"'


@pytest.mark.parametrize("list_", LISTS)
def test_nodes_are_the_rows_of_rest(client: Client, list_: str) -> None:
    name = LISTS[list_]
    fill(client, TYPES[name].resource, 2)

    nodes = data(client, f"{{ {list_} {{ nodes {{ {selection(name)} }} }} }}")[list_]["nodes"]

    assert nodes == [node_of(name, row) for row in rest_rows(client, name)]


def filter_values(client: Client, name: str, filter_: str, row: Mapping[str, Any]) -> Any:
    """Return a value of a filter that finds the row: for GraphQL, and as a query of REST."""
    resource = resource_of(name)
    for field in resource.all_fields:
        value = row[field.name]
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
        word = next(str(row[field.name]) for field in resource.all_fields if field.search)
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
    query = f"""query ($value: {type_}) {{
        list: {list_}({argument}: $value) {{ nodes {{ id }} totalCount }} }}"""
    value, parameter = filter_values(client, name, filter_, rows[TOTAL // 2])

    for given, expected in ((value, rest_rows(client, name, f"&{parameter}")), (None, rows)):
        variable = {filter_: given} if argument == "filter" else given
        found = data(client, query, {"value": variable})["list"]
        assert [int(node["id"]) for node in found["nodes"]] == [row["id"] for row in expected]
        assert 0 < found["totalCount"] == len(expected) <= TOTAL


@pytest.mark.parametrize(
    "arguments",
    ["first: 0", "first: 101", "first: -1", "last: 0", "last: 101", "first: 5, last: 5"],
)
@pytest.mark.parametrize("list_", [each for each in LISTS if "last" in arguments_of("Query", each)])
def test_page_size_is_1_to_100(client: Client, list_: str, arguments: str) -> None:
    response = client.graphql(f"{{ {list_}({arguments}) {{ totalCount }} }}")

    assert (response.status, error_codes(response)) == (200, ["invalid_parameter"])
    assert "data" not in response.json


@pytest.mark.parametrize("cursor", ["", " ", "0", "a" * 300, "ä", "\0"])
@pytest.mark.parametrize("list_", LISTS)
def test_invalid_cursor_names_its_argument(client: Client, list_: str, cursor: str) -> None:
    for argument in {"after", "before"} & arguments_of("Query", list_).keys():
        query = f"query ($c: String) {{ {list_}({argument}: $c) {{ nodes {{ id }} }} }}"

        response = client.graphql(query, {"c": cursor})

        assert error_codes(response) == ["invalid_cursor"]
        problem = response.json["errors"][0]["extensions"]["problem"]
        assert problem["errors"][0]["parameter"] == argument


@pytest.mark.parametrize("list_", LISTS)
def test_cursor_belongs_to_its_list(client: Client, list_: str) -> None:
    fill(client, TYPES[LISTS[list_]].resource, 2)
    page = data(client, f"{{ {list_}(first: 1) {{ pageInfo {{ endCursor }} }} }}")[list_]
    cursor = f'after: "{page["pageInfo"]["endCursor"]}"'
    sorts = [
        f"{list_}({cursor}, sortBy: {{field: {field}, direction: {way}}})"
        for field, way in sorts_of(list_)
        if (field, way) not in (("", ""), ("ID", "ASC"))
    ]
    others = [f"{other}({cursor})" for other in LISTS if other != list_]

    assert data(client, f"{{ {list_}({cursor}) {{ nodes {{ id }} }} }}")[list_]["nodes"]
    for field in (*sorts, *others):
        response = client.graphql(f"{{ {field} {{ nodes {{ id }} }} }}")
        assert error_codes(response) == ["invalid_cursor"], field


def reference_to(name: str, parent: str) -> Field:
    """Return the field of a type that references the rows of another type."""
    target = TYPES[parent].resource
    (field,) = (
        each
        for each in resource_of(name).all_fields
        if each.reference and each.reference.resource == target
    )
    return field


@pytest.mark.parametrize(("parent", "field"), CHILDREN)
def test_children_of_a_row_have_pages(client: Client, parent: str, field: str) -> None:
    name = CHILDREN[parent, field]
    fill(client, TYPES[name].resource, TOTAL)
    reference = reference_to(name, parent)
    assert reference.reference
    by = reference.reference.by or "id"
    for row in client.get(f"/api/{TYPES[parent].resource}?limit=100").json["data"]:
        children = [
            str(child["id"])
            for child in rest_rows(client, name)
            if child[reference.name] == row[by]
        ]
        query = f"""query ($id: ID!, $after: String) {{ parent: {ROWS[parent]}(id: $id) {{
            page: {field}(first: 2, after: $after) {{ {PAGE} totalCount }} }} }}"""
        after = None
        for start in range(0, len(children), 2):
            page = data(client, query, {"id": row["id"], "after": after})["parent"]["page"]
            check_page(page, children, start, min(start + 2, len(children)))
            assert page["totalCount"] == len(children)
            after = page["pageInfo"]["endCursor"]

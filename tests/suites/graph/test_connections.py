"""Pages of each list and of each row's children: forwards, backwards and sorted."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.graph.part import graphql_name
from sluice.sql.identifiers import qualified, quoted
from tests.fixtures.cases import case_of
from tests.fixtures.client import Client
from tests.fixtures.graph import data, error_codes
from tests.fixtures.graph_types import (
    CHILDREN,
    FIELDS,
    LISTS,
    ROWS,
    TYPES,
    arguments_of,
    id_of,
    node_of,
    resource_of,
    rest_rows,
    selection,
)
from tests.fixtures.matrix import kind_of, one_of_each, owner_of
from tests.fixtures.own_tables import tenant_of_tests
from tests.fixtures.resources import fill, key_of

TOTAL, SIZE = 8, 3
PAGE = "edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
MAX_SORTS = 12  # of one list, in the tests of each sort; random pages have all


def sorts_of(list_: str) -> list[tuple[str, str]]:
    """Return the sorts of a list, each in both directions; ("", "") is its default."""
    if "sortBy" not in arguments_of("Query", list_):
        return [("", "")]
    enum = arguments_of("Query", list_)["sortBy"].type.fields["field"].type.of_type
    return [("", ""), *((name, way) for name in enum.values for way in ("ASC", "DESC"))]


def some_sorts_of(list_: str) -> list[tuple[str, str]]:
    sorts = sorts_of(list_)
    return sorts[:: len(sorts) // MAX_SORTS + 1]


def sort_of_kind(list_: str, field: str, way: str) -> tuple[object, ...]:
    resource = resource_of(LISTS[list_])
    sorted_by = resource.by_name.get(field.lower())
    if sorted_by is None:
        return list_, field, way
    return owner_of(resource.name), sorted_by.nullable, *kind_of(sorted_by), way


def ids_sorted(client: Client, name: str, field: str, way: str) -> list[str]:
    """Return the ids of the rows in the order of REST, which has tests of its own."""
    sort = f"&sort={field.lower()}:{way.lower()}" if field else ""
    return [id_of(name, row) for row in rest_rows(client, name, sort)]


def check_page(page: Mapping[str, Any], ids: list[str], start: int, stop: int) -> None:
    """Check a page of the rows from `start` to `stop` of a list."""
    assert [edge["node"]["id"] for edge in page["edges"]] == ids[start:stop]
    assert page["pageInfo"] == {
        "hasPreviousPage": start > 0,
        "hasNextPage": stop < len(ids),
        "startCursor": page["edges"][0]["cursor"],
        "endCursor": page["edges"][-1]["cursor"],
    }


@pytest.mark.parametrize(
    ("list_", "field", "way"),
    one_of_each([(list_, *sort) for list_ in LISTS for sort in some_sorts_of(list_)], sort_of_kind),
)
def test_pages_go_forwards_and_backwards(client: Client, list_: str, field: str, way: str) -> None:
    fill(client, TYPES[LISTS[list_]].resource, TOTAL)
    ids = ids_sorted(client, LISTS[list_], field, way)
    sort = f", sortBy: {{field: {field}, direction: {way}}}" if field else ""

    def page(arguments: str) -> Any:
        found = data(client, f"{{ {list_}({arguments}{sort}) {{ {PAGE} totalCount }} }}")[list_]
        assert found.pop("totalCount") == TOTAL
        return found

    rest_sort = f"&sort={field.lower()}:{way.lower()}" if field else ""
    rest = client.get(f"/api/{TYPES[LISTS[list_]].resource}?limit={SIZE}{rest_sort}").json
    cursor = rest["pagination"]["next_cursor"]
    check_page(page(f'first: {SIZE}, after: "{cursor}"'), ids, SIZE, 2 * SIZE)
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


@pytest.mark.parametrize(("list_", "examples"), [(list_, 25) for list_ in LISTS])
def test_random_pages_match_the_model(client: Client, list_: str, examples: int) -> None:
    check_random_pages(client, list_, examples)


@pytest.mark.slow
@pytest.mark.parametrize("list_", LISTS)
def test_a_thousand_random_pages_match_the_model(client: Client, list_: str) -> None:
    check_random_pages(client, list_, 1_000)


def check_random_pages(client: Client, list_: str, examples: int) -> None:
    """Read pages between two random rows, which may be in the wrong order, in random sorts."""
    name = LISTS[list_]
    fill(client, TYPES[name].resource, 14)
    can_go_back = "last" in arguments_of("Query", list_)
    orders: dict[tuple[str, str], list[str]] = {}
    cursors: dict[tuple[str, str], list[str]] = {}
    index = st.none() | st.integers(0, len(rest_rows(client, name)) - 1)

    @settings(max_examples=examples, deadline=None)
    @given(
        sort=st.sampled_from(sorts_of(list_)),
        after=index,
        before=index if can_go_back else st.none(),
        size=st.integers(1, 7),
        backward=st.booleans() if can_go_back else st.just(False),
    )
    def check(
        sort: tuple[str, str], after: int | None, before: int | None, size: int, *, backward: bool
    ) -> None:
        if sort not in orders:
            orders[sort] = ids_sorted(client, name, *sort)
        ids = orders[sort]
        sort_text = f", sortBy: {{field: {sort[0]}, direction: {sort[1]}}}" if sort[0] else ""
        if sort not in cursors:
            page = data(client, f"{{ {list_}(first: 100{sort_text}) {{ {PAGE} }} }}")[list_]
            check_page(page, ids, 0, len(ids))
            cursors[sort] = [edge["cursor"] for edge in page["edges"]]
        arguments = f"{'last' if backward else 'first'}: {size}{sort_text}" + "".join(
            f', {argument}: "{cursors[sort][at]}"'
            for argument, at in (("after", after), ("before", before))
            if at is not None
        )
        page = data(client, f"{{ {list_}({arguments}) {{ {PAGE} }} }}")[list_]
        start, stop = 0 if after is None else after + 1, len(ids) if before is None else before
        if start >= stop:
            assert page["edges"] == []
            assert page["pageInfo"] == {
                "hasPreviousPage": after is not None,
                "hasNextPage": before is not None,
                "startCursor": None,
                "endCursor": None,
            }
        elif backward:
            check_page(page, ids, max(stop - size, start), stop)
        else:
            check_page(page, ids, start, min(start + size, stop))

    check()


@pytest.mark.parametrize("list_", LISTS)
def test_last_disables_the_default_of_first(client: Client, list_: str) -> None:
    arguments = arguments_of("Query", list_)
    default = FIELDS["Query", list_].default_first
    assert default
    fill(client, TYPES[LISTS[list_]].resource, default + 1)
    query = f"query ($n: Int) {{ {list_}(%s) {{ nodes {{ id }} }} }}"

    def size(argument: str, n: int | None) -> int:
        return len(data(client, query % f"{argument}: $n", {"n": n})[list_]["nodes"])

    assert (size("first", None), size("first", 2)) == (default, 2)
    if "last" in arguments:
        assert (size("last", 2), size("last", None), size("first: null, last", 3)) == (
            2,
            default,
            3,
        )


@pytest.mark.parametrize("list_", LISTS)
def test_nodes_are_the_rows_of_rest(client: Client, list_: str) -> None:
    name = LISTS[list_]
    fill(client, TYPES[name].resource, 2)

    nodes = data(client, f"{{ {list_} {{ nodes {{ {selection(name)} }} }} }}")[list_]["nodes"]

    assert nodes == [node_of(name, row) for row in rest_rows(client, name)]


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
        if (field, way) not in (("", ""), (first_key(list_), "ASC"))
    ]
    others = [f"{other}({cursor})" for other in LISTS if other != list_]

    assert data(client, f"{{ {list_}({cursor}) {{ nodes {{ id }} }} }}")[list_]["nodes"]
    for field in (*sorts, *others):
        response = client.graphql(f"{{ {field} {{ nodes {{ id }} }} }}")
        assert error_codes(response) == ["invalid_cursor"], field


def first_key(list_: str) -> str:
    """Return the sort that is the default of a list."""
    resource = resource_of(LISTS[list_])
    return "" if len(resource.keys) > 1 else resource.keys[0].name.upper()


def shown_keys(parent: str, field: str) -> list[tuple[str, str]]:
    """Return the fields of a child that reference its parent, with those of the parent in REST."""
    child, resource = resource_of(CHILDREN[parent, field]), resource_of(parent)
    one = [each.foreign_key for each in child.refs if each.resource == resource.name]
    derived = TYPES[parent].lists.get(field)
    columns = derived[1].split(",") if derived else one[0]
    own = [next(each for each in child.all_fields if each.column == column) for column in columns]
    return [
        (each.name, each.reference.by if each.reference and each.reference.by else key.name)
        for each, key in zip(own, resource.keys, strict=True)
    ]


@pytest.mark.parametrize(
    ("parent", "field"), [key for key in CHILDREN if key[1] not in TYPES[key[0]].links]
)
def test_children_of_a_row_have_pages(client: Client, parent: str, field: str) -> None:
    name = CHILDREN[parent, field]
    fill(client, TYPES[name].resource, TOTAL)
    pairs = shown_keys(parent, field)
    for row in rest_rows(client, parent):
        children = [
            id_of(name, child)
            for child in rest_rows(client, name)
            if all(child[own] == row[shown] for own, shown in pairs)
        ]
        query = f"""query ($id: ID!, $after: String) {{ parent: {ROWS[parent]}(id: $id) {{
            page: {field}(first: 2, after: $after) {{ {PAGE} totalCount }} }} }}"""
        id, after = id_of(parent, row), None
        for start in range(0, len(children), 2):
            page = data(client, query, {"id": id, "after": after})["parent"]["page"]
            check_page(page, children, start, min(start + 2, len(children)))
            assert page["totalCount"] == len(children)
            after = page["pageInfo"]["endCursor"]
        response = client.graphql(query, {"id": id, "after": "nothing"})
        assert error_codes(response) == ["invalid_cursor"]


@pytest.mark.parametrize(
    ("parent", "field"), [key for key in CHILDREN if key[1] in TYPES[key[0]].links]
)
def test_linked_rows_have_pages(client: Client, parent: str, field: str) -> None:
    """Link the first row with each other row, and the second one with half of them."""
    name, resource = CHILDREN[parent, field], resource_of(parent)
    many = next(each for each in resource.lists if graphql_name(each.name) == field)
    for n in range(TOTAL):
        case_of(TYPES[parent].resource).insert(client, n)
        case_of(TYPES[name].resource).insert(client, n)
    parents, rows = rest_rows(client, parent), rest_rows(client, name)
    tenant = {many.tenant: tenant_of_tests()} if many.tenant else {}
    names = (*many.columns, *many.other_columns, *tenant)
    columns = ", ".join(map(quoted, names))
    for row, linked in ((parents[0], rows), (parents[1], rows[::2])):
        for other in linked:
            key = [*key_of(resource.name, row), *key_of(TYPES[name].resource, other)]
            key += tenant.values()
            params = {f"k{at}": value for at, value in enumerate(key)}
            values = ", ".join(f":{each}" for each in params)
            client.sql(
                f"INSERT INTO {qualified(many.through)} ({columns}) VALUES ({values})", **params
            )
    ids = [id_of(name, row) for row in rows]
    query = f"""query ($id: ID!, $after: String) {{ parent: {ROWS[parent]}(id: $id) {{
        page: {field}(first: {SIZE}, after: $after) {{ {PAGE} totalCount }} }} }}"""
    for row, expected in ((parents[0], ids), (parents[1], ids[::2]), (parents[2], [])):
        after = None
        for start in range(0, len(expected), SIZE):
            page = data(client, query, {"id": id_of(parent, row), "after": after})["parent"]["page"]
            check_page(page, expected, start, min(start + SIZE, len(expected)))
            assert page["totalCount"] == len(expected)
            after = page["pageInfo"]["endCursor"]

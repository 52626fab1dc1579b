"""Each type has the values of REST, and a query reads each level of rows in one statement."""

import pytest

from testing.tcp_proxy import TcpProxy
from tests.fixtures.application import count_statements
from tests.fixtures.cases import case_of
from tests.fixtures.client import Client
from tests.fixtures.graph import data
from tests.fixtures.graph_types import (
    CHILDREN,
    FIELDS,
    LISTS,
    ROWS,
    TYPES,
    new_id,
    rest_node,
    selection,
)

UNKNOWN_IDS = ["0", "999999999999", "9" * 20, "-1", "abc", "", "1 OR 1=1", "\0"]


@pytest.mark.parametrize("name", ROWS)
def test_row_has_the_values_of_rest(client: Client, name: str) -> None:
    id = new_id(client, name, 0)
    query = f"query ($id: ID!) {{ row: {ROWS[name]}(id: $id) {{ __typename {selection(name)} }} }}"

    row = data(client, query, {"id": id})["row"]

    expected = rest_node(client, name, id)
    assert row == {"__typename": name, **expected}
    assert list(row) == ["__typename", *expected]


@pytest.mark.parametrize("id", UNKNOWN_IDS)
@pytest.mark.parametrize("name", ROWS)
def test_unknown_id_is_null(client: Client, name: str, id: str) -> None:
    query = f"query ($id: ID!) {{ row: {ROWS[name]}(id: $id) {{ id }} }}"

    assert data(client, query, {"id": id}) == {"row": None}


@pytest.mark.parametrize("name", ROWS)
def test_aliases_and_fragments_share_a_statement(
    client: Client, proxy: TcpProxy, name: str
) -> None:
    first, second = new_id(client, name, 0), new_id(client, name, 1)
    row = ROWS[name]
    query = f"""query ($a: ID!, $b: ID!) {{
        z: {row}(id: $b) {{ key: id ...F }} a: {row}(id: $a) {{ ...F id }} {row}(id: $a) {{ id }}
    }} fragment F on {name} {{ kind: __typename ... on {name} {{ id }} }}"""
    data(client, query, {"a": first, "b": second})  # connects
    trips = proxy.round_trips

    found = data(client, query, {"a": first, "b": second})

    assert proxy.round_trips == trips + 1
    assert list(found.items()) == [
        ("z", {"key": second, "kind": name, "id": second}),
        ("a", {"kind": name, "id": first}),
        (row, {"id": first}),
    ]


@pytest.mark.parametrize("list_", LISTS)
def test_each_level_is_one_statement(client: Client, proxy: TcpProxy, list_: str) -> None:
    name = LISTS[list_]
    rows = [each for each in TYPES[name].rows if (name, each) in FIELDS]
    pages = [field for parent, field in CHILDREN if parent == name]
    nested = " ".join(
        [
            *(f"{each} {{ id }}" for each in rows),
            *(f"{each} {{ nodes {{ id }} }}" for each in pages),
        ]
    )
    query = f"{{ {list_}(first: 50) {{ nodes {{ id {nested} }} totalCount }} }}"
    client.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    counts: list[int] = []
    for start, total in ((0, 5), (5, 12)):
        for n in range(start, total):
            case_of(TYPES[name].resource).insert(client, n)
        assert data(client, query)[list_]["totalCount"] == total  # connects
        statements, trips = count_statements(client), proxy.round_trips
        data(client, query)
        counts.append(count_statements(client) - statements)
        assert proxy.round_trips - trips == counts[-1]

    assert counts[0] == counts[1] <= 1 + len(rows) + len(pages)

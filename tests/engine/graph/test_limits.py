"""Expensive queries are rejected with a code, in little CPU time, before any statement runs."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from graphql import parse

from sluice import runtime
from testing.tcp_proxy import TcpProxy
from tests.fixtures.graph import data, error_codes
from tests.fixtures.sample import Library

MAX_CPU_SECONDS = 0.05  # of the whole request
GRAPHQL_RESPONSE = "application/graphql-response+json"
THOUSAND_NAMES = "{ " + "name " * 998 + "}"


def nested_books(depth: int) -> str:
    opening = "{ shelf { books " * depth
    return "{ books { nodes " + opening + "{ name }" + " } }" * depth + " } }"


def doubling_fragments(count: int) -> str:
    """Return a query whose fragments each spread the next one twice: 2^count fields."""
    fragments = [
        f"fragment F{n} on Book {{ shelf {{ books {{ ...F{n + 1} }} }} "
        f"name shelf {{ id books {{ ...F{n + 1} id }} }} }}"
        for n in range(count)
    ]
    last = f"fragment F{count} on Book {{ name }}"
    return " ".join(["{ books { nodes { ...F0 } } }", *fragments, last])


def many_fragments(count: int) -> str:
    spreads = " ".join(f"...F{n}" for n in range(count))
    fragments = " ".join(f"fragment F{n} on Book {{ name id price }}" for n in range(count))
    return f"{{ books {{ nodes {{ {spreads} }} }} }} {fragments}"


def unused_fragments(count: int) -> str:
    fragments = " ".join(f"fragment F{n} on Book {{ {'name ' * 38}}}" for n in range(count))
    return "{ __typename } " + fragments


def nested_shelves(depth: int) -> str:
    """Return a query that goes from a book to its shelf and back, `depth` fields deep."""
    cycle = ["shelf", "booksConnection(first: 1)", "nodes"] * depth
    fields = ["book(id: 1)", *cycle[: depth - 2], "__typename"]
    return "{ " + " { ".join(fields) + " }" * depth


def aliased(count: int, field: str = "__typename") -> str:
    return "{ " + " ".join(f"a{n}: {field}" for n in range(count)) + " }"


def query_of_tokens(count: int) -> str:
    """Return a query of so many tokens, which is below all other limits."""
    return "query ($x: [ID!] = [" + "1 " * (count - 16) + "]) { __typename }"


def query_with_comments(lines: int) -> str:
    return "#\n" * lines + "{ __typename }"


def repeated(field: str, count: int) -> str:
    return "{ " + f"{field} " * count + "}"


def many_operations(count: int) -> str:
    return " ".join(f"query Q{n} {{ __typename }}" for n in range(count))


def sorts_without_index(count: int) -> str:
    sort = "sortBy: {field: NAME, direction: ASC}"
    lists = [
        f"a{n}: booksConnection(first: {n + 1}, {sort}) {{ nodes {{ id }} }}" for n in range(count)
    ]
    return "{ shelves { " + " ".join(lists) + " } }"


INTROSPECTION = "{ __schema { types " + "{ fields { type " * 9 + "{ name }" + " } }" * 9 + " } }"

NESTED_INTROSPECTION = """{
  __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } }
}"""
FRAGMENT_CYCLE = """
    { books { ...A } }
    fragment A on BookConnection { ...B }
    fragment B on BookConnection { ...A }
"""
MANY_VARIABLES = "query (" + " ".join(f"$v{n}: Int" for n in range(480)) + ") { __typename }"
MANY_COUNTS = " ".join(f"a{n}: books(first: {n + 1}) {{ totalCount }}" for n in range(30))

# By name: the query, and the code of its error.
EXPENSIVE_QUERIES: dict[str, tuple[str, str]] = {
    "aliases": (aliased(600), "too_many_aliases"),
    "aliased lists": (aliased(31, "books(first: 100) { nodes { id } }"), "too_many_aliases"),
    "depth": (nested_books(5), "query_too_deep"),
    "much depth": (nested_books(240), "query_too_deep"),
    "too much depth": (nested_books(300), "query_too_deep"),
    "unclosed depth": ("{ a " * 800, "query_too_deep"),
    "more unclosed depth": ("{ a " * 1_900, "query_too_deep"),
    "doubling fragments": (doubling_fragments(4), "query_too_expensive"),
    "more doubling fragments": (doubling_fragments(40), "query_too_deep"),
    "many fragments": (many_fragments(150), "query_too_complex"),
    "unused fragments": (unused_fragments(40), "invalid_query"),
    "fragment cycle": (FRAGMENT_CYCLE, "invalid_query"),
    "repeated fields": ("{ books { nodes { " + "name " * 1_900 + "} } }", "query_too_complex"),
    "repeated nested fields": (
        repeated("books { nodes { shelf { name } } }", 190),
        "query_too_complex",
    ),
    "repeated conflicting fields": (
        repeated("book(id: 1) { id } book(id: 2) { id }", 40),
        "invalid_query",
    ),
    "repeated arguments": (repeated("book(id: 1) { id }", 220), "query_too_complex"),
    "directives": ("{ __typename " + "@skip(if: false) " * 280 + "}", "invalid_query"),
    "unknown directives": ("{ __typename " + "@a " * 990 + "}", "query_too_complex"),
    "tokens": (repeated("id", 2_500), "query_too_long"),
    "comments": (query_with_comments(3_000), "query_too_long"),
    "100 kB of names": ("{ " + "x" * 100_000 + " }", "query_too_long"),
    "100 kB of fields": (repeated("name", 20_000), "query_too_long"),
    "100 kB of space": (" " * 100_000 + "{ __typename }", "query_too_long"),
    "operations": (many_operations(330), "query_too_complex"),
    "variables": (MANY_VARIABLES, "invalid_query"),
    "unknown fields": ("{ " + " ".join(f"field{n}" for n in range(290)) + " }", "invalid_query"),
    "cost": (
        "{ shelves { booksConnection(first: 100) { nodes { id } } } }",
        "query_too_expensive",
    ),
    "deep cost": (
        "{ books(first: 100) { nodes { shelf { books(first: 100) { name } } } } }",
        "query_too_expensive",
    ),
    "many counts": ("{ " + MANY_COUNTS + " }", "query_too_expensive"),
    "many schemas": (aliased(30, "__schema { types { name } }"), "query_too_expensive"),
    "sorts without an index": (sorts_without_index(4), "query_too_expensive"),
    "introspection": (INTROSPECTION, "query_too_deep"),
    "introspection in circles": (NESTED_INTROSPECTION, "invalid_query"),
}


def measure_cpu(action: Callable[[], Any]) -> tuple[Any, float]:
    """Return the action's result, and its CPU seconds on an idle machine.

    The time is the best of four runs, relative to the time in which graphql-core parses a thousand
    names. That is 10 ms on an idle machine.
    """
    action_times, reference_times = [], []
    for _ in range(4):
        start = time.process_time()
        result = action()
        between = time.process_time()
        parse(THOUSAND_NAMES)
        action_times.append(between - start)
        reference_times.append(time.process_time() - between)
    return result, 0.010 * min(action_times) / min(reference_times)


@pytest.mark.parametrize("name", EXPENSIVE_QUERIES)
def test_expensive_query_is_rejected_cheaply(library: Library, proxy: TcpProxy, name: str) -> None:
    query, code = EXPENSIVE_QUERIES[name]
    data(library, "{ __typename }")

    before = proxy.round_trips
    response, cpu = measure_cpu(lambda: library.graphql(query, accept=GRAPHQL_RESPONSE))

    assert response.status == 400
    assert set(error_codes(response)) == {code}
    assert "data" not in response.json
    assert proxy.round_trips == before
    assert cpu < MAX_CPU_SECONDS, f"{cpu * 1000:.0f} ms"


VARIABLES: dict[str, tuple[Any, int, str]] = {
    "long": ({"id": "x" * 200_000}, 413, "too_large"),
    "many": ({"id": [{}] * 30_000}, 400, "query_too_long"),
    "deep": ({"id": json.loads("[" * 900 + "]" * 900)}, 400, "invalid_query"),
    "wrong": ({"id": [1] * 1_900}, 400, "invalid_query"),
    "unknown": ({f"v{n}": n for n in range(1_990)}, 400, "invalid_query"),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_huge_variables_are_rejected(library: Library, proxy: TcpProxy, name: str) -> None:
    variables, status, code = VARIABLES[name]
    query = "query ($id: ID!) { book(id: $id) { id } }"
    body = json.dumps({"query": query, "variables": variables}).encode()
    data(library, "{ __typename }")

    before = proxy.round_trips
    response, cpu = measure_cpu(
        lambda: library.call("POST", "/api/graphql", raw=body, accept=GRAPHQL_RESPONSE)
    )

    assert response.status == status
    assert code in (response.text if status == 413 else error_codes(response))
    assert proxy.round_trips == before
    assert cpu < MAX_CPU_SECONDS, f"{cpu * 1000:.0f} ms"


@pytest.mark.parametrize(
    ("within", "beyond", "code"),
    [
        (nested_shelves(12), nested_shelves(13), "query_too_deep"),
        (aliased(30), aliased(31), "too_many_aliases"),
        (query_of_tokens(2_000), query_of_tokens(2_001), "query_too_long"),
        ("{ __typename }".ljust(32_768), "{ __typename }".ljust(32_769), "query_too_long"),
        (query_with_comments(200), query_with_comments(201), "query_too_long"),
        (repeated("__typename", 300), repeated("__typename", 301), "query_too_complex"),
        (many_operations(50), many_operations(51), "query_too_complex"),
        (
            "{ shelves { books(first: 97) { id } } }",
            "{ shelves { books(first: 98) { id } } }",
            "query_too_expensive",
        ),
    ],
    ids=lambda value: value if " " not in value else "",
)
def test_limits_are_exact(library: Library, within: str, beyond: str, code: str) -> None:
    operation = {"operationName": "Q0"} if within.startswith("query Q0") else {}

    assert code not in library.post("/api/graphql", {"query": within, **operation}).text
    assert error_codes(library.post("/api/graphql", {"query": beyond, **operation})) == [code]


def test_batches_are_rejected(library: Library) -> None:
    response = library.post("/api/graphql", [{"query": "{ __typename }"}] * 100)

    assert (response.status, response.code) == (400, "invalid_request")


BY_NAME = "sortBy: {field: NAME, direction: ASC}"
BY_PRICE = "sortBy: {field: PRICE, direction: ASC}"
COSTS = {
    "{ __typename }": 0,
    "{ book(id: 1) { id shelf { name } } }": 2,
    "{ books(first: 100) { edges { node { name shelf { name } } } } }": 25 + 1 + 100 * 2,
    "{ books { nodes { id } edges { node { id } } pageInfo { endCursor } } }": 25 + 1 + 10 * 2,
    "{ books { totalCount } }": 25 + 1 + 400,
    "{ books(first: 2) { nodes { id } totalCount } }": 25 + 1 + 2 + 400,
    "{ books(last: 3) { nodes { id } } }": 25 + 1 + 3,
    "{ books(first: 3, filter: {priceMin: 1}) { nodes { id } } }": 25 + 200 + 1 + 3,
    "{ books(first: 3, filter: {priceMin: null}) { nodes { id } } }": 25 + 1 + 3,
    "{ shelves { books(first: 5) { id } } }": 25 + 25 + 100 * (1 + 1 + 5),
    "{ shelves { booksConnection(first: 5) { totalCount nodes { id } } } }": (
        25 + 25 + 400 + 100 * 7
    ),
    f"{{ shelves {{ booksConnection(first: 5, {BY_NAME}) {{ nodes {{ id }} }} }} }}": (
        25 + 25 + 2_500 + 100 * 7
    ),
    f"{{ shelves {{ booksConnection(first: 5, {BY_PRICE}) {{ nodes {{ id }} }} }} }}": (
        25 + 25 + 100 * 7
    ),
    "{ a: book(id: 1) { ...F } b: book(id: 2) { ...F } } fragment F on Book { shelf { id } }": 4,
    "{ __schema { queryType { name } } }": 2_000,
    '{ __type(name: "Book") { name } }': 100,
    # Equal fields are separate nodes of the response, and one statement.
    "{ a: books { totalCount } b: books(first: 10, after: null) { totalCount } }": (25 + 400 + 2),
    "{ a: books(first: 1) { totalCount } b: books(first: 2) { totalCount } }": (2 * (25 + 400 + 1)),
}


@pytest.mark.parametrize(("query", "cost"), COSTS.items())
def test_response_has_the_cost(library: Library, query: str, cost: int) -> None:
    response = library.graphql(query)

    assert response.json["extensions"] == {"cost": {"requested": cost, "limit": 10_000}}


def test_rejected_query_has_its_cost(library: Library) -> None:
    response = library.graphql(EXPENSIVE_QUERIES["cost"][0])

    assert response.json["extensions"] == {
        "cost": {"requested": 25 + 25 + 100 * (1 + 1 + 100), "limit": 10_000}
    }


def test_more_shelves_than_assumed_are_rejected(library: Library) -> None:
    library.sql("INSERT INTO shelves (name, slug) SELECT n, n FROM generate_series(1, 201) n")
    query = "{ shelves { books(first: 50) { name } } }"

    response = library.graphql(query)

    assert response.json["data"] is None
    assert set(error_codes(response)) == {"query_too_expensive"}


def test_repeated_query_has_the_same_result(library: Library) -> None:
    """A valid document is cached, and a rejected one is rejected again."""
    limits = runtime.current().settings.graphql
    assert limits.max_depth == 12
    for _ in range(2):
        assert error_codes(library.graphql(nested_books(5))) == ["query_too_deep"]
        assert data(library, "{ books { totalCount } }") == {"books": {"totalCount": 0}}

"""Bombs: refused with a code, in little CPU, before anything is asked of the database."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from graphql import parse

from sluice import runtime
from tests.fixtures.graph import data, error_codes
from tests.fixtures.shop import Shop
from tests.fixtures.tcp_proxy import TcpProxy

MOST_CPU = 0.05  # seconds, with all that a request takes
THOUSAND = "{ " + "name " * 998 + "}"


def nested(depth: int) -> str:
    return (
        "{ products { nodes "
        + "{ category { products " * depth
        + "{ name }"
        + " } }" * depth
        + " } }"
    )


def doubling(fragments: int) -> str:
    """Each fragment spreads the next one twice, in two fields: small, and expanded of 2^n."""
    parts = [
        f"fragment F{n} on Product {{ category {{ products {{ ...F{n + 1} }} }} "
        f"name category {{ id products {{ ...F{n + 1} id }} }} }}"
        for n in range(fragments)
    ]
    return " ".join(
        ["{ products { nodes { ...F0 } } }", *parts, f"fragment F{fragments} on Product {{ name }}"]
    )


def many_fragments(count: int) -> str:
    spreads = " ".join(f"...F{n}" for n in range(count))
    return f"{{ products {{ nodes {{ {spreads} }} }} }} " + " ".join(
        f"fragment F{n} on Product {{ name id price }}" for n in range(count)
    )


def deep(fields: int) -> str:
    """Orders and users lead to each other."""
    circle = ["user", "orders(first: 1)", "nodes"] * fields
    return "{ " + " { ".join(["order(id: 1)", *circle[: fields - 2], "__typename"]) + " }" * fields


def aliased(count: int) -> str:
    return "{ " + " ".join(f"a{n}: __typename" for n in range(count)) + " }"


def tokens(count: int) -> str:
    """Values of input are tokens, and nothing else that is counted. It is not valid, but short enough to be read."""
    return "query ($x: [ID!] = [" + "1 " * (count - 16) + "]) { __typename }"


def commented(lines: int) -> str:
    return "#\n" * lines + "{ __typename }"


def repeated(fields: int) -> str:
    return "{ " + "__typename " * fields + "}"


def operations(count: int) -> str:
    return " ".join(f"query Q{n} {{ __typename }}" for n in range(count))


INTROSPECTION = "{ __schema { types " + "{ fields { type " * 9 + "{ name }" + " } }" * 9 + " } }"

BOMBS: dict[str, tuple[str, str]] = {
    "aliases": ("{ " + " ".join(f"a{n}: __typename" for n in range(600)) + " }", "too_many_aliases"),
    "aliased lists": (
        "{ " + " ".join(f"a{n}: products(first: 100) {{ nodes {{ id }} }}" for n in range(31)) + " }",
        "too_many_aliases",
    ),
    "depth": (nested(5), "query_too_deep"),
    "much depth": (nested(240), "query_too_deep"),
    "too much depth": (nested(300), "query_too_deep"),
    "unclosed depth": ("{ a " * 800, "query_too_deep"),
    "more unclosed depth": ("{ a " * 1_900, "query_too_deep"),
    "doubling fragments": (doubling(4), "query_too_expensive"),
    "more doubling fragments": (doubling(40), "query_too_deep"),
    "many, many fragments": (many_fragments(150), "query_too_complex"),
    "unused fragments": (
        "{ __typename } " + " ".join(f"fragment F{n} on Product {{ {'name ' * 38}}}" for n in range(40)),
        "invalid_query",
    ),
    "cycle": ("{ products { ...A } } fragment A on ProductConnection { ...B } fragment B on ProductConnection { ...A }",
              "invalid_query"),
    "repeated fields": ("{ products { nodes { " + "name " * 1_900 + "} } }", "query_too_complex"),
    "repeated nested fields": (
        "{ " + "products { nodes { category { name } } } " * 190 + "}", "query_too_complex",
    ),
    "repeated conflicting fields": ("{ " + "product(id: 1) { id } product(id: 2) { id } " * 40 + "}", "invalid_query"),
    "repeated arguments": ("{ " + "product(id: 1) { id } " * 220 + "}", "query_too_complex"),
    "directives": ("{ __typename " + "@skip(if: false) " * 280 + "}", "invalid_query"),
    "unknown directives": ("{ __typename " + "@a " * 990 + "}", "query_too_complex"),
    "tokens": ("{ " + "id " * 2_500 + "}", "query_too_long"),
    "comments": ("#\n" * 3_000 + "{ __typename }", "query_too_long"),
    "100 kB of names": ("{ " + "x" * 100_000 + " }", "query_too_long"),
    "100 kB of fields": ("{ " + "name " * 20_000 + "}", "query_too_long"),
    "100 kB of space": (" " * 100_000 + "{ __typename }", "query_too_long"),
    "operations": (" ".join(f"query Q{n} {{ __typename }}" for n in range(330)), "query_too_complex"),
    "variables": (
        "query (" + " ".join(f"$v{n}: Int" for n in range(480)) + ") { __typename }", "invalid_query",
    ),
    "unknown fields": ("{ " + " ".join(f"field{n}" for n in range(290)) + " }", "invalid_query"),
    "a long list": (
        'mutation { placeOrder(input: {userId: 1, items: [' + "{productId: 1} " * 390 + "]}) { id } }", "invalid_query",
    ),
    "cost": ("{ categories { productsConnection(first: 100) { nodes { id } } } }", "query_too_expensive"),
    "deep cost": (
        "{ products(first: 100) { nodes { category { products(first: 100) { name } } } } }", "query_too_expensive",
    ),
    "cost of orders": (
        "{ orders(first: 100) { nodes { user { orders(first: 10) { nodes { items { quantity } } } } } } }",
        "query_too_expensive",
    ),
    "many counts": (
        "{ " + " ".join(f"a{n}: products(first: {n + 1}) {{ totalCount }}" for n in range(30)) + " }",
        "query_too_expensive",
    ),
    "many reports": (
        "{ " + " ".join(
            f'a{n}: salesAnalytics(startDate: "2025-01-{n + 1:02d}", endDate: "2025-12-31") {{ day }}'
            for n in range(27)) + " }",
        "query_too_expensive",
    ),
    "many schemas": ("{ " + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(30)) + " }",
                     "query_too_expensive"),
    "sorts without an index": (
        "{ categories { " + " ".join(
            f"a{n}: productsConnection(first: {n + 1}, sortBy: {{field: NAME, direction: ASC}}) {{ nodes {{ id }} }}"
            for n in range(4)) + " } }",
        "query_too_expensive",
    ),
    "introspection": (INTROSPECTION, "query_too_deep"),
    "introspection in circles": (
        "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
        "invalid_query",
    ),
}  # fmt: skip


def cpu_of(action: Callable[[], Any]) -> tuple[Any, float]:
    """Its result, and the CPU it took, in seconds of a machine that is not busy: the least of a few tries.

    Its measure is what graphql-core takes to read a thousand names, which such a machine does in 10 ms.
    """
    spent, measure = [], []
    for _ in range(4):
        start = time.process_time()
        result = action()
        between = time.process_time()
        parse(THOUSAND)
        spent.append(between - start)
        measure.append(time.process_time() - between)
    return result, 0.010 * min(spent) / min(measure)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_little_time_and_without_a_statement(
    shop: Shop, proxy: TcpProxy, name: str
) -> None:
    query, code = BOMBS[name]
    data(shop, "{ __typename }")

    before = proxy.round_trips
    response, cpu = cpu_of(lambda: shop.graphql(query, accept="application/graphql-response+json"))

    assert response.status == 400
    assert set(error_codes(response)) == {code}
    assert "data" not in response.json
    assert proxy.round_trips == before
    assert cpu < MOST_CPU, f"{cpu * 1000:.0f} ms"


VARIABLES: dict[str, tuple[Any, int, str]] = {
    "long": ({"id": "x" * 200_000}, 413, "too_large"),
    "many": ({"id": [{}] * 30_000}, 400, "query_too_long"),
    "deep": ({"id": json.loads("[" * 900 + "]" * 900)}, 400, "invalid_query"),
    "wrong": ({"id": [1] * 1_900}, 400, "invalid_query"),
    "unknown": ({f"v{n}": n for n in range(1_990)}, 400, "invalid_query"),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_huge_variables_are_refused(shop: Shop, proxy: TcpProxy, name: str) -> None:
    variables, status, code = VARIABLES[name]
    body = json.dumps(
        {"query": "query ($id: ID!) { product(id: $id) { id } }", "variables": variables}
    ).encode()
    data(shop, "{ __typename }")

    before = proxy.round_trips
    response, cpu = cpu_of(
        lambda: shop.call(
            "POST", "/api/graphql", raw=body, accept="application/graphql-response+json"
        )
    )

    assert response.status == status
    assert code in (response.text if status == 413 else error_codes(response))
    assert proxy.round_trips == before
    assert cpu < MOST_CPU, f"{cpu * 1000:.0f} ms"


@pytest.mark.parametrize(
    ("within", "beyond", "code"),
    [
        (deep(12), deep(13), "query_too_deep"),
        (aliased(30), aliased(31), "too_many_aliases"),
        (tokens(2_000), tokens(2_001), "query_too_long"),
        ("{ __typename }".ljust(32_768), "{ __typename }".ljust(32_769), "query_too_long"),
        (commented(200), commented(201), "query_too_long"),
        (repeated(300), repeated(301), "query_too_complex"),
        (operations(50), operations(51), "query_too_complex"),
        ("{ categories { products(first: 97) { id } } }", "{ categories { products(first: 98) { id } } }",
         "query_too_expensive"),
    ],
    ids=lambda value: value if " " not in value else "",
)  # fmt: skip
def test_a_limit_is_where_it_is_said_to_be(shop: Shop, within: str, beyond: str, code: str) -> None:
    operation = {"operationName": "Q0"} if within.startswith("query Q0") else {}

    assert code not in shop.post("/api/graphql", {"query": within, **operation}).text
    assert error_codes(shop.post("/api/graphql", {"query": beyond, **operation})) == [code]


def test_batches_are_not_taken(shop: Shop) -> None:
    response = shop.post("/api/graphql", [{"query": "{ __typename }"}] * 100)

    assert (response.status, response.code) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ __typename }", 0),
        ("{ product(id: 1) { id category { name } } }", 2),
        ("{ products(first: 100) { edges { node { name category { name } } } } }", 25 + 1 + 100 * 2),
        ("{ products { nodes { id } edges { node { id } } pageInfo { endCursor } } }", 25 + 1 + 10 * 2),
        ("{ products { totalCount } }", 25 + 1 + 400),
        ("{ products(first: 2) { nodes { id } totalCount } }", 25 + 1 + 2 + 400),
        ("{ products(last: 3) { nodes { id } } }", 25 + 1 + 3),
        ("{ products(first: 3, filter: {priceMin: 1}) { nodes { id } } }", 25 + 200 + 1 + 3),
        ("{ products(first: 3, filter: {priceMin: null}) { nodes { id } } }", 25 + 1 + 3),
        ("{ orders(first: 3, status: PAID) { nodes { id } } }", 25 + 200 + 1 + 3),
        ("{ categories { products(first: 5) { id } } }", 25 + 25 + 100 * (1 + 1 + 5)),
        ("{ categories { productsConnection(first: 5) { totalCount nodes { id } } } }", 25 + 25 + 400 + 100 * 7),
        (
            "{ categories { productsConnection(first: 5, sortBy: {field: NAME, direction: ASC}) { nodes { id } } } }",
            25 + 25 + 2_500 + 100 * 7,
        ),
        (
            "{ categories { productsConnection(first: 5, sortBy: {field: PRICE, direction: ASC}) { nodes { id } } } }",
            25 + 25 + 100 * 7,
        ),
        ("{ orders(first: 2) { nodes { items { product { id } } user { id } } } }", 25 + 1 + 2 * (1 + 10 * 2 + 1)),
        ("{ a: product(id: 1) { ...F } b: product(id: 2) { ...F } } fragment F on Product { category { id } }", 4),
        ('{ salesAnalytics(startDate: "2026-01-01", endDate: "2026-01-01") { day } }', 1 + 8),
        ('{ salesAnalytics(startDate: "2026-01-01", endDate: "2026-12-31") { day } }', 365 * 9),
        ('{ salesAnalytics(startDate: "2026-01-01", endDate: "2025-12-31") { day } }', 9),
        ("{ __schema { queryType { name } } }", 2_000),
        ('{ __type(name: "Product") { name } }', 100),
        # Equal fields are nodes of the answer each, and one statement together.
        ("{ a: products { totalCount } b: products(first: 10, after: null) { totalCount } }", 25 + 400 + 2),
        ("{ a: products(first: 1) { totalCount } b: products(first: 2) { totalCount } }", 2 * (25 + 400 + 1)),
        (
            "{ " + " ".join(f'a{n}: salesAnalytics(startDate: "2026-01-01", endDate: "2026-01-31") {{ day }}'
                            for n in range(3)) + " }",
            31 * 8 + 3 * 31,
        ),
    ],
)  # fmt: skip
def test_the_cost_is_told(shop: Shop, query: str, cost: int) -> None:
    response = shop.graphql(query)

    assert response.json["extensions"] == {"cost": {"requested": cost, "limit": 10_000}}


def test_the_cost_is_told_of_what_is_refused_for_it(shop: Shop) -> None:
    response = shop.graphql(BOMBS["cost"][0])

    assert response.json["extensions"] == {
        "cost": {"requested": 25 + 25 + 100 * (1 + 1 + 100), "limit": 10_000}
    }


def test_a_shop_of_more_categories_than_are_counted_is_refused_when_they_are_known(
    shop: Shop,
) -> None:
    shop.sql("INSERT INTO categories (name, slug) SELECT n, n FROM generate_series(1, 201) n")
    query = "{ categories { products(first: 50) { name } } }"

    response = shop.graphql(query)

    assert response.json["data"] is None
    assert set(error_codes(response)) == {"query_too_expensive"}


def test_what_was_read_once_is_not_read_again(shop: Shop) -> None:
    """And what was refused is refused again."""
    limits = runtime.current().settings.graphql
    assert limits.max_depth == 12
    for _ in range(2):
        assert error_codes(shop.graphql(nested(5))) == ["query_too_deep"]
        assert data(shop, "{ products { totalCount } }") == {"products": {"totalCount": 0}}

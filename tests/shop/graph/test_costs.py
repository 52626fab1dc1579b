"""The costs of the shop's queries. Its most expensive queries are rejected."""

import pytest

from sluice.graph.cost import calculate_cost
from sluice.graph.document import DocumentCache
from sluice.graph.plan import plan
from sluice.settings import GraphqlSettings
from testing.tcp_proxy import TcpProxy
from tests.fixtures.graph import error_codes
from tests.fixtures.shop import Shop

LIMITS = GraphqlSettings(introspection=True)
GRAPHQL_RESPONSE = "application/graphql-response+json"


BY_NAME = "sortBy: {field: NAME, direction: ASC}"
BY_PRICE = "sortBy: {field: PRICE, direction: ASC}"
JANUARY = '(startDate: "2026-01-01", endDate: "2026-01-31") { day }'
COSTS = {
    "{ __typename }": 0,
    "{ product(id: 1) { id category { name } } }": 2,
    "{ products(first: 100) { edges { node { name category { name } } } } }": 25 + 1 + 100 * 2,
    "{ products { nodes { id } edges { node { id } } pageInfo { endCursor } } }": 25 + 1 + 10 * 2,
    "{ products { totalCount } }": 25 + 1 + 400,
    "{ products(first: 2) { nodes { id } totalCount } }": 25 + 1 + 2 + 400,
    "{ products(last: 3) { nodes { id } } }": 25 + 1 + 3,
    "{ products(first: 3, filter: {priceMin: 1}) { nodes { id } } }": 25 + 200 + 1 + 3,
    "{ products(first: 3, filter: {priceMin: null}) { nodes { id } } }": 25 + 1 + 3,
    "{ orders(first: 3, status: PAID) { nodes { id } } }": 25 + 200 + 1 + 3,
    "{ categories { products(first: 5) { id } } }": 25 + 25 + 100 * (1 + 1 + 5),
    "{ categories { productsConnection(first: 5) { totalCount nodes { id } } } }": (
        25 + 25 + 400 + 100 * 7
    ),
    f"{{ categories {{ productsConnection(first: 5, {BY_NAME}) {{ nodes {{ id }} }} }} }}": (
        25 + 25 + 2_500 + 100 * 7
    ),
    f"{{ categories {{ productsConnection(first: 5, {BY_PRICE}) {{ nodes {{ id }} }} }} }}": (
        25 + 25 + 100 * 7
    ),
    "{ orders(first: 2) { nodes { items { product { id } } user { id } } } }": (
        25 + 1 + 2 * (1 + 10 * 2 + 1)
    ),
    "{ a: product(id: 1) { ...F } b: product(id: 2) { ...F } } "
    "fragment F on Product { category { id } }": 4,
    '{ salesAnalytics(startDate: "2026-01-01", endDate: "2026-01-01") { day } }': 1 + 8,
    '{ salesAnalytics(startDate: "2026-01-01", endDate: "2026-12-31") { day } }': 365 * 9,
    '{ salesAnalytics(startDate: "2026-01-01", endDate: "2025-12-31") { day } }': 9,
    "{ __schema { queryType { name } } }": 2_000,
    '{ __type(name: "Product") { name } }': 100,
    '{ products(first: 3, filter: {search: "mug"}) { nodes { id } } }': 25 + 200 + 1 + 3,
    f"{{ products(first: 3, {BY_NAME}) {{ nodes {{ id }} }} }}": 25 + 1 + 3,
    "{ orders(first: 3, userId: null, status: null) { nodes { id } } }": 25 + 1 + 3,
    "{ orders(first: 3, userId: 1) { nodes { id } } }": 25 + 200 + 1 + 3,
    '{ category(slug: "a") { products { id } } }': 25 + 1 + 1 + 20,
    "{ order(id: 1) { user { id } items { unitPrice } } }": 1 + 1 + 10,
    "{ user(id: 1) { orders { totalCount nodes { items { product { id } } } } } }": (
        25 + 400 + 1 + 1 + 10 * (1 + 10 * 2)
    ),
    "mutation { deleteProduct(id: 1) }": 0,
    'mutation { createProduct(input: {name: "A", price: 1, categoryId: 1}) { id } }': 1,
    "mutation { updateProduct(id: 1, input: {}) { id } }": 1,
    "mutation { updateOrderStatus(id: 1, status: PAID) { items { product { id } } } }": 1 + 10 * 2,
    # Equal fields are separate nodes of the response, and one statement.
    "{ a: products { totalCount } b: products(first: 10, after: null) { totalCount } }": (
        25 + 400 + 2
    ),
    "{ a: products(first: 1) { totalCount } b: products(first: 2) { totalCount } }": (
        2 * (25 + 400 + 1)
    ),
    "{ a: salesAnalytics" + JANUARY + " b: salesAnalytics" + JANUARY + " }": (31 * 8 + 2 * 31),
}


@pytest.mark.parametrize(("query", "cost"), COSTS.items())
def test_cost_of_query(query: str, cost: int) -> None:
    operation = DocumentCache(LIMITS).operation(query, None)

    assert calculate_cost(plan(operation, operation.coerce_variables({}, LIMITS))) == cost


def many_reports(count: int) -> str:
    reports = [
        f'a{n}: salesAnalytics(startDate: "2025-01-{n + 1:02d}", endDate: "2025-12-31") {{ day }}'
        for n in range(count)
    ]
    return "{ " + " ".join(reports) + " }"


DEEP_ORDERS = """{
  orders(first: 100) { nodes { user { orders(first: 10) { nodes { items { quantity } } } } } }
}"""
LONG_LIST = (
    "mutation { placeOrder(input: {userId: 1, items: [" + "{productId: 1} " * 390 + "]}) { id } }"
)
EXPENSIVE_QUERIES: dict[str, tuple[str, str]] = {
    "long list": (LONG_LIST, "invalid_query"),
    "cost of orders": (DEEP_ORDERS, "query_too_expensive"),
    "many reports": (many_reports(27), "query_too_expensive"),
}


@pytest.mark.parametrize("name", EXPENSIVE_QUERIES)
def test_expensive_query_is_rejected(shop: Shop, proxy: TcpProxy, name: str) -> None:
    query, code = EXPENSIVE_QUERIES[name]
    before = proxy.round_trips

    response = shop.graphql(query, accept=GRAPHQL_RESPONSE)

    assert (response.status, set(error_codes(response))) == (400, {code})
    assert proxy.round_trips == before

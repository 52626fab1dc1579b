"""The number of statements and round trips of a query does not depend on the number of rows."""

import json

import pytest

from testing.tcp_proxy import TcpProxy
from tests.fixtures.application import count_statements
from tests.fixtures.graph import data
from tests.fixtures.shop import Shop

PRODUCTS = "{ products(first: 100) { edges { node { name price inventory category { name } } } } }"
ORDERS = """{
  orders(first: 100) { nodes { items { product { name category { name } } } user { name } } }
}"""
USERS = """{
  orders(first: 50) {
    nodes { user { orders(first: 5) { nodes { items { product { name } } } } } }
  }
}"""
CATEGORIES = """{
  categories {
    products(first: 5) { name }
    more: productsConnection(last: 2) { nodes { name } totalCount }
  }
}"""
ALIASES = """{
  a: product(id: 1) { name } b: product(id: 2) { price } c: product(id: 1) { category { name } }
}"""
SEPARATE_FIELDS = """{
  order(id: 1) { user { name } items { product { name } } }
  product(id: 1) { price }
  user(id: 1) { email }
}"""

# Fields with the same name and arguments, and different selections.
EQUAL_FIELDS = """{
  a: products(first: 2) { nodes { name } }
  b: products(first: 2, after: null) { totalCount edges { node { price } } }
  c: products { totalCount }
  d: products { totalCount }
  e: categories { id p: productsConnection(first: 1) { totalCount } }
  f: categories {
    slug
    q: productsConnection(first: 1) { nodes { name } }
    products { id }
    r: products { name }
  }
}"""
REPORT = 'salesAnalytics(startDate: "2026-01-31", endDate: "2026-01-31") { day }'
REPORTS = "{ " + " ".join(f"a{n}: {REPORT}" for n in range(5)) + " }"

STATEMENT_COUNTS = {
    EQUAL_FIELDS: 5,
    REPORTS: 1,
    PRODUCTS: 1,
    ORDERS: 3,  # orders with their items, products with their categories, users
    USERS: 4,
    CATEGORIES: 3,
    ALIASES: 1,  # one batch for all aliases
    SEPARATE_FIELDS: 3,  # the order's user and products are read with the other two
}


def insert_rows(shop: Shop, rows: int) -> None:
    """Insert so many users, products and orders with ids from 1. Each order has three products."""
    shop.sql(
        """
        INSERT INTO categories (id, name, slug) OVERRIDING SYSTEM VALUE
        SELECT n, 'C' || n, 'c' || n FROM generate_series(1, 5) n
        """
    )
    shop.sql(
        """
        INSERT INTO users (id, email, name) OVERRIDING SYSTEM VALUE
        SELECT n, n || '@example.com', 'U' || n FROM generate_series(1, CAST(:rows AS integer)) n
        """,
        rows=rows,
    )
    shop.sql(
        """
        INSERT INTO products (id, name, price, category_id) OVERRIDING SYSTEM VALUE
        SELECT n, 'P' || n, n, 1 + mod(n, 5) FROM generate_series(1, CAST(:rows AS integer)) n
        """,
        rows=rows,
    )
    shop.sql(
        """
        INSERT INTO orders (id, user_id, status, total) OVERRIDING SYSTEM VALUE
        SELECT n, n, 'pending', 3 FROM generate_series(1, CAST(:rows AS integer)) n
        """,
        rows=rows,
    )
    shop.sql(
        """
        INSERT INTO order_items (order_id, product_id, quantity, unit_price)
        SELECT n, 1 + mod(n + k, CAST(:rows AS integer)), 1, 1
        FROM generate_series(1, CAST(:rows AS integer)) n, generate_series(1, 3) k
        """,
        rows=rows,
    )


@pytest.mark.parametrize("rows", [3, 100])
@pytest.mark.parametrize(("query", "expected"), list(STATEMENT_COUNTS.items()))
def test_statement_count_is_independent_of_rows(
    shop: Shop, proxy: TcpProxy, query: str, expected: int, rows: int
) -> None:
    insert_rows(shop, rows)
    shop.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    data(shop, "{ product(id: 1) { id } }")  # connects
    before, trips = count_statements(shop), proxy.round_trips

    found = data(shop, query)

    assert proxy.round_trips - trips == expected
    assert count_statements(shop) - before == expected
    assert len(json.dumps(found)) > 20


def test_equal_fields_have_equal_values(shop: Shop) -> None:
    insert_rows(shop, 12)

    found = data(shop, EQUAL_FIELDS)

    assert found["a"] == {"nodes": [{"name": "P1"}, {"name": "P2"}]}
    assert found["b"] == {
        "totalCount": 12,
        "edges": [{"node": {"price": "1.00"}}, {"node": {"price": "2.00"}}],
    }
    assert found["c"] == found["d"] == {"totalCount": 12}
    assert found["e"][0] == {"id": "1", "p": {"totalCount": 2}}
    assert found["f"][0] == {
        "slug": "c1",
        "q": {"nodes": [{"name": "P5"}]},
        "products": [{"id": "5"}, {"id": "10"}],
        "r": [{"name": "P5"}, {"name": "P10"}],
    }


def test_total_is_counted_only_if_selected(shop: Shop) -> None:
    shop.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    data(shop, PRODUCTS)
    data(shop, "{ products { nodes { id } } }")
    before = count_total_queries(shop)

    data(shop, "{ products { ...F } } fragment F on ProductConnection { many: totalCount }")

    assert count_total_queries(shop) == before + 1


def count_total_queries(shop: Shop) -> int:
    return int(
        shop.sql(
            """
            SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
            WHERE query LIKE '%SELECT count(*) FROM products%' AND userid = 'sluice_app'::regrole
              AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
            """
        )[0][0]
    )

"""A shop with a year of orders. No test changes it, and the tests check that."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pg8000.native
import pytest

from local.postgres import PostgresServer
from sluice import runtime
from sluice.settings import AwsSettings
from tests.fixtures.shop import ApiResponse, Shop, copy_database, owner_connection, shop_settings

TABLES = ("categories", "products", "inventory", "users", "orders", "order_items")
DATA = [
    """
    INSERT INTO categories (name, slug)
    SELECT 'Category ' || n, 'category-' || n FROM generate_series(1, 5) n
    """,
    """
    INSERT INTO products (name, description, price, category_id)
    SELECT 'Product ' || n, CASE WHEN n % 4 > 0 THEN 'Made of ' || n || ' parts' END,
           n * 1.25, n % 5 + 1
    FROM generate_series(1, 40) n
    """,
    "UPDATE inventory SET quantity = product_id % 13",
    """
    INSERT INTO users (email, name)
    SELECT 'user' || n || '@example.com', 'User ' || lpad(n::text, 2, '0')
    FROM generate_series(1, 25) n
    """,
    """
    INSERT INTO orders (user_id, status, total, created_at)
    SELECT n * 7 % 23 + 1,
           (ARRAY['pending', 'paid', 'shipped', 'delivered', 'cancelled'])[n % 5 + 1],
           n * 37 % 101 + 0.99,
           timestamptz '2026-01-01 08:00Z' + n * interval '11 hours'
    FROM generate_series(1, 240) n
    """,
    """
    INSERT INTO order_items
    SELECT o.id, (o.id + k * 9) % 38 + 1, k, k + 0.5
    FROM orders o, generate_series(1, 2) k
    """,
    "ANALYZE",
]


@dataclass
class AdhocSqlShop(Shop):
    """A shop whose users send queries, with a connection of the database's owner."""

    owner: pg8000.native.Connection | None = None

    def sql(self, statement: str, **params: Any) -> list[list[Any]]:
        """Run a statement as the owner."""
        assert self.owner is not None
        return [list(row) for row in self.owner.run(statement, **params) or ()]

    def query(self, query: str, **more: Any) -> ApiResponse:
        """Send a query to the API; `more` are other members of the body."""
        return self.post("/api/analytics/query", {"query": query, **more})

    def digest(self) -> list[list[Any]]:
        """Return a value that changes with any row, and with any state a session could leave."""
        rows = " UNION ALL ".join(
            f"SELECT '{table}', count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text)))"
            f" FROM {table} t"
            for table in TABLES
        )
        state = """
            SELECT (SELECT count(*) FROM pg_class
                    WHERE relnamespace = 'public'::regnamespace OR relpersistence = 't'),
                   (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
                   (SELECT count(*) FROM pg_largeobject_metadata),
                   (SELECT count(*) FROM pg_proc),
                   (SELECT count(*) FROM pg_roles),
                   (SELECT sum(last_value)::bigint FROM pg_sequences),
                   (SELECT count(*) FROM pg_prepared_xacts),
                   (SELECT count(*) FROM pg_listening_channels())
        """
        return self.sql(rows) + self.sql(state)

    def active_sessions(self) -> list[list[Any]]:
        """Return the sessions of the role that run a statement or are in a transaction."""
        return self.sql(
            """
            SELECT state, query FROM pg_stat_activity
            WHERE usename = 'sluice_analyst' AND state <> 'idle' AND datname = current_database()
            """
        )


@pytest.fixture(scope="session")
def filled_shop(
    postgres_server: PostgresServer, migrated_database: str, emulated_aws: AwsSettings
) -> Iterator[tuple[AdhocSqlShop, runtime.Runtime]]:
    """A shop with data, and a runtime on its database."""
    name = f"adhoc_sql_{os.urandom(6).hex()}"
    copy_database(postgres_server, migrated_database, name)
    shop = AdhocSqlShop(postgres_server.url(database=name))
    built = runtime.build(
        shop_settings(postgres_server.url("sluice_app", name, password="canary-app"), emulated_aws)
    )
    with closing(owner_connection(shop.url)) as shop.owner:
        for statement in DATA:
            shop.sql(statement)
        shop.sql("SET TIME ZONE 'UTC'")
        yield shop, built
    built.database.dispose()
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def shop(filled_shop: tuple[AdhocSqlShop, runtime.Runtime]) -> Iterator[AdhocSqlShop]:
    """The filled shop, while its runtime is the current one."""
    shop, built = filled_shop
    runtime.set_current(built)
    yield shop
    runtime.set_current(None)

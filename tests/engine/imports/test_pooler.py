"""Behind a PgBouncer in transaction mode everything works, and sessions keep no state."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from local.postgres import PostgresServer
from sluice import runtime
from tests.fixtures.imports import ImportHarness
from tests.fixtures.pgbouncer import PASSWORDS, SERVER_CONNECTIONS, pgbouncer
from tests.fixtures.shop import Shop
from tests.shop.imports.test_once import import_result, make_file

SESSION_STATE = """
    SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE locktype = 'advisory' AND datname = current_database()
    UNION ALL SELECT count(*) FROM pg_class WHERE relpersistence = 't'
"""
SESSIONS = """
    SELECT usename, count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename LIKE 'sluice%' GROUP BY usename ORDER BY usename
"""


@pytest.fixture
def shop(isolated_shop: Shop, postgres_server: PostgresServer) -> Iterator[Shop]:
    """A shop whose runtime connects through the pooler."""
    direct = runtime.current().settings
    assert direct.adhoc_sql is not None
    with pgbouncer(postgres_server.port, PASSWORDS) as port:
        app, analyst = (
            replace(database, port=port, pooler="pgbouncer")
            for database in (direct.database, direct.adhoc_sql.database)
        )
        pooled = runtime.build(
            replace(direct, database=app, adhoc_sql=replace(direct.adhoc_sql, database=analyst))
        )
        runtime.set_current(pooled)
        yield isolated_shop
        pooled.close_clients()
        pooled.database.dispose()


def test_sessions_keep_no_state(harness: ImportHarness) -> None:
    shop, data = harness.shop, make_file()
    shop.add_category("mugs")
    order = {
        "user_id": shop.add_user(),
        "items": [{"product_id": shop.add_product("Mug", stock=9), "quantity": 1}],
    }
    jobs = [harness.put(f"incoming/products/{n}.csv", data) for n in range(2 * SERVER_CONNECTIONS)]

    def send_requests(n: int) -> set[int]:
        key = f"order-{n}"
        return {
            shop.get("/api/products?limit=5&sort=price:desc").status,
            shop.post("/api/orders", order, idempotency_key=key).status,
            shop.post("/api/orders", order, idempotency_key=key).status,
            shop.graphql(
                "{ products(first: 5) { edges { node { name category { name } } } } }"
            ).status,
            shop.post("/api/analytics/query", {"query": "select count(*) from products"}).status,
        }

    with ThreadPoolExecutor(len(jobs)) as threads:
        imports = [threads.submit(harness.importer.run, id, 600.0) for id in jobs]
        assert set().union(*map(send_requests, range(4))) == {200, 201}
        assert [done.result() for done in imports] == [True] * len(jobs)

    assert len({str(import_result(harness, id)) for id in jobs}) == 1
    assert shop.sql("SELECT count(*) FROM orders") == [[4]]
    assert shop.sql(SESSION_STATE) == [[0], [0]]
    assert all(count <= SERVER_CONNECTIONS for _, count in shop.sql(SESSIONS))

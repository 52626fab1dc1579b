"""Behind a PgBouncer in transaction mode everything works, and sessions keep no state."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.postgres import PostgresServer
from sluice import runtime
from tests.engine.imports.test_job import HEADER, books
from tests.fixtures.client import Client
from tests.fixtures.imports import ImportHarness, make_file
from tests.fixtures.pgbouncer import PASSWORDS, SERVER_CONNECTIONS, pgbouncer

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
def client(isolated_client: Client, postgres_server: PostgresServer) -> Iterator[Client]:
    """A client whose runtime connects through the pooler."""
    direct = runtime.current().settings
    assert direct.adhoc_sql is not None
    with pgbouncer(postgres_server.port, PASSWORDS) as port:
        app, analyst = (
            database._replace(port=port, pooler="pgbouncer")
            for database in (direct.database, direct.adhoc_sql.database)
        )
        pooled = runtime.build(
            direct._replace(database=app, adhoc_sql=direct.adhoc_sql._replace(database=analyst))
        )
        runtime.set_current(pooled)
        yield isolated_client
        pooled.close_clients()
        pooled.database.dispose()


def test_sessions_keep_no_state(harness: ImportHarness) -> None:
    client, data = harness.client, make_file(HEADER, "novels")
    client.add_shelf("novels")
    jobs = [harness.put(f"incoming/books/{n}.csv", data) for n in range(2 * SERVER_CONNECTIONS)]

    def send_requests(n: int) -> set[int]:
        key, shelf = f"shelf-{n}", {"name": f"Shelf {n}", "slug": f"shelf-{n}"}
        return {
            client.get("/api/books?limit=5&sort=price:desc").status,
            client.post("/api/shelves", shelf, idempotency_key=key).status,
            client.post("/api/shelves", shelf, idempotency_key=key).status,
            client.graphql("{ books(first: 5) { edges { node { name shelf { name } } } } }").status,
            client.post("/api/analytics/query", {"query": "select count(*) from books"}).status,
        }

    with ThreadPoolExecutor(len(jobs)) as threads:
        imports = [threads.submit(harness.importer.run, id, 600.0) for id in jobs]
        assert set().union(*map(send_requests, range(4))) == {200, 201}
        assert [done.result() for done in imports] == [True] * len(jobs)

    outcomes = {
        (job["status"], job["rows_read"], job["rows_written"], job["rows_rejected"])
        for job in map(harness.job, jobs)
    }
    assert outcomes == {("completed", 400, 396, 4)}
    assert len(books(harness)) == len({row[0] for row in books(harness)}) > 200
    assert client.sql("SELECT count(*) FROM shelves") == [[5]]
    assert client.sql(SESSION_STATE) == [[0], [0]]
    assert all(count <= SERVER_CONNECTIONS for _, count in client.sql(SESSIONS))

"""Tenants share two server connections behind PgBouncer, and none gets rows of another one.

No statement here names a tenant, so only `sluice.tenant` and the policy separate the rows.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle
from typing import Any

import pytest

from sluice import errors, request_context
from sluice.db.database import Database
from sluice.query import Query
from sluice.settings import DatabaseSettings
from tests.engine.db.conftest import MakeDatabase, stock
from tests.fixtures.pgbouncer import SERVER_CONNECTIONS, pgbouncer, pgbouncer_version

TENANTS = [f"tenant {n}" for n in range(8)]
ROWS = 5  # of each tenant
THREADS = 16
STOCK = {"unsupported_reason": lambda: "requested by a test"}
RUNS = [
    pytest.param({}, 800, id="pipelined-800"),
    pytest.param(STOCK, 160, id="stock-160"),
    pytest.param({}, 10_000, id="pipelined-10000", marks=pytest.mark.slow),
    pytest.param(STOCK, 10_000, id="stock-10000", marks=pytest.mark.slow),
]
USER = {"user": "pooled_tenant", "password": "canary-pooled"}
POLICY = "tenant = (SELECT nullif(current_setting('sluice.tenant', true), ''))"
TABLES = f"""
    CREATE TABLE pooled_rows (tenant text NOT NULL, n int NOT NULL, changes int DEFAULT 0);
    INSERT INTO pooled_rows
    SELECT 'tenant ' || t, n FROM generate_series(0, 7) AS t, generate_series(1, {ROWS}) AS n;
    CREATE INDEX ON pooled_rows (tenant, n);
    ALTER TABLE pooled_rows ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY sluice_tenant ON pooled_rows USING ({POLICY}) WITH CHECK ({POLICY});
    CREATE ROLE pooled_tenant LOGIN PASSWORD 'canary-pooled';
    GRANT ALL ON pooled_rows TO pooled_tenant
"""
READ = Query("SELECT tenant, pg_backend_pid() AS pid FROM pooled_rows")
CHANGE = Query(
    "UPDATE pooled_rows SET changes = changes + 1 RETURNING tenant, pg_backend_pid() AS pid"
)
FAIL = Query("SELECT tenant, 1 / (n - n) AS zero FROM pooled_rows")
Seen = tuple[str, Sequence[Any]]  # the tenant of a request, and the rows that it got
Act = Callable[[Database], Sequence[Any]]


def read(database: Database) -> Sequence[Any]:
    return database.read(READ)


def read_prepared(database: Database) -> Sequence[Any]:
    return database.read(READ._replace(prepare=True))


def change(database: Database) -> Sequence[Any]:
    return database.write(CHANGE)


def several(database: Database) -> Sequence[Any]:
    """Return the rows of three statements, which are rolled back."""
    with database.transaction() as transaction:
        return [*transaction.read(READ), *transaction.write(CHANGE), *transaction.read(READ)]


def fail(database: Database) -> Sequence[Any]:
    with pytest.raises(errors.SluiceError):
        database.read(FAIL)
    return database.read(READ)


ACTS: tuple[Act, ...] = (read, read_prepared, change, several, fail)


@pytest.fixture(scope="module")
def tables(settings: DatabaseSettings) -> None:
    with closing(stock(settings)) as admin:
        admin.autocommit = True
        for statement in TABLES.split(";"):
            admin.run(statement)


@pytest.fixture(scope="module", params=["", "max_prepared_statements=50"], ids=["", "prepared"])
def pooler(
    tables: None, request: pytest.FixtureRequest, settings: DatabaseSettings
) -> Iterator[int]:
    """The port of a PgBouncer, which knows prepared statements with the second parameter."""
    if request.param and pgbouncer_version() < (1, 21):
        pytest.skip("PgBouncer knows prepared statements from 1.21")
    with pgbouncer(settings.port, {USER["user"]: USER["password"]}, request.param) as port:
        yield port


@pytest.mark.parametrize(("options", "count"), RUNS)
def test_no_request_gets_rows_of_another_tenant(
    make_database: MakeDatabase, pooler: int, options: dict[str, Any], count: int
) -> None:
    options = {"sets_tenant": True, **options}
    through = {"port": pooler, "pooler": "pgbouncer", "pool_overflow": THREADS, "pool_timeout": 60}
    database = make_database("web", options=options, **through, **USER)

    def requests(thread: int) -> list[Seen]:
        chosen, acts = random.Random(thread), cycle(ACTS[thread % len(ACTS) :] + ACTS)
        return [request(chosen.choice(TENANTS), next(acts)) for _ in range(count // THREADS)]

    def request(tenant: str, act: Act) -> Seen:
        with request_context.begin(60) as context:
            context.tenant = tenant
            return tenant, act(database)

    with ThreadPoolExecutor(THREADS) as threads:
        results = [each for done in threads.map(requests, range(THREADS)) for each in done]
    assert len(results) == count
    assert all({row.tenant for row in rows} == {tenant} for tenant, rows in results)
    assert all(len(rows) in (ROWS, 3 * ROWS) for _, rows in results)
    assert len({row.pid for _, rows in results for row in rows}) == SERVER_CONNECTIONS
    assert database.read(READ) == [], "without a tenant"

"""Query plans: each filter and sort must find its page by an index.

New sorts are tested without being named here. Each filter has example values that match many rows,
few rows and none. A filter without an index reads the whole table if no row matches, and fails the
test. A resource that DATA does not fill has rows and examples of its kinds' samples.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from local.postgres import PostgresServer
from shop.orders import OrderRepository
from shop.products import ProductRepository
from shop.reports import ReportRepository
from sluice import application
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.imports.job_repository import ImportJobRepository
from sluice.kinds.integer import BigInt
from sluice.resource import Resource
from sluice.settings import DatabaseSettings
from sluice.sql.identifiers import quoted
from sluice.sql.list_spec import ListQuery, filters_of
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.read_repository import ReadRepository
from tests.fixtures.database import copy_database, owner_connection
from tests.fixtures.explain import ExplainExecutor

SIGNER = CursorSigner(b"the key of these tests' cursors")
LARGE_TABLE = 1_000  # rows; a smaller table may be read by a sequential scan
MAX_PAGE_ROWS = 250  # without filters; a sort with nulls reads three ranges of its index

# The data is distributed as in a shop. There are few large categories, and prices with a long tail.
# One product in twenty is out of stock. A word is in all, many or few products. Columns are
# independent, because the planner does not know correlations.
DATA = """
INSERT INTO categories (name, slug, created_at)
SELECT 'Category ' || n, 'category-' || n, timestamptz '2020-01-01Z' + n * interval '1 hour'
FROM generate_series(1, 2000) n;
INSERT INTO products (name, description, price, category_id, created_at, updated_at)
SELECT 'Thing ' || md5(n::text),
       'Made for every day, ' || (ARRAY['blue', 'red', 'grey'])[floor(1 + random() * 3)]
           || ', number ' || n / 7,
       floor(power(random(), 3) * 50000) / 100, 1 + floor(power(random(), 2) * 50),
       timestamptz '2024-01-01Z' + n * 7901 % 40000 / 3 * interval '1 minute',
       timestamptz '2025-01-01Z' + floor(random() * 500000) * interval '1 minute'
FROM generate_series(1, 40000) n;
INSERT INTO inventory (product_id, quantity, updated_at)
SELECT id, CASE WHEN random() < 0.05 THEN 0 ELSE id * 7919 % 500 END,
       timestamptz '2025-01-01Z' + id * 7907 % 40000 * interval '1 minute'
FROM products;
INSERT INTO users (email, name, created_at)
SELECT CASE WHEN n % 3 = 0 THEN 'Thing' ELSE 'user' END || n || '@example.com',
       'Thing ' || md5(n::text) || (ARRAY[' Blue', ' Red', ' Grey'])[floor(1 + random() * 3)]
           || ', number ' || n / 7,
       timestamptz '2024-01-01Z' + n * 7901 % 20000 / 3 * interval '1 minute'
FROM generate_series(1, 20000) n;
INSERT INTO orders (user_id, status, total, created_at)
SELECT 1 + n % 5000,
       CASE WHEN n % 97 = 0 THEN 'pending' WHEN n % 5 = 0 THEN 'cancelled' ELSE 'delivered' END,
       floor(power(random(), 2) * 90000) / 100,
       timestamptz '2024-01-01Z' + n * 7901 % 20000 * interval '1 minute'
FROM generate_series(1, 20000) n;
INSERT INTO order_items (order_id, product_id, quantity, unit_price)
SELECT n, 1 + n * 7 % 40000, 1, 1
FROM generate_series(1, 20000) n;
INSERT INTO sluice.import_jobs (resource, object_key, status, created_at)
SELECT CASE WHEN n % 50 = 0 THEN 'users' ELSE 'products' END, n::text,
       CASE WHEN n % 97 = 0 THEN 'failed' ELSE 'completed' END,
       timestamptz '2024-01-01Z' + n * interval '1 minute'
FROM generate_series(1, 5000) n;
"""

JANUARY_4 = datetime(2024, 1, 4, tzinfo=UTC)
JANUARY_5 = datetime(2024, 1, 5, tzinfo=UTC)
_NUMBERS = [-1, 5, 10**12]
_IDS = [[7], [-1], list(range(1, 40_000, 1_000))]
_AMOUNTS = [Decimal(-1), Decimal(450), Decimal(10**12)]
_SLUGS = [["category-1"], ["category-49"], ["category-1", "category-49"], ["nope"]]
_TIMES = [datetime(1970, 1, 1, tzinfo=UTC), JANUARY_5, datetime(2100, 1, 1, tzinfo=UTC)]
_CHOICES = ["pending", "cancelled"]
EXAMPLES: Mapping[str, Sequence[object]] = {
    "below": _NUMBERS,
    "product_id": _NUMBERS,
    "user_id": _NUMBERS,
    "ids": _IDS,
    "product_ids": _IDS,
    "price_min": _AMOUNTS,
    "price_max": _AMOUNTS,
    "category": _SLUGS,
    "slug": _SLUGS,
    "email": ["USER7@example.com", "unknown@example.com"],
    "search": ["thing", "blue", "number 471", "nowhere"],
    "in_stock": [True, False],
    "status": _CHOICES,
    "resource": _CHOICES,
    "created_after": _TIMES,
    "created_before": _TIMES,
}

FILLED = frozenset(re.findall(r"INSERT INTO (?:sluice\.)?(\w+)", DATA))
SAMPLES = 5_000  # rows of a table that DATA does not fill
INSERT_SAMPLES = """
INSERT INTO {table} ({columns})
SELECT {columns} FROM jsonb_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS jsonb))
"""

REPOSITORIES: dict[str, type[ReadRepository]] = {
    name: application.current().load("repositories", name)
    for name in application.current().repositories
} | {"imports": ImportJobRepository}


def others() -> Iterator[Resource]:
    """Yield the resources whose tables DATA does not fill."""
    for declared in application.current().declarations():
        if declared.schema_and_table[1] not in FILLED:
            yield declared


def sample_rows(resource: Resource) -> tuple[str, str]:
    """Return the statement that inserts samples, and the rows as JSON."""
    columns = ", ".join(quoted(each.column) for each in resource.writable)
    rows = [
        {each.column: each.sample(n) for each in resource.writable} for n in range(1, SAMPLES + 1)
    ]
    statement = INSERT_SAMPLES.format(table=resource.table, columns=columns)
    return statement, json.dumps(rows)


def examples(name: str) -> dict[str, Sequence[object]]:
    """Return the examples of each filter of a resource."""
    samples: dict[str, Sequence[object]] = {
        parameter: [[value] if declared.many else value]
        for resource in others()
        if resource.name == name
        for each in resource.all_fields
        for parameter, declared in each.filters().items()
        for value in [declared.parse(json.dumps(each.sample(1)).strip('"'))]
    }
    return {
        parameter: EXAMPLES.get(parameter, samples.get(parameter, ()))
        for parameter in REPOSITORIES[name].list_spec.filters
    }


@pytest.fixture(scope="module")
def executor(postgres_server: PostgresServer, migrated_database: str) -> Iterator[ExplainExecutor]:
    """A database with large tables, in which statements run as the functions' role."""
    copy_database(postgres_server, migrated_database, "plans")
    with closing(owner_connection(postgres_server.url(database="plans"))) as connection:
        connection.run("SELECT setseed(0.42)")
        # Without triggers: DATA has the rows of inventory.
        connection.run("SET session_replication_role = replica")
        connection.run(DATA)
        for resource in others():
            statement, rows = sample_rows(resource)
            connection.run(statement, rows=rows)
        connection.run("VACUUM ANALYZE")
        large_tables = connection.run(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= :n", n=LARGE_TABLE
        )
    url = postgres_server.url("sluice_app", "plans", password="canary-app")
    database = Database(make_pool(DatabaseSettings.from_url(url), "function"))
    with closing(owner_connection(url)) as generic:
        generic.run("SET plan_cache_mode = force_generic_plan")
        yield ExplainExecutor(database, generic, frozenset(name for (name,) in large_tables))
    database.dispose()
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("DROP DATABASE plans WITH (FORCE)")


FILTERED = [
    (name, filter_name, example)
    for name in REPOSITORIES
    for filter_name, values in examples(name).items()
    for example in values
]


def test_each_filter_has_examples():
    without = [
        (name, each)
        for name in REPOSITORIES
        for each, values in examples(name).items()
        if not values
    ]
    filters = {each for name in REPOSITORIES for each in examples(name)}

    assert without == [], "add EXAMPLES of the new filter to this file"
    assert EXAMPLES.keys() <= filters


@pytest.mark.parametrize("name", REPOSITORIES)
def test_each_sort_reads_a_range_of_an_index(executor: ExplainExecutor, name: str):
    repository = REPOSITORIES[name](executor, SIGNER)
    list_spec = repository.list_spec
    assert list_spec.projection.table.removeprefix("sluice.") in executor.large_tables, (
        f"DATA, at the top of this file, needs at least {LARGE_TABLE} rows of {name}"
    )
    for sort in list_spec.sorts:
        for descending in (False, True):
            query = ListQuery(limit=20, sort=((sort, descending),))
            first = repository.page(query)
            assert executor.problems() == [], (sort, descending, executor.problems())
            assert executor.visited() <= MAX_PAGE_ROWS, sort
            deep = repository.page(query._replace(offset=900))
            for cursor in (first.next_cursor, deep.next_cursor, deep.prev_cursor):
                repository.page(query._replace(cursor=cursor))
                assert executor.visited() <= MAX_PAGE_ROWS, (sort, descending)


@pytest.mark.parametrize(
    ("name", "filter_name", "example"),
    FILTERED,
    ids=lambda value: str(value)[:24].replace(" ", "_"),
)
def test_each_filter_uses_an_index_in_each_sort(
    executor: ExplainExecutor, name: str, filter_name: str, example: object
):
    repository = REPOSITORIES[name](executor, SIGNER)
    for sort in repository.list_spec.sorts:
        query = ListQuery(sort=((sort, True),), filters={filter_name: example})
        page = repository.page(query)
        assert executor.problems() == [], (sort, executor.problems())
        if page.next_cursor:
            repository.page(query._replace(cursor=page.next_cursor))
            assert executor.problems() == [], (sort, "after a cursor", executor.problems())


@pytest.mark.parametrize(
    ("sort", "chosen"),
    [
        ("price", {"category": ["category-20"]}),
        ("price", {"category": ["category-49"], "in_stock": True}),
        ("price", {"search": "blue", "in_stock": True}),
        ("created_at", {"price_min": Decimal(10), "price_max": Decimal(20)}),
        ("created_at", {"created_after": JANUARY_4, "created_before": JANUARY_5}),
    ],
)
def test_common_filters_visit_few_rows(
    executor: ExplainExecutor, sort: str, chosen: dict[str, object]
):
    query = ListQuery(sort=((sort, True),), filters=chosen)
    page = ProductRepository(executor, SIGNER).page(query)
    assert page.items
    assert executor.visited() <= 1_500


def test_category_by_price_is_one_index_range(executor: ExplainExecutor):
    query = ListQuery(sort=(("price", True),), filters={"category": ["category-20"]})
    page = ProductRepository(executor, SIGNER).page(query)
    assert executor.visited() <= 100
    ProductRepository(executor, SIGNER).page(query._replace(cursor=page.next_cursor))
    assert executor.visited() <= 100


def test_reports_read_an_index_and_no_table(executor: ExplainExecutor):
    reports = ReportRepository(executor, SIGNER)
    assert '"order_count":0' not in reports.sales(JANUARY_4.date(), JANUARY_5.date())
    assert (executor.problems(), executor.visited() <= 3_000) == ([], True)
    assert executor.indexes() == {"orders_sales_idx"}
    assert reports.popular_products(30, 10) == ""
    assert (executor.problems(), executor.visited() <= 10) == ([], True)
    assert {"orders_sales_idx", "order_items_pkey"} <= executor.indexes()


def test_filter_without_index_is_detected(executor: ExplainExecutor):
    filters = filters_of(BigInt("version", filter="equal"), "p.version")

    class FilteredByVersion(ReadRepository):
        list_spec = replace(ProductRepository.list_spec, filters=filters)

    FilteredByVersion(executor, SIGNER).page(ListQuery(filters={"version": -1}))
    assert executor.problems()


@pytest.mark.parametrize("sort", ["id", "name", "price", "created_at"])
def test_connection_reads_a_range_of_an_index(executor: ExplainExecutor, sort: str):
    """This holds for cursors far from the start, and for two cursors with one row between them."""
    repository, order = ProductRepository(executor, SIGNER), ((sort, True),)
    deep = repository.page(ListQuery(limit=1, sort=order, offset=9_000))
    for from_end in (False, True):
        query = ListQuery(limit=20, sort=order, from_end=from_end, after=deep.next_cursor)
        rows = repository.connection(query)
        assert (executor.problems(), executor.visited() <= 300) == ([], True), executor.visited()
        between = query._replace(before=rows.cursor(rows.rows[1]))
        if not from_end:
            found = repository.connection(between)
            assert [row["id"] for row in found.rows] == [rows.rows[0]["id"]]
            assert (executor.problems(), executor.visited() <= 300) == ([], True), (
                executor.visited()
            )


def test_connections_read_one_range_for_each_parent(executor: ExplainExecutor):
    parents = [(id,) for id in range(1, 41)]
    products, orders = ProductRepository(executor, SIGNER), OrderRepository(executor, SIGNER)
    for from_end in (False, True):
        products.connections_by_parent(
            parents, ListQuery(limit=5, from_end=from_end), "category_id"
        )
        assert (executor.problems(), executor.visited() <= 40 * 30) == ([], True), (
            executor.visited()
        )
        orders.connections_by_parent(parents, ListQuery(limit=5, from_end=from_end), "user_id")
        assert (executor.problems(), executor.visited() <= 40 * 30) == ([], True), (
            executor.visited()
        )
    by_price = ListQuery(limit=5, sort=(("price", True),))
    products.connections_by_parent(parents, by_price, "category_id")
    assert (executor.problems(), executor.visited() <= 40 * 30) == ([], True), executor.visited()


@pytest.mark.parametrize("category_id", [1, 49, 10**12])
def test_category_id_uses_an_index_in_each_sort(executor: ExplainExecutor, category_id: int):
    for sort in ("id", "name", "price", "created_at"):
        query = ListQuery(
            sort=((sort, True),), filters={"category_id": category_id}, include_total=True
        )
        ProductRepository(executor, SIGNER).connection(query)
        assert executor.problems() == [], (sort, executor.problems())

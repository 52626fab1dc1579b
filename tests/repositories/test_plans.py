"""Does every declared filter and sort find its page by an index? Asked of a database that is too large to read.

A new filter or sort is tried without being named here. Each kind of filter has values that choose much, little and
nothing: with nothing to find, a filter that no index answers reads the whole table, and turns this red.
"""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import pg8000.native
import pytest

from local.postgres import PostgresServer
from sluice import repositories
from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.repositories.analytics import AnalyticsRepository
from sluice.repositories.connections import read_connection, read_connections
from sluice.repositories.list_spec import Filter, FilterKind, ListQuery, ListSpec
from sluice.repositories.orders import LIST_SPEC as ORDERS
from sluice.repositories.page_cursor import CursorSigner
from sluice.repositories.pages import read_page
from sluice.repositories.products import GRAPHQL_LIST_SPEC
from sluice.settings import DatabaseSettings
from tests.fixtures.shop import copy_database, owner_connection

SIGNER = CursorSigner(b"the key of these tests' cursors")
LARGE = 1_000  # rows; a table of fewer may be read from its beginning
MOST_ROWS = 8_000  # that one page may visit, in tables and indexes: a fifth of the products
MOST_BUFFERS = 8_000
PARAMETER = re.compile(r"(?<!:):([a-z]\w*)")

# Rows are spread as they are in a shop: few large categories, prices with a long tail, one product in twenty sold out,
# words that are everywhere, frequent, or in few products. No column follows another: of that the planner knows nothing.
DATA = """
INSERT INTO categories (name, slug, created_at)
SELECT 'Category ' || n, 'category-' || n, timestamptz '2020-01-01Z' + n * interval '1 hour'
FROM generate_series(1, 2000) n;
INSERT INTO products (name, description, price, category_id, created_at, updated_at)
SELECT 'Thing ' || md5(n::text),
       'Made for every day, ' || (ARRAY['blue', 'red', 'grey'])[floor(1 + random() * 3)] || ', number ' || n / 7,
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
       'Thing ' || md5(n::text) || (ARRAY[' Blue', ' Red', ' Grey'])[floor(1 + random() * 3)] || ', number ' || n / 7,
       timestamptz '2024-01-01Z' + n * 7901 % 20000 / 3 * interval '1 minute'
FROM generate_series(1, 20000) n;
INSERT INTO orders (user_id, status, total, created_at)
SELECT 1 + n % 5000, CASE WHEN n % 97 = 0 THEN 'pending' WHEN n % 5 = 0 THEN 'cancelled' ELSE 'delivered' END,
       floor(power(random(), 2) * 90000) / 100,
       timestamptz '2024-01-01Z' + n * 7901 % 20000 * interval '1 minute'
FROM generate_series(1, 20000) n;
INSERT INTO order_items (order_id, product_id, quantity, unit_price) SELECT n, 1 + n * 7 % 40000, 1, 1
FROM generate_series(1, 20000) n;
INSERT INTO sluice.import_jobs (resource, object_key, status, created_at)
SELECT CASE WHEN n % 50 = 0 THEN 'users' ELSE 'products' END, n::text,
       CASE WHEN n % 97 = 0 THEN 'failed' ELSE 'completed' END, timestamptz '2024-01-01Z' + n * interval '1 minute'
FROM generate_series(1, 5000) n;
"""

JANUARY_4, JANUARY_5 = datetime(2024, 1, 4, tzinfo=UTC), datetime(2024, 1, 5, tzinfo=UTC)
EXAMPLES: Mapping[FilterKind, list[object]] = {
    "integer": [-1, 5, 10**12],
    "integers": [[7], [-1], list(range(1, 40_000, 1_000))],
    "decimal": [Decimal(-1), Decimal(450), Decimal(10**12)],
    "slugs": [["category-1"], ["category-49"], ["category-1", "category-49"], ["nope"]],
    "email": ["USER7@example.com", "nobody@example.com"],
    "search": ["thing", "blue", "number 471", "nowhere"],
    "boolean": [True, False],
    "choice": ["pending", "cancelled"],
    "timestamp": [datetime(1970, 1, 1, tzinfo=UTC), JANUARY_5, datetime(2100, 1, 1, tzinfo=UTC)],
}

LISTINGS: dict[str, ListSpec] = {
    module.LIST_SPEC.projection.name: module.LIST_SPEC
    for found in pkgutil.iter_modules(repositories.__path__)
    if hasattr(module := importlib.import_module(f"sluice.repositories.{found.name}"), "LIST_SPEC")
}


@dataclass
class Explaining:
    """Runs a read, and keeps what it did; one that may be prepared as well by the plan that the server would keep."""

    database: Database
    keeping: pg8000.native.Connection  # a session whose plans know no values
    large: frozenset[str] = frozenset()
    plans: list[list[dict[str, Any]]] = field(default_factory=list)  # of each, its nodes

    def read(
        self, sql: str, params: Mapping[str, object] | None = None, *, prepare: bool = False
    ) -> Any:
        explain = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
        self.plans = [_nodes_of(self.database.read(f"{explain} {sql}", params)[0][0])]
        if prepare:
            names = list(dict.fromkeys(PARAMETER.findall(sql)))
            numbered = PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql)
            values = ", ".join(pg8000.native.literal((params or {})[name]) for name in names)
            self.keeping.run(f"DEALLOCATE ALL; PREPARE kept AS {numbered}")
            kept = self.keeping.run(f"{explain} EXECUTE kept{f' ({values})' if names else ''}")
            self.plans.append(_nodes_of(kept[0][0]))
        return self.database.read(sql, params)

    write = read

    def visited(self) -> float:
        """How many rows and index entries were looked at."""
        return max(
            sum(
                node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
                for node in plan
                if node["Node Type"].endswith("Scan") and node["Node Type"] != "Subquery Scan"
            )
            for plan in self.plans
        )

    def indexes(self) -> set[str]:
        return {node["Index Name"] for plan in self.plans for node in plan if "Index Name" in node}

    def faults(self) -> list[str]:
        """What the statement should not have done."""
        nodes = [node for plan in self.plans for node in plan]
        scanned = [
            node["Relation Name"] for node in nodes if node["Node Type"].endswith("Seq Scan")
        ]
        visited = self.visited()
        buffers = max(
            plan[0]["Shared Hit Blocks"] + plan[0]["Shared Read Blocks"] for plan in self.plans
        )
        found = [f"reads all of {table}" for table in scanned if table in self.large]
        found += [f"visits {visited:.0f} rows"] * (visited > MOST_ROWS)
        return found + [f"reads {buffers} buffers"] * (buffers > MOST_BUFFERS)


def _nodes_of(response: Any) -> list[dict[str, Any]]:
    return list(
        _nodes((json.loads(response) if isinstance(response, str) else response)[0]["Plan"])
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


@pytest.fixture(scope="module")
def shelves(postgres_server: PostgresServer, migrated_database: str) -> Iterator[Explaining]:
    """A stocked shop, as the role the functions have."""
    copy_database(postgres_server, migrated_database, "shelves")
    with closing(owner_connection(postgres_server.url(database="shelves"))) as connection:
        connection.run("SELECT setseed(0.42)")
        connection.run(
            "SET session_replication_role = replica"
        )  # no triggers: stock is brought along
        connection.run(DATA)
        connection.run("VACUUM ANALYZE")
        large = connection.run(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= :n", n=LARGE
        )
    url = postgres_server.url("sluice_app", "shelves", password="canary-app")
    database = Database(make_engine(DatabaseSettings.from_url(url), "function"))
    with closing(owner_connection(url)) as keeping:
        keeping.run("SET plan_cache_mode = force_generic_plan")
        yield Explaining(database, keeping, frozenset(name for (name,) in large))
    database.dispose()
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("DROP DATABASE shelves WITH (FORCE)")


FILTERED = [
    (name, filter_name, example)
    for name, listing in LISTINGS.items()
    for filter_name, declared in listing.filters.items()
    for example in EXAMPLES.get(declared.kind, [])
]


def test_every_kind_of_filter_has_examples():
    assert EXAMPLES.keys() == set(get_args(FilterKind)), (
        "a kind of filter in listing.py: what EXAMPLES here are there of it?"
    )


@pytest.mark.parametrize("name", LISTINGS)
def test_a_page_of_every_sort_is_a_range_of_an_index(shelves: Explaining, name: str):
    listing = LISTINGS[name]
    assert listing.projection.source.split()[0].removeprefix("sluice.") in shelves.large, (
        f"DATA, at the top of this file, needs {LARGE} rows of {name} or more"
    )
    for sort in listing.sorts:
        for descending in (False, True):
            query = ListQuery(limit=20, sort=((sort, descending),))
            first = read_page(shelves, listing, query, SIGNER)
            assert shelves.faults() == [], (sort, descending, shelves.faults())
            assert shelves.visited() <= 200, sort
            deep = read_page(
                shelves.database, listing, ListQuery(limit=20, sort=query.sort, offset=900), SIGNER
            )
            for cursor in (first.next_cursor, deep.next_cursor, deep.prev_cursor):
                read_page(
                    shelves, listing, ListQuery(limit=20, sort=query.sort, cursor=cursor), SIGNER
                )
                assert shelves.visited() <= 200, (sort, descending)


@pytest.mark.parametrize(
    ("name", "filter_name", "example"),
    FILTERED,
    ids=lambda value: str(value)[:24].replace(" ", "_"),
)
def test_a_filter_finds_its_rows_by_an_index_in_every_sort(
    shelves: Explaining, name: str, filter_name: str, example: object
):
    listing = LISTINGS[name]
    for sort in listing.sorts:
        page = read_page(
            shelves,
            listing,
            ListQuery(sort=((sort, True),), filters={filter_name: example}),
            SIGNER,
        )
        assert shelves.faults() == [], (sort, shelves.faults())
        if page.next_cursor:
            query = ListQuery(
                sort=((sort, True),), filters={filter_name: example}, cursor=page.next_cursor
            )
            read_page(shelves, listing, query, SIGNER)
            assert shelves.faults() == [], (sort, "after a cursor", shelves.faults())


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
def test_a_shop_s_own_pages_visit_few_rows(
    shelves: Explaining, sort: str, chosen: dict[str, object]
):
    query = ListQuery(sort=((sort, True),), filters=chosen)
    page = read_page(shelves, LISTINGS["products"], query, SIGNER)
    assert page.items
    assert shelves.visited() <= 1_500


def test_in_a_category_the_price_s_order_is_the_index_s(shelves: Explaining):
    query = ListQuery(sort=(("price", True),), filters={"category": ["category-20"]})
    page = read_page(shelves, LISTINGS["products"], query, SIGNER)
    assert shelves.visited() <= 100
    read_page(
        shelves,
        LISTINGS["products"],
        ListQuery(sort=query.sort, filters=query.filters, cursor=page.next_cursor),
        SIGNER,
    )
    assert shelves.visited() <= 100


def test_a_report_reads_its_days_of_an_index_and_no_table(shelves: Explaining):
    reports = AnalyticsRepository(shelves)
    assert '"order_count":0' not in reports.sales(JANUARY_4.date(), JANUARY_5.date())
    assert (shelves.faults(), shelves.visited() <= 3_000) == ([], True)
    assert shelves.indexes() == {"orders_sales_idx"}
    assert reports.popular_products(30, 10) == ""
    assert (shelves.faults(), shelves.visited() <= 10) == ([], True)
    assert {"orders_sales_idx", "order_items_pkey"} <= shelves.indexes()


def test_a_filter_without_an_index_is_found_out(shelves: Explaining):
    listing = LISTINGS["products"]
    declared = {"version": Filter("integer", "p.version = CAST(:version AS bigint)")}
    bare = replace(listing, filters=declared)
    read_page(shelves, bare, ListQuery(filters={"version": -1}), SIGNER)
    assert shelves.faults()


@pytest.mark.parametrize("sort", ["id", "name", "price", "created_at"])
def test_a_slice_between_two_cursors_is_a_range_of_an_index(shelves: Explaining, sort: str):
    """However deep it lies, and however little lies between: nothing beyond is looked at."""
    listing, order = GRAPHQL_LIST_SPEC, ((sort, True),)
    deep = read_page(
        shelves.database, listing, ListQuery(limit=1, sort=order, offset=9_000), SIGNER
    )
    for end in (False, True):
        query = ListQuery(limit=20, sort=order, from_end=end, after=deep.next_cursor)
        rows = read_connection(shelves, listing, query, SIGNER)
        assert (shelves.faults(), shelves.visited() <= 300) == ([], True), shelves.visited()
        between = replace(query, before=rows.cursor(rows.rows[1]))
        if not end:
            assert [
                row["id"] for row in read_connection(shelves, listing, between, SIGNER).rows
            ] == [rows.rows[0]["id"]]
            assert (shelves.faults(), shelves.visited() <= 300) == ([], True), shelves.visited()


def test_slices_of_many_owners_are_a_range_of_an_index_for_each(shelves: Explaining):
    owners = list(range(1, 41))
    for end in (False, True):
        read_connections(
            shelves,
            GRAPHQL_LIST_SPEC,
            ListQuery(limit=5, from_end=end),
            SIGNER,
            "category_id",
            owners,
        )
        assert (shelves.faults(), shelves.visited() <= 40 * 30) == ([], True), shelves.visited()
        read_connections(
            shelves, ORDERS, ListQuery(limit=5, from_end=end), SIGNER, "user_id", owners
        )
        assert (shelves.faults(), shelves.visited() <= 40 * 30) == ([], True), shelves.visited()
    by_price = ListQuery(limit=5, sort=(("price", True),))
    read_connections(shelves, GRAPHQL_LIST_SPEC, by_price, SIGNER, "category_id", owners)
    assert (shelves.faults(), shelves.visited() <= 40 * 30) == ([], True), shelves.visited()


@pytest.mark.parametrize("category_id", [1, 49, 10**12])
def test_a_category_by_its_id_is_found_by_an_index_in_every_sort(
    shelves: Explaining, category_id: int
):
    for sort in ("id", "name", "price", "created_at"):
        query = ListQuery(
            sort=((sort, True),), filters={"category_id": category_id}, include_total=True
        )
        read_connection(shelves, GRAPHQL_LIST_SPEC, query, SIGNER)
        assert shelves.faults() == [], (sort, shelves.faults())

"""Query plans of whole requests in a realistic shop: 100,000 products in 1,000 categories.

PostgreSQL logs the plan of each statement that a request runs (auto_explain). A small table, such
as that of categories, must not be read whole for a page, nor for each row of it. With
`random_page_cost` 4 the planner prefers that to a lookup, if the table has less than about 340
rows. So the tests run in a shop with 250 categories, too.
"""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from local.postgres import PostgresServer
from shop.products import ProductRepository
from sluice import runtime
from sluice.settings import AwsSettings
from testing.realistic_shop import ShopSize, fill
from tests.fixtures.client import Client
from tests.fixtures.database import copy_database, owner_connection, runtime_settings
from tests.fixtures.explain import nodes_of
from tests.fixtures.resources import CLIENT

# Filling the large shop takes half a minute, and ten times as long on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

LARGE = ShopSize(100_000)
FEW_CATEGORIES = ShopSize(30_000, categories=250)
NAME = "realistic"
PLAN = re.compile(r"plan:\n(\t\{.*?\n\t\})$", re.MULTILINE | re.DOTALL)
EXPLAIN = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
}
LIMITS = (20, 100)
SLACK = 20  # rows of a small table that a request may read besides those of the page
FILTERS = {
    "": "",
    "ids": "ids=1,500,29999",
    "category": "category=category-1",
    "price_min": "price_min=400",
    "price_max": "price_max=1",
    "search": "search=bato",
    "in_stock": "in_stock=true",
    "created_after": "created_after=2024-02-01T00:00:00Z",
    "created_before": "created_before=2024-02-01T00:00:00Z",
}
SORTS = [
    f"{sort}:{direction}"
    for sort, direction in product(ProductRepository.list_spec.sorts, ("asc", "desc"))
]
PAGE = "edges { node { name category { name } } } pageInfo { endCursor }"
ORDERS = "items { quantity product { name inventory category { name } } }"
LEVELS = {
    "products": f"{{ products(first: 100) {{ {PAGE} }} }}",
    "products by price": (
        f"{{ products(first: 100, sortBy: {{ field: PRICE, direction: DESC }}) {{ {PAGE} }} }}"
    ),
    "products of a category": (
        f'{{ product(id: "7") {{ category {{ productsConnection(first: 100) {{ {PAGE} }} }} }} }}'
    ),
    "orders of a user": (
        f'{{ user(id: "1") {{ orders(first: 20) {{ edges {{ node {{ {ORDERS} }} }} }} }} }}'
    ),
}


@dataclass
class RealisticShop:
    """A client of the shop, and the log of its server's plans."""

    client: Client
    log: Path
    base: runtime.Runtime

    def categories_read(self, target: str, query: str = "") -> int:
        """Return how many rows of categories a request reads, which must succeed."""
        before = self.log.stat().st_size
        response = self.client.graphql(query) if query else self.client.get(target)
        assert (response.status, response.json.get("errors")) == (200, None), response.json
        with self.log.open() as log:
            log.seek(before)
            plans = [json.loads(plan) for plan in PLAN.findall(log.read())]
        assert plans, "the plan of the statement is logged"
        nodes = [node for plan in plans for node in nodes_of([{"Plan": plan["Plan"]}])]
        return sum(rows_read(node) for node in nodes if node.get("Relation Name") == "categories")


def rows_read(node: dict[str, Any]) -> int:
    rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return round(node["Actual Loops"] * rows)


@pytest.fixture(scope="module", params=[LARGE, FEW_CATEGORIES], ids=["large", "few categories"])
def realistic(
    request: pytest.FixtureRequest,
    postgres_server: PostgresServer,
    migrated_database: str,
    emulated_aws: AwsSettings,
) -> Iterator[RealisticShop]:
    copy_database(postgres_server, migrated_database, NAME)
    url = postgres_server.url(database=NAME)
    with closing(owner_connection(url)) as owner:
        fill(owner, request.param)
        owner.run("VACUUM ANALYZE")
        for setting, value in EXPLAIN.items():
            owner.run(f"ALTER DATABASE {NAME} SET {setting} = '{value}'")
        app_url = postgres_server.url("sluice_app", NAME, password="canary-app")
        base = runtime.build(runtime_settings(app_url, emulated_aws))
        runtime.set_current(base)
        yield RealisticShop(CLIENT(url, owner=owner), postgres_server.log, base)
        runtime.set_current(None)
        base.database.dispose()
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run(f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.fixture
def slow_disk(realistic: RealisticShop) -> Iterator[RealisticShop]:
    """The shop whose sessions assume a spinning disk, as PostgreSQL does by default.

    Behind a pooler sessions have the role's settings, and send none themselves.
    """
    setting = f"ALTER ROLE sluice_app IN DATABASE {NAME} SET random_page_cost ="
    realistic.client.sql(f"{setting} 4")
    settings = realistic.base.settings
    database = settings.database._replace(pooler="pgbouncer")
    other = runtime.build(settings._replace(database=database))
    runtime.set_current(other)
    yield realistic
    other.database.dispose()
    runtime.set_current(realistic.base)
    realistic.client.sql(f"{setting} 1.1")


def list_target(limit: int, sort: str, chosen: str) -> str:
    query = f"/api/products?limit={limit}&sort={sort}"
    return f"{query}&{chosen}" if chosen else query


def test_each_filter_has_an_example() -> None:
    assert {"", *ProductRepository.list_spec.filters} == {*FILTERS}


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("filter_", FILTERS)
def test_list_reads_only_the_categories_of_its_page(
    realistic: RealisticShop, filter_: str, sort: str
) -> None:
    for limit in LIMITS:
        target = list_target(limit, sort, FILTERS[filter_])
        cursor = realistic.client.get(target).json["pagination"]["next_cursor"]
        for page in [target, f"{target}&cursor={cursor}"][: 2 if cursor else 1]:
            assert realistic.categories_read(page) <= limit + SLACK, page


@pytest.mark.parametrize("level", LEVELS)
def test_level_of_graphql_reads_only_the_categories_of_its_rows(
    realistic: RealisticShop, level: str
) -> None:
    """One scan of a small table for all rows of a level is cheaper than a lookup for each."""
    one_scan = realistic.client.sql("SELECT count(*) FROM categories")[0][0]
    read = realistic.categories_read("", LEVELS[level])
    assert read <= LIMITS[-1] + SLACK + one_scan


@pytest.mark.parametrize("realistic", [FEW_CATEGORIES], indirect=True)
def test_small_table_that_is_read_whole_is_found(slow_disk: RealisticShop) -> None:
    """With PostgreSQL's own `random_page_cost` of 4 a page reads all categories for each row."""
    for limit in LIMITS:
        read = slow_disk.categories_read(list_target(limit, "id:asc", ""))
        assert read >= limit * FEW_CATEGORIES.categories // 2

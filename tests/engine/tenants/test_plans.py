"""Plans of pages of one tenant of 100: they read little more than the rows of the page.

Each runs with row-level security off and on. Then a condition of an operator that is not leakproof
cannot be one of an index: see docs/decisions/0028-two-locks.md, which has the figures.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from sluice import application, tenants
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.sql.list_spec import NO_FILTERS, ListQuery, Parent
from sluice.sql.page_cursor import CursorSigner
from tests.engine.tenants.lodge_client import Lodge, tenant
from tests.engine.tenants.policies import POLICIES
from tests.fixtures.database import owner_connection
from tests.fixtures.explain import ExplainExecutor

SIGNER = CursorSigner(b"the key of these tests' cursors")
HOUSES = 100
LIMIT = 20
MAX_PAGE_ROWS = 3 * (LIMIT + 1)
STAYS_OF_GUEST = 30
WORDS = 40  # each is in one of so many rows
SMALL = 30_000
SIZES = [
    pytest.param(SMALL, id="30000"),
    pytest.param(300_000, id="300000", marks=pytest.mark.slow),
]
HOUSE = "CAST('00000000-0000-4000-8000-' || lpad(CAST({} AS text), 12, '0') AS uuid)"
OURS = "00000000-0000-4000-8000-000000000007"
EMPTY = """
    TRUNCATE lodge.houses, lodge.guests, lodge.visited, lodge.stays, lodge.tags, lodge.stay_tags,
        lodge.nights, lodge.remarks, lodge.answers RESTART IDENTITY;
"""
# The rows of the houses alternate: row n belongs to house (n - 1) % 100 + 1.
LARGE = f"""
    INSERT INTO lodge.houses
    SELECT {HOUSE.format("n")}, 'house' FROM generate_series(1, {HOUSES}) n;
    INSERT INTO lodge.guests (house_id, email, name)
    SELECT {HOUSE.format("(n - 1) % 100 + 1")}, 'guest' || n,
        'guest word' || (n - 1) / 100 % {WORDS}
    FROM generate_series(1, {{rows}}) n;
    INSERT INTO lodge.stays (house_id, guest_id, state)
    SELECT {HOUSE.format("(n - 1) % 100 + 1")},
        (n - 1) % 100 + 1 + 100 * ((n - 1) / 100 / {STAYS_OF_GUEST}), 'open'
    FROM generate_series(1, {{rows}}) n;
    INSERT INTO lodge.remarks (stay_id, place, text)
    SELECT (n - 1) % 100 + 1 + 100 * ((n - 1) / 100 / 30), (n - 1) / 100 % 30, 'fine'
    FROM generate_series(1, {{rows}}) n;
    INSERT INTO lodge.nights (stay_id, nr, price)
    SELECT stay, nr, 9 FROM generate_series(1, {{rows}}) stay, generate_series(1, 3) nr
"""
INDEXES = """
    CREATE INDEX ON lodge.guests (house_id, id);
    CREATE INDEX ON lodge.guests (house_id, name, id);
    CREATE INDEX words ON lodge.guests USING gin (house_id, sluice.words(name));
    CREATE INDEX ON lodge.stays (house_id, id);
    CREATE INDEX ON lodge.stays (house_id, guest_id, id);
    CREATE INDEX ON lodge.remarks (stay_id, id)
"""


@dataclass
class OneHouse:
    """The rows of one house among 100, and an executor that explains its statements."""

    executor: ExplainExecutor
    has_policies: bool

    def page(self, name: str, query: ListQuery, parent: Parent | None = None) -> Any:
        kind = application.current().load("repositories", name)
        with tenant(OURS):
            return kind(tenants.executor_of(kind, self.executor), SIGNER).page(query, parent)

    def read_rows(self) -> float:
        """Return the rows that the last statement read, without a scan of a whole table."""
        assert self.executor.problems() == []
        return self.executor.visited()


@pytest.fixture(scope="module", params=SIZES)
def rows(request: pytest.FixtureRequest, lodge_database: Lodge) -> int:
    owner, count = lodge_database.owner, int(request.param)
    owner.run("CREATE EXTENSION IF NOT EXISTS btree_gin")
    owner.run(EMPTY + LARGE.format(rows=count))
    if not owner.run("SELECT to_regclass('lodge.words')")[0][0]:
        owner.run(INDEXES + ";" + POLICIES)
    owner.run("VACUUM ANALYZE")
    return count


@pytest.fixture(params=[False, True], ids=["predicate", "both locks"])
def house(request: pytest.FixtureRequest, rows: int, lodge_database: Lodge) -> Iterator[OneHouse]:
    has_policies = bool(request.param)
    what = "ENABLE" if has_policies else "DISABLE"
    tables = ("houses", "guests", "stays", "remarks", "nights")
    lodge_database.owner.run(
        ";".join(f"ALTER TABLE lodge.{table} {what} ROW LEVEL SECURITY" for table in tables)
    )
    settings = lodge_database.runtime.settings.database
    database = Database(make_pool(settings, "function", sets_tenant=has_policies))
    url = f"postgresql://{settings.user}:{settings.password}@{settings.host}:{settings.port}/{settings.name}"
    with closing(owner_connection(url)) as generic:
        generic.run("SET plan_cache_mode = force_generic_plan")
        generic.run(f"SET sluice.tenant = '{OURS}'")
        large = frozenset({"guests", "stays", "remarks", "nights"})
        yield OneHouse(ExplainExecutor(database, generic, large), has_policies)
    database.dispose()


@pytest.mark.parametrize(
    ("name", "filters"),
    [("guests", NO_FILTERS), ("stays", NO_FILTERS), ("guests", {"email": "guest107"})],
    ids=["guests", "stays", "filter"],
)
def test_list_reads_the_rows_of_the_page(
    house: OneHouse, name: str, filters: Mapping[str, object]
) -> None:
    page = house.page(name, ListQuery(limit=LIMIT, filters=filters))
    assert page.items
    assert house.read_rows() <= MAX_PAGE_ROWS


@pytest.mark.parametrize("sort", ["id", "name"])
def test_deep_page_reads_the_rows_of_the_page(house: OneHouse, rows: int, sort: str) -> None:
    query = ListQuery(limit=LIMIT, sort=((sort, False),))
    offset = rows // HOUSES * 2 // 3
    deep = house.page("guests", query._replace(limit=1, offset=offset))
    for cursor in (deep.next_cursor, deep.prev_cursor):
        house.page("guests", query._replace(cursor=cursor))
        assert house.read_rows() <= MAX_PAGE_ROWS


def test_sublist_reads_the_rows_of_the_page(house: OneHouse) -> None:
    projection = application.current().load("repositories", "guests").projection
    parent = Parent(projection, (7,), "guest_id")
    first = house.page("stays", ListQuery(limit=LIMIT), parent)
    assert house.read_rows() <= MAX_PAGE_ROWS
    house.page("stays", ListQuery(limit=LIMIT, cursor=first.next_cursor), parent)
    assert house.read_rows() <= MAX_PAGE_ROWS


def test_list_of_rows_without_a_tenant_column_reads_a_page(house: OneHouse, rows: int) -> None:
    """The row above is read for each. If the tenant has few, the policy reads them all instead."""
    most = MAX_PAGE_ROWS + 2 * (LIMIT + 1)
    if house.has_policies and rows == SMALL:
        most += rows // HOUSES
    projection = application.current().load("repositories", "stays").projection
    house.page("remarks", ListQuery(limit=LIMIT), Parent(projection, (7,), "stay_id"))
    assert house.read_rows() <= most


def test_root_list_of_such_rows_reads_those_of_others(house: OneHouse, rows: int) -> None:
    """No index has their tenant. docs/tenants.md says what to do instead."""
    house.page("remarks", ListQuery(limit=LIMIT))
    parents = rows // HOUSES if house.has_policies else 0
    most = HOUSES * (LIMIT + 1) + 2 * (LIMIT + 1) + parents
    assert MAX_PAGE_ROWS < house.read_rows() <= most


@pytest.mark.parametrize("at", ["start", "after", "before"])
def test_root_list_in_the_order_of_its_parents_reads_a_page(
    house: OneHouse, rows: int, at: str
) -> None:
    """It reads the tenant's parents from the position on. The policy reads all, once a subquery."""
    deep = house.page("nights", ListQuery(limit=1, offset=rows // HOUSES * 2))
    cursors = {"start": None, "after": deep.next_cursor, "before": deep.prev_cursor}
    page = house.page("nights", ListQuery(limit=LIMIT, cursor=cursors[at]))
    assert page.items
    parents = rows // HOUSES * (2 if cursors[at] else 1) if house.has_policies else 0
    assert house.read_rows() <= MAX_PAGE_ROWS + parents


def test_search_reads_its_matches_without_row_security(house: OneHouse, rows: int) -> None:
    """With it, the words are no condition of an index: it reads all rows of the tenant."""
    page = house.page("guests", ListQuery(limit=LIMIT, filters={"search": "word7"}))
    assert page.items
    matches = rows // HOUSES // WORDS + 1
    if house.has_policies:
        assert matches < house.read_rows() <= 2 * rows // HOUSES, "not the table"
    else:
        assert house.read_rows() <= max(MAX_PAGE_ROWS, 3 * matches)

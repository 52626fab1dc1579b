"""Query plans of derived lists: each page reads a range of an index, in a large table.

The rows are samples of the kinds, as many as SLUICE_PLAN_ROWS says. A page of a sort reads three
ranges if the sort has nulls: the rest of the values, the nulls, and the row before the page. The
shop has tests of its own, with data as in a shop.

docs/own-tables.md says which pages are promised. For other pairs of a filter and a sort, PostgreSQL
chooses between their indexes. With few `fields` it may read another index, which has them all.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import takewhile
from typing import TypeAlias

import pytest

from catalog.read import read
from local.postgres import PostgresServer
from sluice import application, request_context, tenants
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.kinds.field import Field
from sluice.resource import Many, Resource, Via
from sluice.settings import DatabaseSettings
from sluice.sql.identifiers import qualified
from sluice.sql.junctions import junction_list
from sluice.sql.list_spec import NO_FILTERS, ListQuery, ListSpec, Parent
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.resource_repository import ResourceRepository
from sluice.sql.row_security import tenant_tables
from tests.fixtures.database import copy_database, owner_connection
from tests.fixtures.explain import ExplainExecutor
from tests.fixtures.many_rows import copy_links, copy_rows, key_of
from tests.fixtures.own_tables import tenant_of_tests

SIGNER = CursorSigner(b"the key of these tests' cursors")
APP = application.current()
ROWS = int(os.environ.get("SLUICE_PLAN_ROWS", "8000"))
CELLS = 25 * ROWS  # a table with more columns has fewer rows
LARGE_TABLE = 1_000  # rows; a smaller table may be read by a sequential scan
LIMIT = 100
MAX_PAGE_ROWS = 3 * (LIMIT + 1) + 10
DEEP = 900  # rows before the page in the middle
DEEP_IN_MATCHES = 60  # the same, with a filter
DESCENDING = 3  # pg_index.indoption: descending, NULLs first
PARENTS = 40
SECONDS = 600.0  # of each test
CHILDREN = 5
# The planner assumes that one parent has 0.5 % of the rows. If these are few, it reads them all.
MAX_OF_PARENT = 3 * (CHILDREN + 1) if ROWS >= 100_000 else 50

Sorting: TypeAlias = tuple[tuple[str, bool], ...]

pytestmark = pytest.mark.skipif(APP.name == "shop", reason="tests/shop/sql/test_plans.py")


def is_large(resource: Resource) -> bool:
    """Return whether the table can have many rows, and takes any value that its fields have."""
    rules = ("check", "exclusion")
    has_rules = any(each.kind in rules for each in resource.constraints)
    is_small = all(key.distinct for key in resource.keys)
    by_hand = any(field.needs_column_sql for field in resource.all_fields)
    is_small = is_small or (resource.has_tenant and max_rows(resource) < ROWS)
    return bool(resource.writes) and not has_rules and not is_small and not by_hand


def max_rows(resource: Resource) -> int:
    """Return how many rows of one tenant have different samples as their keys."""
    keys = [key for key in resource.keys if key.column != resource.tenant]
    counts = [len({json.dumps(key.sample(n)) for n in range(1, ROWS + 1)}) for key in keys]
    return max(counts, default=1)


DECLARED = {each.name: each for each in APP.declarations()}
LARGE = {name: each for name, each in DECLARED.items() if is_large(each)}


# A list of rows without a column of the tenant (Via) reads more, and so may one of links with
# tenants: docs/tenants.md has the figures.
PAGES = {name: each for name, each in LARGE.items() if not isinstance(each.tenant, Via)}


def rows_of(resource: Resource) -> int:
    return min(ROWS, CELLS // len(resource.all_fields))


BELOW = [
    (name, many)
    for name, resource in LARGE.items()
    for many in resource.lists
    if many.resource in LARGE
]
PAGES_BELOW = [
    (name, many) for name, many in BELOW if not (many.through and LARGE[name].has_tenant)
]


@dataclass
class LargeTables:
    """Repositories over large tables, whose statements are explained."""

    executor: ExplainExecutor

    def repository(self, name: str) -> ResourceRepository:
        kind: type[ResourceRepository] = APP.load("repositories", name)
        return kind(tenants.executor_of(kind, self.executor), SIGNER)

    def check_pages(
        self, name: str, sorting: Sorting, filters: Mapping[str, object] = NO_FILTERS
    ) -> None:
        """Check the first page, and those after and before a row in the middle."""
        repository = self.repository(name)
        query = ListQuery(limit=LIMIT, sort=sorting, filters=filters, fields=fields_of(name))
        repository.page(query)
        self.check((sorting, filters), MAX_PAGE_ROWS)
        offset = DEEP_IN_MATCHES if filters else DEEP
        deep = repository.page(query._replace(limit=1, offset=offset))
        for cursor in filter(None, (deep.next_cursor, deep.prev_cursor)):
            repository.page(query._replace(cursor=cursor))
            self.check((sorting, filters, "at a cursor"), MAX_PAGE_ROWS)

    def check(self, what: object, most: int) -> None:
        """Fail unless the last statement used indexes, and read at most so many rows."""
        assert self.executor.problems() == [], (what, self.executor.problems())
        assert self.executor.visited() <= most, (what, self.executor.visited())


@pytest.fixture(scope="module")
def tables(postgres_server: PostgresServer, migrated_database: str) -> Iterator[LargeTables]:
    copy_database(postgres_server, migrated_database, "plans")
    with closing(owner_connection(postgres_server.url(database="plans"))) as connection:
        # Foreign keys are not checked while rows are inserted.
        connection.run("SET session_replication_role = replica")
        for resource in LARGE.values():
            copy_rows(connection, resource, rows_of(resource))
        junctions = {many.through: (name, many) for name, many in BELOW if many.through}
        for name, many in junctions.values():
            copy_links(connection, LARGE[name], many, LARGE[many.resource], ROWS)
        for table in tenant_tables(LARGE.values()):  # decision 28 has the plans with policies
            connection.run(f"ALTER TABLE {qualified(table)} DISABLE ROW LEVEL SECURITY")
        connection.run("VACUUM ANALYZE")
        large = connection.run(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= :n", n=LARGE_TABLE
        )
    url = postgres_server.url("sluice_app", "plans", password="canary-app")
    database = Database(make_pool(DatabaseSettings.from_url(url), "function"))
    with closing(owner_connection(url)) as generic:
        generic.run("SET plan_cache_mode = force_generic_plan")
        executor = ExplainExecutor(database, generic, frozenset(name for (name,) in large))
        yield LargeTables(executor)
    database.dispose()
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("DROP DATABASE plans WITH (FORCE)")


@pytest.fixture(autouse=True)
def tenant() -> Iterator[None]:
    """Run the tests as a tenant, if the application has tenants. It has half of the rows."""
    with request_context.begin(SECONDS) as context:
        context.tenant = tenant_of_tests()
        yield


@pytest.mark.parametrize("name", PAGES)
def test_each_sort_reads_a_range_of_an_index(tables: LargeTables, name: str) -> None:
    repository = tables.repository(name)
    sorts = [each for each in repository.list_spec.sorts if not is_unindexed(name, each)]
    for sort in sorts:
        for descending in (False, True):
            tables.check_pages(name, ((sort, descending),))


@pytest.mark.parametrize("name", PAGES)
def test_index_of_several_sorts_answers_them(tables: LargeTables, name: str) -> None:
    for sorting in sortings_of_indexes(tables, name):
        tables.check_pages(name, sorting)
        tables.check_pages(name, tuple((sort, not descending) for sort, descending in sorting))


@pytest.mark.parametrize("name", PAGES)
def test_page_among_nulls_reads_a_range_of_an_index(tables: LargeTables, name: str) -> None:
    repository, rows = tables.repository(name), rows_of(LARGE[name])
    for sort, declared in repository.list_spec.sorts.items():
        if not declared.nullable or is_unindexed(name, sort):
            continue
        for descending in (False, True):
            query = ListQuery(limit=LIMIT, sort=((sort, descending),), fields=fields_of(name))
            offset = rows // 10 if descending else rows - rows // 10
            deep = repository.page(query._replace(limit=1, offset=offset))
            for cursor in (deep.next_cursor, deep.prev_cursor):
                repository.page(query._replace(cursor=cursor))
                tables.check((sort, descending, "among nulls"), MAX_PAGE_ROWS)


@pytest.mark.parametrize("name", PAGES)
def test_filter_on_one_value_reads_a_range_of_an_index(tables: LargeTables, name: str) -> None:
    """The index of the filter goes on with the key, so it has the default order."""
    for operator, filter_, value in examples(LARGE[name]):
        if operator in ("equal", "in"):
            for sorting in default_sorts(name):
                tables.check_pages(name, sorting, {filter_: value})


@pytest.mark.parametrize("name", PAGES)
def test_range_and_sort_of_one_field_read_a_range_of_an_index(
    tables: LargeTables, name: str
) -> None:
    for field in LARGE[name].all_fields:
        for operator, filter_, value in examples(LARGE[name], field):
            if operator == "range" and field.name in tables.repository(name).list_spec.sorts:
                for descending in (False, True):
                    tables.check_pages(name, ((field.name, descending),), {filter_: value})


@pytest.mark.parametrize("name", PAGES)
def test_filter_without_a_match_reads_an_index(tables: LargeTables, name: str) -> None:
    """PostgreSQL chooses the index of the filter, not that of the sort."""
    repository = tables.repository(name)
    for _, filter_, value in examples(LARGE[name]):
        for sorting in default_sorts(name):
            query = ListQuery(filters={filter_: value}, sort=sorting, fields=fields_of(name))
            if repository.page(query).items == "":
                tables.check((filter_, value, sorting), MAX_PAGE_ROWS)


@pytest.mark.parametrize(
    ("name", "many"), PAGES_BELOW, ids=lambda each: getattr(each, "name", each)
)
def test_list_below_a_row_reads_a_range_of_an_index(
    tables: LargeTables, name: str, many: Many
) -> None:
    repository, junction = tables.repository(many.resource), junction_of(name, many)
    projection = tables.repository(name).list_spec.projection
    for n in (0, 7, PARENTS):
        key = key_of(LARGE[name], n)
        parent = Parent(projection, key, ",".join(many.columns), junction)
        page = repository.page(ListQuery(limit=LIMIT), parent)
        tables.check((n, "first page"), MAX_PAGE_ROWS)
        repository.page(ListQuery(limit=LIMIT, cursor=page.next_cursor), parent)
        tables.check((n, "second page"), MAX_PAGE_ROWS)


@pytest.mark.parametrize(
    ("name", "many"), PAGES_BELOW, ids=lambda each: getattr(each, "name", each)
)
def test_lists_of_many_parents_read_a_range_for_each(
    tables: LargeTables, name: str, many: Many
) -> None:
    repository, junction = tables.repository(many.resource), junction_of(name, many)
    keys = [key_of(LARGE[name], n) for n in range(PARENTS)]
    for from_end in (False, True):
        query = ListQuery(limit=CHILDREN, from_end=from_end)
        repository.connections_by_parent(keys, query, ",".join(many.columns), junction)
        tables.check(from_end, PARENTS * MAX_OF_PARENT)


@pytest.mark.parametrize("name", PAGES)
def test_rows_with_keys_are_read_by_the_index_of_the_key(tables: LargeTables, name: str) -> None:
    repository = tables.repository(name)
    keys = [key_of(LARGE[name], n) for n in range(0, LIMIT * 10, 10)]
    found = repository.get_many(keys, [key.name for key in LARGE[name].keys])
    assert set(found) == set(keys)
    tables.check("get_many", 2 * LIMIT)


def junction_of(name: str, many: Many) -> ListSpec | None:
    if not many.through:
        return None
    return junction_list(APP.load("repositories", many.resource), LARGE[name], many)


def fields_of(name: str) -> frozenset[str]:
    """Return the key and some fields, which no index has. Further ones cost time, not rows."""
    return frozenset(field.name for field in (*LARGE[name].keys, *LARGE[name].all_fields[-3:]))


def default_sorts(name: str) -> tuple[Sorting, Sorting]:
    """Return the default order and its opposite."""
    return (), ((LARGE[name].keys[0].name, True),)


def is_unindexed(name: str, sort: str) -> bool:
    field = LARGE[name].by_name.get(sort)
    return field is not None and field.unindexed


def sortings_of_indexes(tables: LargeTables, name: str) -> Iterator[Sorting]:
    """Yield the sorts by several fields that an index has, and after them the key."""
    resource = LARGE[name]
    names = {field.column: field.name for field in resource.all_fields}
    keys = {key.name for key in resource.keys}
    sorts = tables.repository(name).list_spec.sorts.keys() - keys
    for index in read(tables.executor.database).tables_by_name[resource.table].indexes:
        terms = [(names.get(key.column, ""), key.options == DESCENDING) for key in index.keys]
        named = tuple(takewhile(lambda term: term[0] in sorts, terms))
        ties = {(key, named[-1][1]) for key in keys} if named else set()
        has_key = keys <= {term[0] for term in terms} and {*terms[len(named) :]} <= ties
        if len(named) > 1 and has_key:
            yield named


def examples(resource: Resource, of: Field | None = None) -> Iterator[tuple[str, str, object]]:
    """Yield an operator and a filter, with values that many rows, few rows and no row have."""
    for field in [of] if of else resource.all_fields:
        if field.unindexed:
            continue
        for operator in field.operators:
            for name, declared in field.filters_of(operator).items():
                if operator == "is_null":
                    yield from ((operator, name, value) for value in (True, False))
                    continue
                source = getattr(field, "of", field) if operator == "has" else field
                samples = [source.sample(n) for n in (1, 400, 999_999)]
                texts = [each if isinstance(each, str) else json.dumps(each) for each in samples]
                for value in (declared.parse(text) for text in texts):
                    yield operator, name, [value] if declared.many else value

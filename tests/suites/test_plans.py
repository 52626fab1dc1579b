"""Query plans of derived lists: each page reads a range of an index, in a large table.

The rows are samples of the kinds, as many as SLUICE_PLAN_ROWS says. A page of a sort reads three
ranges if the sort has nulls: the rest of the values, the nulls, and the row before the page. The
shop has tests of its own, with data as in a shop.
"""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from local.postgres import PostgresServer
from sluice import application
from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.db.sqlalchemy_pool import SqlalchemyPool
from sluice.resource import Many, Resource
from sluice.settings import DatabaseSettings
from sluice.sql.junctions import junction_list
from sluice.sql.list_spec import ListQuery, ListSpec, Parent
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.resource_repository import ResourceRepository
from tests.fixtures.database import copy_database, owner_connection
from tests.fixtures.explain import ExplainExecutor
from tests.fixtures.many_rows import copy_links, copy_rows, key_of

SIGNER = CursorSigner(b"the key of these tests' cursors")
APP = application.current()
ROWS = int(os.environ.get("SLUICE_PLAN_ROWS", "8000"))
CELLS = 25 * ROWS  # a table with more columns has fewer rows
LARGE_TABLE = 1_000  # rows; a smaller table may be read by a sequential scan
LIMIT = 100
MAX_PAGE_ROWS = 3 * (LIMIT + 1) + 10
DEEP = 900  # rows before the page in the middle
PARENTS = 40
MAX_OF_PARENT = 50  # rows and index entries of its links: all of them may be read

pytestmark = pytest.mark.skipif(APP.name == "shop", reason="tests/shop/sql/test_plans.py")


def is_large(resource: Resource) -> bool:
    """Return whether the table can have many rows, and takes any value that its fields have."""
    rules = ("check", "exclusion")
    has_rules = any(each.kind in rules for each in resource.constraints)
    is_small = all(key.distinct for key in resource.keys)
    by_hand = any(field.needs_column_sql for field in resource.all_fields)
    return bool(resource.writes) and not has_rules and not is_small and not by_hand


DECLARED = {each.name: each for each in APP.declarations()}
LARGE = {name: each for name, each in DECLARED.items() if is_large(each)}


def rows_of(resource: Resource) -> int:
    return min(ROWS, CELLS // len(resource.all_fields))


BELOW = [
    (name, many)
    for name, resource in LARGE.items()
    for many in resource.lists
    if many.resource in LARGE
]


@dataclass
class LargeTables:
    """Repositories over large tables, whose statements are explained."""

    executor: ExplainExecutor

    def repository(self, name: str) -> ResourceRepository:
        kind: type[ResourceRepository] = APP.load("repositories", name)
        return kind(self.executor, SIGNER)

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
        connection.run("VACUUM ANALYZE")
        large = connection.run(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= :n", n=LARGE_TABLE
        )
    url = postgres_server.url("sluice_app", "plans", password="canary-app")
    database = Database(SqlalchemyPool(make_engine(DatabaseSettings.from_url(url), "function")))
    with closing(owner_connection(url)) as generic:
        generic.run("SET plan_cache_mode = force_generic_plan")
        executor = ExplainExecutor(database, generic, frozenset(name for (name,) in large))
        yield LargeTables(executor)
    database.dispose()
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("DROP DATABASE plans WITH (FORCE)")


@pytest.mark.parametrize("name", LARGE)
def test_each_sort_reads_a_range_of_an_index(tables: LargeTables, name: str) -> None:
    repository = tables.repository(name)
    sorts = [each for each in repository.list_spec.sorts if not is_unindexed(name, each)]
    for sort in sorts:
        for descending in (False, True):
            query = ListQuery(limit=LIMIT, sort=((sort, descending),), fields=keys_of(name))
            repository.page(query)
            tables.check((sort, descending), MAX_PAGE_ROWS)
            deep = repository.page(query._replace(limit=1, offset=DEEP))
            for cursor in (deep.next_cursor, deep.prev_cursor):
                repository.page(query._replace(cursor=cursor))
                tables.check((sort, descending, "at a cursor"), MAX_PAGE_ROWS)


@pytest.mark.parametrize("name", LARGE)
def test_page_among_nulls_reads_a_range_of_an_index(tables: LargeTables, name: str) -> None:
    repository, rows = tables.repository(name), rows_of(LARGE[name])
    for sort, declared in repository.list_spec.sorts.items():
        if not declared.nullable or is_unindexed(name, sort):
            continue
        for descending in (False, True):
            query = ListQuery(limit=LIMIT, sort=((sort, descending),), fields=keys_of(name))
            offset = rows // 10 if descending else rows - rows // 10
            deep = repository.page(query._replace(limit=1, offset=offset))
            for cursor in (deep.next_cursor, deep.prev_cursor):
                repository.page(query._replace(cursor=cursor))
                tables.check((sort, descending, "among nulls"), MAX_PAGE_ROWS)


@pytest.mark.parametrize("name", LARGE)
def test_each_filter_uses_an_index(tables: LargeTables, name: str) -> None:
    repository, rows = tables.repository(name), rows_of(LARGE[name])
    for filter_, values in examples(LARGE[name]):
        # For parts of a list or a JSON value, the planner may read the index of the key instead.
        most = rows if filter_.endswith(("_has", "_contains")) else rows // 2
        for value in values:
            for sort in ((), ((repository.list_spec.keys[0], True),)):
                query = ListQuery(filters={filter_: value}, sort=sort, fields=keys_of(name))
                page = repository.page(query)
                if tables.executor.visited() > most:  # many rows match
                    total = repository.page(query._replace(include_total=True)).total or 0
                    assert 2 * total >= most, (filter_, value, sort)
                    continue
                tables.check((filter_, value, sort), most)
                if page.next_cursor:
                    repository.page(query._replace(cursor=page.next_cursor))
                    tables.check((filter_, value, sort, "at a cursor"), most)


@pytest.mark.parametrize(("name", "many"), BELOW, ids=lambda each: getattr(each, "name", each))
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


@pytest.mark.parametrize(("name", "many"), BELOW, ids=lambda each: getattr(each, "name", each))
def test_lists_of_many_parents_read_a_range_for_each(
    tables: LargeTables, name: str, many: Many
) -> None:
    repository, junction = tables.repository(many.resource), junction_of(name, many)
    keys = [key_of(LARGE[name], n) for n in range(PARENTS)]
    for from_end in (False, True):
        query = ListQuery(limit=5, from_end=from_end)
        repository.connections_by_parent(keys, query, ",".join(many.columns), junction)
        tables.check(from_end, PARENTS * MAX_OF_PARENT)


@pytest.mark.parametrize("name", LARGE)
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


def keys_of(name: str) -> frozenset[str]:
    """Return the fields of the key. Further ones only cost time, not rows."""
    return frozenset(key.name for key in LARGE[name].keys)


def is_unindexed(name: str, sort: str) -> bool:
    field = LARGE[name].by_name.get(sort)
    return field is not None and field.unindexed


def examples(resource: Resource) -> Iterator[tuple[str, list[object]]]:
    """Yield each filter with values that many rows, few rows and no row have."""
    for field in resource.all_fields:
        if field.unindexed:
            continue
        for operator in field.operators:
            for name, declared in field.filters_of(operator).items():
                if operator == "is_null":
                    yield name, [True, False]
                    continue
                source = getattr(field, "of", field) if operator == "has" else field
                samples = [source.sample(n) for n in (1, 400, 999_999)]
                texts = [each if isinstance(each, str) else json.dumps(each) for each in samples]
                values = [declared.parse(text) for text in texts]
                yield name, [[value] for value in values] if declared.many else values

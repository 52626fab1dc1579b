"""Pages in each order, compared with the order of PostgreSQL itself.

Each case has random rows with few different values, nulls and values at bounds, and a random sort
of up to three keys. The expected order is that of a SELECT without LIMIT, which is written here.

`make fuzz-pages CASES=20000 SEED=1` runs more and other cases than `make test`. A failure names its
sort and the number of its case, which is the same with the same seed and number of cases.
"""

import json
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import pytest

from sluice import application, request_context, tenants
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.kinds.field import Field
from sluice.resource import Resource
from sluice.settings import DatabaseSettings
from sluice.sql.derived import table
from sluice.sql.identifiers import quoted
from sluice.sql.list_spec import ListQuery, Page
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.resource_repository import ResourceRepository
from tests.fixtures.cases import case_of, compared
from tests.fixtures.client import Client
from tests.fixtures.own_tables import tenant_of_tests


def takes_random_rows(resource: Resource) -> bool:
    """Return whether the resource is a table, with no rule that random values would violate."""
    rules = ("check", "exclusion")
    return bool(resource.writes) and all(each.kind not in rules for each in resource.constraints)


SECONDS = 86_400.0  # of a test; `make fuzz-pages` takes long
SIGNER = CursorSigner(b"the key of these tests' cursors")
LISTS = [
    each.name
    for each in application.current().declarations()
    if each.name in application.current().repositories
    and "create" in each.writes  # rows of others, such as stock, are inserted by the database
    and takes_random_rows(each)
]
CASES = int(os.environ.get("SLUICE_PAGE_CASES", "200"))  # of all lists together
SEED = os.environ.get("SLUICE_PAGE_SEED", "")
CASES_OF_ROWS = 20  # so many cases have the same rows
CASES_OF_CHANGING_ROWS = 3
MAX_ROWS = 26
LONGEST = 200  # characters of a value: an index cannot have a very long one

Sorting: TypeAlias = tuple[tuple[str, bool], ...]
Keys: TypeAlias = list[tuple[Any, ...]]


@dataclass
class Lists:
    """The rows of one resource, and pages of them."""

    client: Client
    repository: ResourceRepository
    random: random.Random
    inserted: int = 0  # rows, since the last refill

    @property
    def resource(self) -> Resource:
        return self.repository.resource

    def refill(self) -> None:
        """Replace all rows by random ones."""
        self.client.sql(f"DELETE FROM {table(self.resource)}")
        self.inserted = 0
        for _ in range(self.random.randrange(min(MAX_ROWS, self.capacity))):
            self.insert()

    @property
    def capacity(self) -> int:
        """How many rows there can be: a key may have few values."""
        counts = [key.distinct for key in self.resource.keys]
        return MAX_ROWS if None in counts else prod(filter(None, counts)) + 1

    def insert(self) -> None:
        """Insert a row. Its fields have random values, unless they must be different."""
        case = case_of(self.resource.name)
        row = case.row(self.client, self.inserted)
        self.inserted += 1
        for name in row.keys() & self.varied:
            row[name] = self.random.choice(values_of(self.resource.by_name[name]))
        case.insert_row(self.client, row)

    @property
    def varied(self) -> set[str]:
        """The fields whose values may be any."""
        combined = {column for each in self.resource.constraints for column in each.columns}
        combined |= {column for one in self.resource.refs for column in one.foreign_key}
        return {
            field.name
            for field in self.resource.fields
            if not field.unique and field.column not in combined
        }

    def delete(self, count: int) -> None:
        """Delete some rows, or set the column of a soft delete. Rows may reference each other."""
        if any(one.resource == self.resource.name for one in self.resource.refs):
            return
        source = table(self.resource)
        found = f"SELECT ctid FROM {source} ORDER BY random() LIMIT {count}"
        if column := self.resource.soft_delete:
            self.client.sql(f"UPDATE {source} SET {quoted(column)} = now() WHERE ctid IN ({found})")
        else:
            self.client.sql(f"DELETE FROM {source} WHERE ctid IN ({found})")

    def sorting(self) -> Sorting:
        """Return a random sort of up to three keys."""
        sorts = [name for name, sort in self.repository.list_spec.sorts.items() if not sort.join]
        names = self.random.sample(sorts, min(len(sorts), self.random.randrange(4)))
        return tuple((name, self.random.random() < 0.5) for name in names)

    def ordered(self, sorting: Sorting) -> Keys:
        """Return the keys of all rows, as PostgreSQL sorts them."""
        descending = sorting[-1][1] if sorting else False
        terms = [(self.resource.by_name[name], down) for name, down in sorting]
        terms += [(key, descending) for key in self.resource.keys]
        order = ", ".join(f"{compared(field)} {'DESC' if down else ''}" for field, down in terms)
        keys = ", ".join(key.select(quoted(key.column)) for key in self.resource.keys)
        deleted = self.resource.soft_delete
        where = f"WHERE {quoted(deleted)} IS NULL" if deleted else ""
        rows = self.client.sql(
            f"SELECT json_build_array({keys})::text FROM {table(self.resource)} {where} "
            f"ORDER BY {order}"
        )
        return [tuple(json.loads(text)) for (text,) in rows]

    def pages(self, query: ListQuery) -> Iterator[Page]:
        """Yield the pages from the first to the last."""
        while True:
            page = self.repository.page(query)
            yield page
            if page.next_cursor is None:
                return
            query = query._replace(cursor=page.next_cursor)

    def pages_before(self, query: ListQuery, cursor: str | None) -> Iterator[Page]:
        """Yield the pages from a cursor back to the first."""
        while cursor:
            page = self.repository.page(query._replace(cursor=cursor))
            yield page
            cursor = page.prev_cursor

    def keys_of(self, page: Page) -> Keys:
        names = [key.name for key in self.resource.keys]
        return [tuple(row[name] for name in names) for row in json.loads(f"[{page.items}]")]


def values_of(field: Field) -> Sequence[Any]:
    """Return few values: usual ones, those at bounds, and nulls."""
    bounds = [value for value in field.bounds() if len(json.dumps(value)) <= LONGEST]
    usual = [field.sample(n) for n in (1, 1, 2)]
    return [*usual, *bounds, *([None, None] if field.nullable else [])]


def cases_of(name: str) -> int:
    """Return how many cases a list has. One with more sorts has more."""
    app = application.current()
    sorts = {each: len(app.load("repositories", each).list_spec.sorts) for each in LISTS}
    return max(5, CASES * sorts[name] // sum(sorts.values()))


@contextmanager
def lists_of(client: Client, name: str, seed: str) -> Iterator[Lists]:
    tenant = tenant_of_tests()
    settings = DatabaseSettings.from_url(client.url)
    database = Database(make_pool(settings, "function", sets_tenant=bool(tenant)))
    kind = application.current().load("repositories", name)
    repository = kind(tenants.executor_of(kind, database), SIGNER)
    with request_context.begin(SECONDS) as context:
        context.tenant = tenant
        yield Lists(client, repository, random.Random(f"{seed}{SEED}"))
    database.dispose()


@pytest.mark.parametrize("name", LISTS)
def test_pages_are_in_the_order_of_postgresql(client: Client, name: str) -> None:
    with lists_of(client, name, name) as lists:
        for n in range(cases_of(name)):
            if n % CASES_OF_ROWS == 0:
                lists.refill()
            sorting = lists.sorting()
            keys = frozenset(key.name for key in lists.resource.keys)
            query = ListQuery(limit=lists.random.randrange(1, 9), sort=sorting, fields=keys)
            case = (n, sorting, query.limit)
            expected = lists.ordered(sorting)

            forward = [*lists.pages(query)]
            last = forward[-1]
            back = [last, *lists.pages_before(query, last.prev_cursor)]

            assert [key for page in forward for key in lists.keys_of(page)] == expected, case
            assert [key for page in back[::-1] for key in lists.keys_of(page)] == expected, case


@pytest.mark.parametrize("name", LISTS)
def test_rows_that_stay_are_seen_once_during_writes(client: Client, name: str) -> None:
    with lists_of(client, name, f"{name}, writes") as lists:
        for n in range(cases_of(name) // 5 + 1):
            if n % CASES_OF_CHANGING_ROWS == 0:
                lists.refill()
            sorting = lists.sorting()
            keys = frozenset(key.name for key in lists.resource.keys)
            query = ListQuery(limit=lists.random.randrange(1, 5), sort=sorting, fields=keys)
            pages, back = lists.pages(query), lists.random.random() < 0.5
            stay, seen = set(lists.ordered(sorting)), []
            if back:
                *before, last = pages
                pages = lists.pages_before(query, last.prev_cursor)
                stay = {key for page in before for key in lists.keys_of(page)}
            case = (n, sorting, query.limit, back)
            for page in pages:
                found = lists.keys_of(page)
                seen = [*found, *seen] if back else [*seen, *found]
                lists.delete(lists.random.randrange(3))
                if lists.capacity == MAX_ROWS and lists.random.random() < 0.5:
                    lists.insert()
                stay &= set(lists.ordered(sorting))

            order = [key for key in lists.ordered(sorting) if key in stay]
            assert [key for key in seen if key in stay] == order, case
            assert len(seen) == len(set(seen)), case

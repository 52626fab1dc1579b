"""Pages of a list, compared with a list that Python sorts (the oracle)."""

import json
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.postgres import PostgresServer
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.kinds.boolean import Boolean
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.text import Text
from sluice.kinds.timestamp import Timestamp
from sluice.query import Query
from sluice.settings import DatabaseSettings
from sluice.sql.list_spec import Filter, ListQuery, ListSpec, Page, Sort
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.projection import Projection, decimal, integer, text
from sluice.sql.read_repository import ReadRepository
from tests.fixtures.database import owner_connection
from tests.fixtures.examples import examples

SIGNER = CursorSigner(b"the key of these tests' cursors")
PROPERTY = settings(
    max_examples=examples(120),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

NUMBER = BigInt("number", filter="equal").filters()["number"]
BOOLEAN = Boolean("boolean", filter="equal").filters()["boolean"]

# A table with every kind of sort key: nullable and not, text, numeric, timestamptz, integer.
THINGS = ListSpec(
    projection=Projection(
        name="things",
        singular="thing",
        table="things",
        alias="t",
        keys=(BigInt("id"),),
        fields={
            "id": integer("t.id"),
            "label": text("t.label", nullable=True),
            "price": decimal("t.price"),
        },
        etag="t.id::text",
    ),
    filters={
        "least": Filter(NUMBER, "t.stock >= CAST(:least AS bigint)"),
        "even": Filter(BOOLEAN, "mod(t.id, 2) = 0", false_condition="mod(t.id, 2) = 1"),
        "ids": Filter(
            NUMBER,
            "t.id = ANY(CAST(:ids AS bigint[]))",
            single_value_condition="t.id = CAST(:ids AS bigint)",
        ),
    },
    sorts={
        "id": Sort("id", BigInt("id"), unique=True),
        "label": Sort("label", Text("label", nullable=True), nullable=True),
        "price": Sort("price", Numeric("price", precision=30, scale=9)),
        "at": Sort("at", Timestamp("at", nullable=True), nullable=True),
        "stock": Sort("stock", Integer("stock")),
    },
)


class ThingPages(ReadRepository):
    list_spec = THINGS


TABLE = """
CREATE TABLE things (
    id bigint PRIMARY KEY,
    label text,
    price numeric NOT NULL,
    at timestamptz,
    stock integer NOT NULL
)
"""
INSERT = """
INSERT INTO things
VALUES (:id, :label, CAST(:price AS numeric), CAST(:at AS timestamptz), :stock)
"""

Row = dict[str, Any]
Sorting = tuple[tuple[str, bool], ...]

# Few different values, so that ties and runs of NULLs are common.
rows = st.fixed_dictionaries(
    {
        "label": st.sampled_from([None, "", "a", "A", "ä", "b'\"\\", "\U0001f375"]),
        "price": st.sampled_from(["0", "0.01", "19.99", "20", "1234567890.123456789"]),
        "at": st.sampled_from(
            [None, "1969-12-31 23:59:59.999999Z", "2026-01-01Z", "2026-01-01 00:00:00.000001Z"]
        ),
        "stock": st.integers(-1, 2),
    }
)
tables = st.dictionaries(st.integers(1, 60), rows, max_size=25)
sortings = st.lists(
    st.tuples(st.sampled_from(sorted(THINGS.sorts)), st.booleans()),
    max_size=3,
    unique_by=lambda term: term[0],
).map(tuple)
filters = st.fixed_dictionaries(
    {},
    optional={
        "least": st.integers(-1, 3),
        "even": st.booleans(),
        "ids": st.lists(st.integers(1, 60), min_size=1, max_size=40),
    },
)
limits = st.integers(1, 9)


@pytest.fixture(scope="module")
def things(postgres_server: PostgresServer) -> Iterator[Database]:
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("CREATE DATABASE things")
    database = Database(
        make_pool(DatabaseSettings.from_url(postgres_server.url(database="things")), "function")
    )
    database.write(Query(TABLE))
    yield database
    database.dispose()
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("DROP DATABASE things WITH (FORCE)")


def fill(database: Database, table: dict[int, Row]) -> None:
    database.write(Query("DELETE FROM things"))
    for id, row in table.items():
        insert(database, id, row)


def insert(database: Database, id: int, row: Row) -> None:
    database.write(Query(INSERT, {"id": id, **row}))


def ordered(
    table: dict[int, Row], sorting: Sorting, chosen: dict[str, Any] | None = None
) -> list[int]:
    """Return the ids that the filters select, sorted by each key from the last to the first."""
    chosen = chosen or {}
    ids = [
        id
        for id, row in table.items()
        if row["stock"] >= chosen.get("least", -9)
        and ("even" not in chosen or (id % 2 == 0) is chosen["even"])
        and ("ids" not in chosen or id in chosen["ids"])
    ]
    ids.sort(reverse=bool(sorting) and sorting[-1][1])
    for name, descending in reversed(sorting):
        known = [id for id in ids if value(table, id, name) is not None]
        unknown = [id for id in ids if value(table, id, name) is None]
        known.sort(key=lambda id: value(table, id, name), reverse=descending)
        ids = unknown + known if descending else known + unknown
    return ids


def value(table: dict[int, Row], id: int, name: str) -> Any:
    found = id if name == "id" else table[id][name]
    if found is None or name in ("id", "stock"):
        return found
    if name == "price":
        return Decimal(found)
    # The server of the tests sorts text by code point.
    return found.encode() if name == "label" else found.replace("Z", "")


def ids_of(page: Page) -> list[int]:
    return [row["id"] for row in rows_of(page)]


def rows_of(page: Page) -> list[Row]:
    result: list[Row] = json.loads(f"[{page.items}]")
    return result


def read(database: Database, cursor: str | None = None, **query: Any) -> Page:
    return ThingPages(database, SIGNER).page(ListQuery(cursor=cursor, **query))


@PROPERTY
@given(table=tables, sorting=sortings, chosen=filters, limit=limits)
def test_pages_in_both_directions_are_the_whole_list(
    things: Database, table: dict[int, Row], sorting: Sorting, chosen: dict[str, Any], limit: int
):
    fill(things, table)
    expected = ordered(table, sorting, chosen)
    page = read(things, sort=sorting, filters=chosen, limit=limit, include_total=True)
    assert page.total == len(expected)
    forward = ids_of(page)
    backward: list[int] = []
    while page.next_cursor:
        page = read(things, page.next_cursor, sort=sorting, filters=chosen, limit=limit)
        forward += ids_of(page)
    assert forward == expected
    last = ids_of(page)
    while page.prev_cursor:
        page = read(things, page.prev_cursor, sort=sorting, filters=chosen, limit=limit)
        backward = ids_of(page) + backward
    assert backward + last == expected


@PROPERTY
@given(
    table=tables,
    sorting=sortings,
    chosen=filters,
    offset=st.integers(0, 12),
    steps=st.lists(st.tuples(st.booleans(), limits), max_size=12),
)
def test_cursors_exist_exactly_if_rows_follow(
    things: Database,
    table: dict[int, Row],
    sorting: Sorting,
    chosen: dict[str, Any],
    offset: int,
    steps: list[tuple[bool, int]],
):
    fill(things, table)
    expected = ordered(table, sorting, chosen)
    page = read(things, sort=sorting, filters=chosen, limit=5, offset=offset)
    start, end = offset, min(offset + 5, len(expected))
    for forward, limit in steps:
        if start >= end:  # the offset is beyond the list, so there is no row for a cursor back
            break
        assert ids_of(page) == expected[start:end]
        assert (page.prev_cursor is not None, page.next_cursor is not None) == (
            start > 0,
            end < len(expected),
        )
        cursor = page.next_cursor if forward else page.prev_cursor
        if cursor:
            page = read(things, cursor, sort=sorting, filters=chosen, limit=limit)
            if forward:
                start, end = end, min(end + limit, len(expected))
            else:
                start, end = max(0, start - limit), start


@PROPERTY
@given(
    table=tables,
    sorting=sortings,
    limit=limits,
    forward=st.booleans(),
    changes=st.lists(
        st.tuples(
            st.sets(st.integers(1, 60), max_size=12),
            st.dictionaries(st.integers(61, 99), rows, max_size=3),
        ),
        max_size=8,
    ),
)
def test_unchanged_rows_are_seen_once_during_writes(
    things: Database,
    table: dict[int, Row],
    sorting: Sorting,
    limit: int,
    forward: bool,
    changes: list[tuple[set[int], dict[int, Row]]],
):
    fill(things, table)
    current = dict(table)
    page = read(
        things, sort=sorting, limit=limit, offset=0 if forward else max(0, len(table) - limit)
    )
    seen = ids_of(page)
    while cursor := page.next_cursor if forward else page.prev_cursor:
        deleted, inserted = changes.pop() if changes else (set(), {})
        things.write(
            Query(
                "DELETE FROM things WHERE id = ANY(CAST(:ids AS bigint[]))", {"ids": list(deleted)}
            )
        )
        for id in inserted.keys() - current.keys():
            insert(things, id, inserted[id])
            current[id] = inserted[id]
        for id in deleted & current.keys():
            del current[id]
        page = read(things, cursor, sort=sorting, limit=limit)
        found = ids_of(page)
        seen = seen + found if forward else found + seen
        if found:
            ids = ordered(current, sorting)
            assert (page.prev_cursor is None) == (found[0] == ids[0])
            assert (page.next_cursor is None) == (found[-1] == ids[-1])
        else:
            assert (page.prev_cursor if forward else page.next_cursor) or not current
    assert len(set(seen)) == len(seen)
    kept = {id: row for id, row in current.items() if id in table}
    assert [id for id in seen if id in kept] == ordered(kept, sorting)


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("sorting", [(), (("label", False),), (("label", True), ("at", False))])
def test_emptied_page_has_a_cursor_back(things: Database, sorting: Sorting, forward: bool):
    table = {
        id: {"label": "a" if id < 5 else None, "price": "1", "at": None, "stock": 1}
        for id in range(1, 10)
    }
    fill(things, table)
    page = read(things, sort=sorting, limit=3, offset=3)
    cursor = page.next_cursor if forward else page.prev_cursor
    remaining = ids_of(page)
    things.write(
        Query("DELETE FROM things WHERE id <> ALL(CAST(:ids AS bigint[]))", {"ids": remaining})
    )
    empty = read(things, cursor, sort=sorting, limit=3)
    assert (empty.items, empty.next_cursor if forward else empty.prev_cursor) == ("", None)
    back = empty.prev_cursor if forward else empty.next_cursor
    assert ids_of(read(things, back, sort=sorting, limit=3)) == remaining

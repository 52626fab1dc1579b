"""Relay connections, compared with a list that Python sorts (the oracle).

The examples have any two cursors, either end, any sort and filter, equal sort keys and NULLs.
"""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.db.database import Database
from sluice.errors import InvalidCursor
from sluice.kinds.integer import BigInt
from sluice.sql.connections import ConnectionRepository, RelayConnection
from sluice.sql.list_spec import ListQuery, ListSpec, filters_of
from sluice.sql.projection import Column
from tests.engine.sql.test_pages import (
    SIGNER,
    THINGS,
    Row,
    Sorting,
    fill,
    filters,
    limits,
    ordered,
    sortings,
    tables,
    things,
)
from tests.fixtures.examples import examples

__all__ = ["things"]

PROPERTY = settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

BY_STOCK = ListSpec(
    projection=THINGS.projection,
    filters={**THINGS.filters, **filters_of(BigInt("stock", filter="equal"), "t.stock")},
    sorts=THINGS.sorts,
    parents={"stock": (Column("t.stock", BigInt("stock")),)},
)


class ThingRepository(ConnectionRepository):
    list_spec = THINGS
    graphql_list_spec = THINGS


class ThingsByStock(ConnectionRepository):
    list_spec = BY_STOCK
    graphql_list_spec = BY_STOCK


def ids_of(connection: RelayConnection) -> list[int]:
    return [row["id"] for row in connection.rows]


def expected_ids(
    ids: list[int], after: int | None, before: int | None, limit: int, *, from_end: bool
) -> list[int]:
    """Return up to `limit` ids between two indexes of the list, from one end."""
    start = 0 if after is None else after + 1
    end = len(ids) if before is None else before
    between = ids[start:end]
    return between[-limit:] if from_end else between[:limit]


@PROPERTY
@given(
    table=tables,
    sorting=sortings,
    chosen=filters,
    queries=st.lists(
        st.tuples(st.integers(-8, 24), st.integers(-8, 24), limits, st.booleans()),
        min_size=1,
        max_size=12,
    ),
)
def test_connection_has_the_rows_between_its_cursors(
    things: Database,
    table: dict[int, Row],
    sorting: Sorting,
    chosen: dict[str, Any],
    queries: list[tuple[int, int, int, bool]],
):
    fill(things, table)
    ids = ordered(table, sorting, chosen)
    all_rows = ListQuery(limit=60, sort=sorting, filters=chosen, include_total=True)
    whole = ThingRepository(things, SIGNER).connection(all_rows)
    assert (ids_of(whole), whole.total) == (ids, len(ids))
    assert (whole.has_next, whole.has_previous) == (False, False)
    cursors = [whole.cursor(row) for row in whole.rows]
    for start, end, limit, from_end in queries:
        after = start if 0 <= start < len(ids) else None
        before = end if 0 <= end < len(ids) else None
        query = ListQuery(
            limit=limit,
            sort=sorting,
            filters=chosen,
            from_end=from_end,
            after=None if after is None else cursors[after],
            before=None if before is None else cursors[before],
        )
        found = ThingRepository(things, SIGNER).connection(query)
        expected = expected_ids(ids, after, before, limit, from_end=from_end)
        assert ids_of(found) == expected
        if expected:
            assert found.has_previous == (expected[0] != ids[0])
            assert found.has_next == (expected[-1] != ids[-1])
        else:
            assert (found.has_previous, found.has_next) == (after is not None, before is not None)


@PROPERTY
@given(table=tables, sorting=sortings, limit=limits, from_end=st.booleans())
def test_connections_of_parents_equal_single_ones(
    things: Database, table: dict[int, Row], sorting: Sorting, limit: int, from_end: bool
):
    fill(things, table)
    query = ListQuery(limit=limit, sort=sorting, from_end=from_end, include_total=True)
    stocks = [-1, 0, 1, 2, 77]
    parents = [(stock,) for stock in stocks]
    together = ThingsByStock(things, SIGNER).connections_by_parent(parents, query, "stock")
    for stock in stocks:
        ids = ordered({id: row for id, row in table.items() if row["stock"] == stock}, sorting)
        found = together[(stock,)]
        assert isinstance(found, RelayConnection)
        assert ids_of(found) == expected_ids(ids, None, None, limit, from_end=from_end)
        assert (found.total, found.has_next or found.has_previous) == (len(ids), len(ids) > limit)


def test_cursor_of_another_parent_is_rejected(things: Database):
    fill(
        things,
        {id: {"label": None, "price": "1", "at": None, "stock": id % 2} for id in range(1, 7)},
    )
    repository = ThingsByStock(things, SIGNER)
    first = repository.connections_by_parent([(1,)], ListQuery(limit=1), "stock")[(1,)]
    assert isinstance(first, RelayConnection)

    query = ListQuery(limit=2, after=first.cursor(first.rows[0]))
    found = repository.connections_by_parent([(0,), (1,)], query, "stock")

    assert isinstance(found[(0,)], InvalidCursor)
    assert ids_of(found[(1,)]) == [3, 5]  # type: ignore[arg-type]

"""Slices against an oracle: any two cursors, either end, any sort and filter, with ties and NULLs."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.db.database import Database
from sluice.errors import InvalidCursor
from sluice.repositories.connections import RelayConnection, read_connection, read_connections
from sluice.repositories.list_spec import Filter, ListQuery, ListSpec
from tests.repositories.test_listing import (
    SIGNER,
    THINGS,
    Row,
    Sorting,
    filters,
    limits,
    ordered,
    put,
    sortings,
    tables,
    things,
)

__all__ = ["things"]

SEARCHING = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

OWNED = ListSpec(
    projection=THINGS.projection,
    filters={**THINGS.filters, "stock": Filter("integer", "t.stock = CAST(:stock AS bigint)")},
    sorts=THINGS.sorts,
    parent_columns={"stock": "t.stock"},
)


def ids_of(found: RelayConnection) -> list[int]:
    return [row["id"] for row in found.rows]


def expected_slice(
    ids: list[int], after: int | None, before: int | None, limit: int, *, end: bool
) -> list[int]:
    """The oracle: of the list's ids, those between two positions, as many as wanted from one end."""
    between = ids[0 if after is None else after + 1 : len(ids) if before is None else before]
    return between[-limit:] if end else between[:limit]


@SEARCHING
@given(
    table=tables,
    sorting=sortings,
    chosen=filters,
    asked=st.lists(
        st.tuples(st.integers(-8, 24), st.integers(-8, 24), limits, st.booleans()),
        min_size=1,
        max_size=12,
    ),
)
def test_a_slice_is_what_lies_between(
    things: Database,
    table: dict[int, Row],
    sorting: Sorting,
    chosen: dict[str, Any],
    asked: list[tuple[int, int, int, bool]],
):
    put(things, table)
    ids = ordered(table, sorting, chosen)
    whole = read_connection(
        things,
        THINGS,
        ListQuery(limit=60, sort=sorting, filters=chosen, include_total=True),
        SIGNER,
    )
    assert (ids_of(whole), whole.total, whole.has_next, whole.has_previous) == (
        ids,
        len(ids),
        False,
        False,
    )
    cursors = [whole.cursor(row) for row in whole.rows]
    for start, stop, limit, end in asked:
        after, before = (place if 0 <= place < len(ids) else None for place in (start, stop))
        query = ListQuery(
            limit=limit, sort=sorting, filters=chosen, from_end=end,
            after=None if after is None else cursors[after], before=None if before is None else cursors[before],
        )  # fmt: skip
        found = read_connection(things, THINGS, query, SIGNER)
        expected = expected_slice(ids, after, before, limit, end=end)
        assert ids_of(found) == expected
        if expected:
            assert found.has_previous == (expected[0] != ids[0])
            assert found.has_next == (expected[-1] != ids[-1])
        else:
            assert (found.has_previous, found.has_next) == (after is not None, before is not None)


@SEARCHING
@given(table=tables, sorting=sortings, limit=limits, end=st.booleans())
def test_slices_of_many_lists_are_those_of_each(
    things: Database, table: dict[int, Row], sorting: Sorting, limit: int, end: bool
):
    put(things, table)
    query = ListQuery(limit=limit, sort=sorting, from_end=end, include_total=True)
    owners = [-1, 0, 1, 2, 77]
    together = read_connections(things, OWNED, query, SIGNER, "stock", owners)
    for owner in owners:
        ids = ordered({id: row for id, row in table.items() if row["stock"] == owner}, sorting)
        found = together[owner]
        assert isinstance(found, RelayConnection)
        assert ids_of(found) == expected_slice(ids, None, None, limit, end=end)
        assert (found.total, found.has_next or found.has_previous) == (len(ids), len(ids) > limit)


def test_a_cursor_of_one_list_is_refused_in_the_others_alone(things: Database):
    put(
        things,
        {id: {"label": None, "price": "1", "at": None, "stock": id % 2} for id in range(1, 7)},
    )
    first = read_connections(things, OWNED, ListQuery(limit=1), SIGNER, "stock", [1])[1]
    assert isinstance(first, RelayConnection)

    query = ListQuery(limit=2, after=first.cursor(first.rows[0]))
    found = read_connections(things, OWNED, query, SIGNER, "stock", [0, 1])

    assert isinstance(found[0], InvalidCursor)
    assert ids_of(found[1]) == [3, 5]  # type: ignore[arg-type]

"""Relay connections: the rows of a list between two cursors, from its beginning or its end.

REST's pages (pages.py) are rendered JSON with two cursors. A connection has rows, each of which
can have a cursor. The connections of several parents (the products of each category) are one
statement: the same SELECT, run once for each parent by a lateral join.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sluice.errors import InvalidCursor
from sluice.query import Executor, Query
from sluice.sql.keyset import (
    KEYS_FIELD,
    SelectSpec,
    bind_values,
    compile_select,
    null_keys_of,
)
from sluice.sql.list_spec import ListQuery, ListSpec, cursor_context
from sluice.sql.page_cursor import CursorSigner, Position
from sluice.sql.sort_keys import PARENT


@dataclass(frozen=True, slots=True)
class RelayConnection:
    """Rows in the order of the list, each with its sort keys in the field KEYS_FIELD.

    `has_next` and `has_previous` are exact, whichever end the rows were read from.
    """

    rows: Sequence[Mapping[str, Any]]
    has_next: bool
    has_previous: bool
    total: int | None
    signer: CursorSigner
    context: str

    def cursor(self, row: Mapping[str, Any]) -> str:
        """Return the cursor of a row, which is valid as `after`, `before` and REST's `cursor`."""
        return self.signer.sign(Position(tuple(row[KEYS_FIELD])), self.context)


def read_connection(
    executor: Executor, list_spec: ListSpec, query: ListQuery, signer: CursorSigner
) -> RelayConnection:
    """Return the rows of `query`, in one statement.

    Raises InvalidCursor if a cursor was not made for this list, sort and filters.
    """
    select = _select(list_spec, query, signer)
    sql = compile_select(list_spec, select.spec)
    row = executor.read(Query(sql, select.params, prepare=select.spec.generic_plan_ok))[0]
    return _connection(row, query, signer, select.context)


def read_connections(
    executor: Executor,
    list_spec: ListSpec,
    query: ListQuery,
    signer: CursorSigner,
    parent_filter: str,
    parent_ids: Sequence[int],
) -> dict[int, RelayConnection | InvalidCursor]:
    """Return the connection of each parent, in one statement.

    `parent_filter` is the filter of the list that selects the rows of a parent. If a cursor of
    `query` is not valid for a parent, the result for that parent is an InvalidCursor.
    """
    connections: dict[int, RelayConnection | InvalidCursor] = {}
    selects: dict[int, _Select] = {}
    for parent_id in parent_ids:
        filters = {**query.filters, parent_filter: parent_id}
        of_parent = replace(query, filters=filters)
        try:
            selects[parent_id] = _select(list_spec, of_parent, signer, parent_filter)
        except InvalidCursor as error:
            connections[parent_id] = error
    if not selects:
        return connections
    # All parents share one statement. A cursor is valid for one parent only, so with cursors there
    # is one parent left here, and without cursors the parameters are equal.
    select = next(iter(selects.values()))
    page = compile_select(list_spec, select.spec)
    sql = f"""
        SELECT page.*, {PARENT}.id AS parent_id
        FROM unnest(CAST(:parent_ids AS bigint[])) AS {PARENT} (id)
        CROSS JOIN LATERAL ({page}) page"""
    params = {**select.params, "parent_ids": list(selects)}
    for row in executor.read(Query(sql, params, prepare=select.spec.generic_plan_ok)):
        context = selects[row.parent_id].context
        connections[row.parent_id] = _connection(row, query, signer, context)
    return connections


class _Select(NamedTuple):
    """What to select, the parameters, and the context of the cursors."""

    spec: SelectSpec
    params: dict[str, object]
    context: str


def _select(
    list_spec: ListSpec, query: ListQuery, signer: CursorSigner, parent_filter: str = ""
) -> _Select:
    context = cursor_context(list_spec, query)
    after = None if query.after is None else signer.verify(query.after, context, "after")
    before = None if query.before is None else signer.verify(query.before, context, "before")
    start, until = (before, after) if query.from_end else (after, before)
    start = replace(start, backward=query.from_end) if start else None
    spec = SelectSpec.from_query(list_spec, query, start, parent_filter)
    spec = spec._replace(backward=query.from_end, with_cursors=True)
    if until:
        spec = spec._replace(until_null_keys=null_keys_of(until), until_inclusive=until.inclusive)
    return _Select(spec, bind_values(query, start, until), context)


def _connection(row: Any, query: ListQuery, signer: CursorSigner, context: str) -> RelayConnection:
    """Return the connection in `row`, which has one item more than the limit if there are more."""
    rows = json.loads(f"[{row.items}]")
    has_more = len(rows) > query.limit or row.has_more
    rows = rows[: query.limit]
    if query.from_end:  # PostgreSQL returns the last row first
        return RelayConnection(rows[::-1], row.has_before, has_more, row.total, signer, context)
    return RelayConnection(rows, has_more, row.has_before, row.total, signer, context)

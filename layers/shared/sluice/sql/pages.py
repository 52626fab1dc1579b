"""Pages of a list for REST: rendered by PostgreSQL, with cursors to the next and previous page."""

import json
from typing import Any

from sluice.query import Executor, Query
from sluice.sql.keyset import SelectSpec, bind_values, compile_select
from sluice.sql.list_spec import ListQuery, ListSpec, Page, cursor_context
from sluice.sql.page_cursor import CursorSigner, Position


def read_page(
    executor: Executor, list_spec: ListSpec, query: ListQuery, signer: CursorSigner
) -> Page:
    """Return the page of `query`, in one statement.

    Raises InvalidCursor if the cursor was not made for this list, sort and filters.
    """
    context = cursor_context(list_spec, query)
    position = None if query.cursor is None else signer.verify(query.cursor, context)
    params = bind_values(query, position)
    if query.offset:
        params["offset"] = query.offset
    spec = SelectSpec.from_query(list_spec, query, position)
    select = compile_select(list_spec, spec)
    row = executor.read(Query(select, params, prepare=spec.generic_plan_ok))[0]

    ahead, back = _positions(row, query, position)
    next_cursor = None if ahead is None else signer.sign(ahead, context)
    prev_cursor = None if back is None else signer.sign(back, context)
    if position and position.backward:
        next_cursor, prev_cursor = prev_cursor, next_cursor
    return Page(items=row.items, next_cursor=next_cursor, prev_cursor=prev_cursor, total=row.total)


def _positions(
    row: Any, query: ListQuery, position: Position | None
) -> tuple[Position | None, Position | None]:
    """Return the positions of the pages after and before this one, in the order of reading."""
    backward = position.backward if position else False
    ahead = None
    if row.found > query.limit:
        ahead = Position(_keys(row.last_key), backward=backward)
    if row.first_key is not None and (row.has_before or query.offset):
        return ahead, Position(_keys(row.first_key), backward=not backward)
    if row.first_key is None and position and row.has_before:
        # The page is empty, so the page before it begins at the position itself.
        turned = Position(position.keys, backward=not backward, inclusive=not position.inclusive)
        return ahead, turned
    return ahead, None


def _keys(rendered: str) -> tuple[str | None, ...]:
    return tuple(json.loads(rendered))

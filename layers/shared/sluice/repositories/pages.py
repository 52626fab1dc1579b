"""Pages of lists, as REST wants them: rendered by PostgreSQL, with cursors to what follows and to what came before."""

import json

from sluice.repositories.keyset import SelectSpec, bind_values, compile_select
from sluice.repositories.list_spec import ListQuery, ListSpec, Page, cursor_context
from sluice.repositories.page_cursor import CursorSigner, Position
from sluice.repositories.projection import Executor


def read_page(
    statements: Executor, list_spec: ListSpec, query: ListQuery, signer: CursorSigner
) -> Page:
    """One page in one statement. InvalidCursor where the cursor was not made by this list, sort and filters."""
    scope = cursor_context(list_spec, query)
    position = None if query.cursor is None else signer.verify(query.cursor, scope)
    params = bind_values(query, position)
    if query.offset:
        params["offset"] = query.offset
    spec = SelectSpec.of(list_spec, query, position)
    row = statements.read(compile_select(list_spec, spec), params, prepare=spec.generic_plan_ok)[0]

    further = (
        Position(_keys(row.furthest), backward=position.backward)
        if position
        else Position(_keys(row.furthest))
    )
    onward = signer.sign(further, scope) if row.found > query.limit else None
    back = None
    if row.nearest is not None and (row.behind or query.offset):
        back = signer.sign(Position(_keys(row.nearest), backward=not further.backward), scope)
    elif position and row.behind:  # an empty page: what lies behind begins at the position itself
        turned = Position(
            position.keys, backward=not position.backward, inclusive=not position.inclusive
        )
        back = signer.sign(turned, scope)
    if further.backward:
        onward, back = back, onward
    return Page(items=row.items, next_cursor=onward, prev_cursor=back, total=row.total)


def _keys(rendered: str | None) -> tuple[str | None, ...]:
    return tuple(json.loads(rendered)) if rendered else ()

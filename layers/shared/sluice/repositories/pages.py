"""Pages of lists, as REST wants them: rendered by PostgreSQL, with cursors to what follows and to what came before."""

import json

from sluice.repositories.keyset import Shape, compile_select, values_of
from sluice.repositories.list_spec import Listing, ListQuery, Page, scope_of
from sluice.repositories.page_cursor import CursorSigner, Position
from sluice.repositories.projection import Statements


def read_page(
    statements: Statements, listing: Listing, query: ListQuery, signer: CursorSigner
) -> Page:
    """One page in one statement. InvalidCursor where the cursor was not made by this list, sort and filters."""
    scope = scope_of(listing, query)
    position = None if query.cursor is None else signer.open(query.cursor, scope)
    params = values_of(query, position)
    if query.offset:
        params["offset"] = query.offset
    shape = Shape.of(listing, query, position)
    row = statements.read(compile_select(listing, shape), params, prepare=shape.steady)[0]

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

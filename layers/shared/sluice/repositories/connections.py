"""Slices of lists, as Relay's connections want them: what lies between two cursors, from its beginning or its end.

Where REST's pages (pages.py) go on from one cursor and come rendered, these are rows of which each has a cursor. The
slices of many lists (the products of each category) are one statement: the same SELECT, run once for each owner.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice.errors import InvalidCursor
from sluice.repositories.keyset import KEYS, Shape, compile_select, nulls_of, values_of
from sluice.repositories.list_spec import Listing, ListQuery, scope_of
from sluice.repositories.page_cursor import CursorSigner, Position
from sluice.repositories.projection import Statements


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows in the list's order, each with its sort keys at KEYS; both booleans are true to the data."""

    rows: Sequence[Mapping[str, Any]]
    has_next: bool
    has_previous: bool
    total: int | None
    signer: CursorSigner
    scope: str

    def cursor(self, row: Mapping[str, Any]) -> str:
        """The row's place: good in this list, sort and filters, as `after`, `before` and REST's `cursor`."""
        return self.signer.sign(Position(tuple(row[KEYS])), self.scope)


def read_slice(
    statements: Statements, listing: Listing, query: ListQuery, signer: CursorSigner
) -> Slice:
    """One slice in one statement. InvalidCursor where a cursor was not made by this list, sort and filters."""
    shape, params, scope = _slice(listing, query, signer)
    row = statements.read(compile_select(listing, shape), params, prepare=shape.steady)[0]
    return _as_slice(row, query, signer, scope)


def read_slices(
    statements: Statements,
    listing: Listing,
    query: ListQuery,
    signer: CursorSigner,
    owned: str,
    owners: Sequence[int],
) -> dict[int, Slice | InvalidCursor]:
    """The slice of each owner, in one statement; `owned` is the filter that tells whose. Cursors are its own."""
    slices: dict[int, Slice | InvalidCursor] = {}
    scopes: dict[int, str] = {}
    for owner in owners:
        own = replace(query, filters={**query.filters, owned: owner})
        try:
            shape, params, scopes[owner] = _slice(listing, own, signer, owned)
        except InvalidCursor as error:
            slices[owner] = error
    if scopes:  # they differ in nothing that is bound but the owner: a cursor fits one list
        page = compile_select(listing, shape)
        each = f"""
            SELECT page.*, owner.id AS owner
            FROM unnest(CAST(:owners AS bigint[])) AS owner (id) CROSS JOIN LATERAL ({page}) page"""
        for row in statements.read(each, {**params, "owners": list(scopes)}, prepare=shape.steady):
            slices[row.owner] = _as_slice(row, query, signer, scopes[row.owner])
    return slices


def _slice(
    listing: Listing, query: ListQuery, signer: CursorSigner, owned: str = ""
) -> tuple[Shape, dict[str, object], str]:
    """What to select, its values, and the scope of the cursors."""
    scope = scope_of(listing, query)
    after = None if query.after is None else signer.open(query.after, scope, "after")
    before = None if query.before is None else signer.open(query.before, scope, "before")
    start, stop = (before, after) if query.end else (after, before)
    start = replace(start, backward=query.end) if start else None
    shape = Shape.of(listing, query, start, owned)
    shape = shape._replace(backward=query.end, keyed=True)
    if stop:
        shape = shape._replace(stop=nulls_of(stop), stop_inclusive=stop.inclusive)
    return shape, values_of(query, start, stop), scope


def _as_slice(row: Any, query: ListQuery, signer: CursorSigner, scope: str) -> Slice:
    rows = json.loads(f"[{row.items}]")
    further, behind = len(rows) > query.limit or row.beyond, row.behind
    rows = rows[: query.limit]
    if query.end:  # walked from there
        return Slice(rows[::-1], behind, further, row.total, signer, scope)
    return Slice(rows, further, behind, row.total, signer, scope)

"""Slices of lists, as Relay's connections want them: what lies between two cursors, from its beginning or its end.

Where REST's pages (pages.py) go on from one cursor and come rendered, these are rows of which each has a cursor. The
slices of many lists (the products of each category) are one statement: the same SELECT, run once for each owner.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice.errors import InvalidCursor
from sluice.repositories.keyset import KEYS, SelectSpec, bind_values, compile_select, nulls_of
from sluice.repositories.list_spec import ListQuery, ListSpec, cursor_context
from sluice.repositories.page_cursor import CursorSigner, Position
from sluice.repositories.projection import Executor


@dataclass(frozen=True, slots=True)
class RelayConnection:
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


def read_connection(
    statements: Executor, list_spec: ListSpec, query: ListQuery, signer: CursorSigner
) -> RelayConnection:
    """One slice in one statement. InvalidCursor where a cursor was not made by this list, sort and filters."""
    spec, params, scope = _slice(list_spec, query, signer)
    row = statements.read(compile_select(list_spec, spec), params, prepare=spec.generic_plan_ok)[0]
    return _as_slice(row, query, signer, scope)


def read_connections(
    statements: Executor,
    list_spec: ListSpec,
    query: ListQuery,
    signer: CursorSigner,
    parent_filter: str,
    owners: Sequence[int],
) -> dict[int, RelayConnection | InvalidCursor]:
    """The slice of each owner, in one statement; `owned` is the filter that tells whose. Cursors are its own."""
    slices: dict[int, RelayConnection | InvalidCursor] = {}
    scopes: dict[int, str] = {}
    for owner in owners:
        own = replace(query, filters={**query.filters, parent_filter: owner})
        try:
            spec, params, scopes[owner] = _slice(list_spec, own, signer, parent_filter)
        except InvalidCursor as error:
            slices[owner] = error
    if scopes:  # they differ in nothing that is bound but the owner: a cursor fits one list
        page = compile_select(list_spec, spec)
        each = f"""
            SELECT page.*, owner.id AS owner
            FROM unnest(CAST(:owners AS bigint[])) AS owner (id) CROSS JOIN LATERAL ({page}) page"""
        for row in statements.read(
            each, {**params, "owners": list(scopes)}, prepare=spec.generic_plan_ok
        ):
            slices[row.owner] = _as_slice(row, query, signer, scopes[row.owner])
    return slices


def _slice(
    list_spec: ListSpec, query: ListQuery, signer: CursorSigner, parent_filter: str = ""
) -> tuple[SelectSpec, dict[str, object], str]:
    """What to select, its values, and the scope of the cursors."""
    scope = cursor_context(list_spec, query)
    after = None if query.after is None else signer.verify(query.after, scope, "after")
    before = None if query.before is None else signer.verify(query.before, scope, "before")
    start, stop = (before, after) if query.from_end else (after, before)
    start = replace(start, backward=query.from_end) if start else None
    spec = SelectSpec.of(list_spec, query, start, parent_filter)
    spec = spec._replace(backward=query.from_end, keyed=True)
    if stop:
        spec = spec._replace(stop=nulls_of(stop), stop_inclusive=stop.inclusive)
    return spec, bind_values(query, start, stop), scope


def _as_slice(row: Any, query: ListQuery, signer: CursorSigner, scope: str) -> RelayConnection:
    rows = json.loads(f"[{row.items}]")
    further, behind = len(rows) > query.limit or row.beyond, row.behind
    rows = rows[: query.limit]
    if query.from_end:  # walked from there
        return RelayConnection(rows[::-1], behind, further, row.total, signer, scope)
    return RelayConnection(rows, further, behind, row.total, signer, scope)

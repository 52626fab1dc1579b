"""The base class of repositories that read rows by id, and pages of a list.

PostgreSQL renders a page as JSON, with cursors to the next and the previous page.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from sluice.query import Query
from sluice.sql.key import Key, params_of
from sluice.sql.keyset import compile_select
from sluice.sql.list_spec import ListQuery, ListSpec, Page, Parent, cursor_context
from sluice.sql.page_cursor import Position
from sluice.sql.projection import Projection, Representation, Row
from sluice.sql.repository import Repository, first_row
from sluice.sql.select_spec import SelectSpec, bind_values


class ReadRepository(Repository):
    """Reads the resource of `list_spec`."""

    list_spec: ClassVar[ListSpec]

    @property
    def row_projection(self) -> Projection:
        """The projection of rows that Python reads, for GraphQL."""
        return self.list_spec.projection

    def page(self, query: ListQuery, parent: Parent | None = None) -> Page:
        """Return the page of `query`, or of a parent's list, in one statement.

        Raises InvalidCursor if the cursor was not made for this list, sort and filters, and
        NotFound if the parent does not exist.
        """
        list_spec = (parent.junction if parent else None) or self.list_spec
        of_parent = (parent.foreign_key, parent.key) if parent else ()
        context = cursor_context(list_spec, query, *of_parent)
        verify, sign = self._signer.verify, self._signer.sign
        position = None if query.cursor is None else verify(query.cursor, context)
        params = bind_values(query, position)
        if query.offset:
            params["offset"] = query.offset
        spec = SelectSpec.from_query(list_spec, query, position, *of_parent[:1])
        select = compile_select(list_spec, spec)
        if parent:
            select, params = parent.select(select), params | parent.params
        row = first_row(self._executor.read(Query(select, params, prepare=spec.generic_plan_ok)))

        ahead, back = _positions(row, query, position)
        next_cursor = None if ahead is None else sign(ahead, context)
        prev_cursor = None if back is None else sign(back, context)
        if position and position.backward:
            next_cursor, prev_cursor = prev_cursor, next_cursor
        return Page(row.items, next_cursor, prev_cursor, row.total)

    def get_by_id(self, key: Key, fields: frozenset[str] | None = None) -> Representation:
        """Return the row with this key, in one statement. Raises NotFound."""
        projection = self.list_spec.projection
        sql = (
            f"SELECT {projection.representation(fields)} FROM {projection.source} "
            f"WHERE {projection.key_condition}"
        )
        rows = self._executor.read(Query(sql, params_of(key), prepare=True))
        return Representation.of(first_row(rows))

    def get_many(self, keys: Sequence[Key], fields: Collection[str]) -> dict[Key, Row]:
        """Return the rows with these keys, by key, in one statement.

        Keys without a row are missing. Each row has its key and these fields.
        """
        (name,) = self.list_spec.keys
        (column,) = self.row_projection.key_columns
        condition = f"{column} = ANY(CAST(:ids AS bigint[]))"
        rows = self._read_rows(condition, [key[0] for key in keys], fields)
        return {(row[name],): row for row in rows}

    def _read_rows(
        self, condition: str, ids: Sequence[object], fields: Collection[str]
    ) -> list[Row]:
        """Return the rows for which `condition` on `:ids` holds, in the order of their ids."""
        projection, key = self.row_projection, self.list_spec.keys[0]
        columns = projection.columns({key, *fields})
        sql = f"""
        SELECT coalesce(string_agg(row_to_json(o)::text, ',' ORDER BY o.{key}), '') AS items
        FROM (SELECT {columns} FROM {projection.source} WHERE {condition}) o"""
        row = self._executor.read(Query(sql, {"ids": list(ids)}, prepare=True))[0]
        return list(json.loads(f"[{row.items}]"))


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

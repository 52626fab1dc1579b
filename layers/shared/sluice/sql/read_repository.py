"""The base class of repositories that read rows by id, and pages of a list.

PostgreSQL renders a page as JSON, with cursors to the next and the previous page.
"""

import json
from collections.abc import Collection, Sequence
from functools import lru_cache
from hashlib import md5
from typing import Any, ClassVar

from sluice.query import Query
from sluice.sql.key import Key, params_of, params_of_many, unnested
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
        foreign_key, key = (parent.foreign_key, parent.key) if parent else ("", ())
        context = cursor_context(list_spec, query, foreign_key, key)
        verify, sign = self._signer.verify, self._signer.sign
        position = None if query.cursor is None else verify(query.cursor, context)
        params = bind_values(list_spec, query, position)
        if query.offset:
            params["offset"] = query.offset
        of_one = parent is not None
        spec = SelectSpec.from_query(list_spec, query, position, foreign_key, of_one=of_one)
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

    def get_by_id(
        self, key: Key, fields: frozenset[str] | None = None, expand: tuple[str, ...] = ()
    ) -> Representation:
        """Return the row with this key, in one statement. Raises NotFound.

        `expand` has the items of rows that are shown in this one. The ETag is then of them, too.
        """
        projection = self.list_spec.projection
        sql = (
            f"SELECT {projection.representation(fields, expand)} FROM {projection.source} "
            f"WHERE {projection.key_condition}"
        )
        rows = self._executor.read(Query(sql, params_of(projection.keys, key), prepare=True))
        row = Representation.of(first_row(rows))
        return row._replace(etag=f"{row.etag}.{_digest(row.json)}") if expand else row

    def get_many(self, keys: Sequence[Key], fields: Collection[str]) -> dict[Key, Row]:
        """Return the rows with these keys, by key, in one statement.

        Keys without a row are missing. Each row has its key and these fields.
        """
        projection = self.row_projection
        if projection.has_whole_number:
            name = projection.keys[0].name
            condition = f"{projection.key_columns[0]} = ANY(CAST(:ids AS bigint[]))"
            rows = self._read_rows(condition, [key[0] for key in keys], fields)
            return {(row[name],): row for row in rows}
        params = params_of_many(projection.keys, keys)
        sql = _many_sql(projection, frozenset(fields))
        found = self._executor.read(Query(sql, params, prepare=True))
        return {keys[row.n - 1]: json.loads(row.item) for row in found}

    def _read_rows(
        self, condition: str, ids: Sequence[object], fields: Collection[str]
    ) -> list[Row]:
        """Return the rows for which `condition` on `:ids` holds, in the order of their ids."""
        projection = self.row_projection
        key = projection.keys[0].name
        columns = projection.columns({key, *fields})
        condition = " AND ".join(filter(None, [condition, projection.row_condition]))
        sql = f"""
        SELECT coalesce(string_agg(row_to_json(o.*)::text, ',' ORDER BY o.{key}), '') AS items
        FROM (SELECT {columns} FROM {projection.source} WHERE {condition}) o"""
        row = self._executor.read(Query(sql, {"ids": list(ids)}, prepare=True))[0]
        return list(json.loads(f"[{row.items}]"))


def _digest(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


@lru_cache(maxsize=256)
def _many_sql(projection: Projection, fields: frozenset[str]) -> str:
    """Return the statement that reads rows by keys, with the position of each row's key."""
    names = [f"k{n}" for n, _ in enumerate(projection.keys)]
    pairs = zip(projection.key_columns, names, strict=True)
    equal = [f"{column} = k_.{name}" for column, name in pairs]
    columns = projection.columns({*fields, *(key.name for key in projection.keys)})
    return f"""
        SELECT k_.n, (SELECT row_to_json(o.*)::text FROM (SELECT {columns}) o) AS item
        FROM {projection.source}, {unnested(projection.keys)} AS k_ ({", ".join(names)}, n)
        WHERE {" AND ".join(filter(None, [*equal, projection.row_condition]))}"""


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

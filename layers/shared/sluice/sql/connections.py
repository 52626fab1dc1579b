"""Relay connections: the rows of a list between two cursors, from its beginning or its end.

REST's pages (read_repository.py) are rendered JSON with two cursors. A connection has rows, each of
which can have a cursor. The connections of several parents (the orders of each user) are one
statement: the same SELECT, run once for each parent by a lateral join.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from sluice.errors import InvalidCursor
from sluice.query import Query
from sluice.sql.key import PARAMETERS, Key
from sluice.sql.keyset import KEYS_FIELD, compile_select
from sluice.sql.list_spec import PARENT, ListQuery, ListSpec, cursor_context
from sluice.sql.page_cursor import CursorSigner, Position
from sluice.sql.projection import Column, Projection, Row
from sluice.sql.read_repository import ReadRepository
from sluice.sql.select_spec import SelectSpec, bind_values, null_keys_of

PARENT_PARAMETERS = ("parent_ids", "parent_ids1", "parent_ids2", "parent_ids3")


class RelayConnection(NamedTuple):
    """Rows in the order of the list, each with its sort keys in the field KEYS_FIELD.

    With `ListQuery.row_keys` off, the rows have no keys and no cursors.
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


class _Select(NamedTuple):
    """What to select, the parameters, and the context of the cursors."""

    spec: SelectSpec
    params: dict[str, object]
    context: str


class ConnectionRepository(ReadRepository):
    """A repository whose rows GraphQL also shows as the children of other rows.

    `graphql_list_spec` is the list as GraphQL shows it.
    """

    graphql_list_spec: ClassVar[ListSpec]

    @property
    def row_projection(self) -> Projection:
        return self.graphql_list_spec.projection

    def connection(self, query: ListQuery) -> RelayConnection:
        """Return the rows of `query`, in one statement.

        Raises InvalidCursor if a cursor was not made for this list, sort and filters.
        """
        select = self._select(self.graphql_list_spec, query)
        sql = compile_select(self.graphql_list_spec, select.spec)
        prepare = select.spec.generic_plan_ok
        row = self._executor.read(Query(sql, select.params, prepare))[0]
        return self._connection(row, query, select.context)

    def connections_by_parent(
        self,
        parent_keys: Sequence[Key],
        query: ListQuery,
        foreign_key: str,
        junction: ListSpec | None = None,
    ) -> dict[Key, RelayConnection | InvalidCursor]:
        """Return the connection of each parent, in one statement.

        `foreign_key` is one of `ListSpec.parents`: the rows have the parent's key there. `junction`
        is the list, if it is not that of this repository.

        If a cursor of `query` is not valid for a parent, the result for that parent is an
        InvalidCursor.
        """
        list_spec = junction or self.graphql_list_spec
        connections: dict[Key, RelayConnection | InvalidCursor] = {}
        selects: dict[Key, _Select] = {}
        for key in parent_keys:
            try:
                selects[key] = self._select(list_spec, query, foreign_key, key)
            except InvalidCursor as error:
                connections[key] = error
        if not selects:
            return connections
        # All parents share one statement. A cursor is valid for one parent only, so with cursors
        # there is one parent left here, and without cursors the parameters are equal.
        select = next(iter(selects.values()))
        sql = _of_parents(compile_select(list_spec, select.spec), list_spec.parents[foreign_key])
        keys = list(selects)
        values = zip(PARENT_PARAMETERS, zip(*keys, strict=True), strict=False)
        params = select.params | {name: list(parts) for name, parts in values}
        for row in self._executor.read(Query(sql, params, select.spec.generic_plan_ok)):
            key = keys[row.n - 1]
            connections[key] = self._connection(row, query, selects[key].context)
        return connections

    def edge(
        self, parent: Key, key: Key, columns: Collection[str], foreign_key: str, junction: ListSpec
    ) -> tuple[RelayConnection, Row] | None:
        """Return a row that a parent is linked with, and its page, which has the row alone.

        The cursor of the row is that of its place in the parent's list. None if there is no link.
        """
        query = ListQuery(limit=1, fields=frozenset(columns))
        select = self._select(junction, query, foreign_key, parent)
        sorts = {**junction.sorts, **junction.key_sorts}
        pairs = [(sorts[name], f"edge{n}") for n, name in enumerate(junction.keys)]
        alias = junction.projection.alias
        conditions = (f"{alias}.{sort.column} = {sort.field.bind(name)}" for sort, name in pairs)
        spec = select.spec._replace(conditions=(*select.spec.conditions, *conditions))
        sql = _of_parents(compile_select(junction, spec), junction.parents[foreign_key])
        params = {
            name: sort.field.to_sql(value) for (sort, name), value in zip(pairs, key, strict=True)
        }
        fields = [column.field for column in junction.parents[foreign_key]]
        of_parent = zip(PARENT_PARAMETERS, fields, parent, strict=False)
        params |= {name: [field.to_sql(value)] for name, field, value in of_parent}
        row = self._executor.read(Query(sql, select.params | params, prepare=True))[0]
        page = self._connection(row, query, select.context)
        return (page, page.rows[0]) if page.rows else None

    def _select(
        self, list_spec: ListSpec, query: ListQuery, foreign_key: str = "", key: Key = ()
    ) -> _Select:
        verify = self._signer.verify
        context = cursor_context(list_spec, query, foreign_key, key)
        after = None if query.after is None else verify(query.after, context, "after")
        before = None if query.before is None else verify(query.before, context, "before")
        start, until = (before, after) if query.from_end else (after, before)
        start = start._replace(backward=query.from_end) if start else None
        spec = SelectSpec.from_query(list_spec, query, start, foreign_key)
        spec = spec._replace(backward=query.from_end, with_cursors=True)
        if until:
            spec = spec._replace(
                until_null_keys=null_keys_of(until), until_inclusive=until.inclusive
            )
        return _Select(spec, bind_values(list_spec, query, start, until), context)

    def _connection(self, row: Any, query: ListQuery, context: str) -> RelayConnection:
        """Return the connection in `row`, whose items are one more than the limit if more exist."""
        rows = json.loads(f"[{row.items}]")
        has_more = len(rows) > query.limit or row.has_more
        rows = rows[: query.limit]
        has_next, has_previous = has_more, row.has_before
        if query.from_end:  # PostgreSQL returns the last row first
            rows.reverse()
            has_next, has_previous = has_previous, has_next
        return RelayConnection(rows, has_next, has_previous, row.total, self._signer, context)


def _of_parents(page: str, columns: Sequence[Column]) -> str:
    """Return the SELECT of each parent's page. `n` is the parent's position in the request."""
    arrays = ", ".join(
        f"CAST(:{parameter} AS {column.field.sql_type}[])"
        for column, parameter in zip(columns, PARENT_PARAMETERS, strict=False)
    )
    names = ", ".join(PARAMETERS[: len(columns)])
    return f"""
        SELECT page.*, {PARENT}.n
        FROM unnest({arrays}) WITH ORDINALITY AS {PARENT} ({names}, n)
        CROSS JOIN LATERAL ({page}) page"""

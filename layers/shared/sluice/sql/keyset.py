"""Compiles the filters and sorts of a list to one SELECT that costs the same on every page.

A page after a cursor is a *keyset* page. A condition on the sort keys finds its first row by an
index. OFFSET would read all rows before it.

- If all keys have one direction, are columns of one table and are not nullable, the condition is a
  row comparison.
- Otherwise there is one UNION ALL branch for each prefix of the keys. Its rows are equal to the
  position in the prefix, and after it in the next key. For an OR of these branches, PostgreSQL
  would read every row.

See Markus Winand, "Paging Through Results", and docs/decisions/0004-keyset-pages.md for figures.

The SELECT first finds the rows of the page, in their own table and within LIMIT, and then renders
them. It joins a table only if a filter or a sort needs it. The planner may run a join as a merge
join, from the first row of both tables.

The key breaks ties in the direction of the last sort. NULLs come last in ascending order and first
in descending order, as in an index. A backward page reads the rows in reverse order; "order of
reading" means the order in which rows are read.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from sluice.sql.key import PARAMETERS
from sluice.sql.list_spec import PARENT, ListSpec, Sort
from sluice.sql.projection import Join
from sluice.sql.select_spec import SelectSpec
from sluice.sql.sort_keys import SortColumn, SortKey, after_condition, order_by

KEYS_FIELD = "$"  # the field with a row's sort keys, in the rows of a connection


class _Parts(NamedTuple):
    """The parts of a SELECT as SQL.

    `alias` names the rows, and `keys` are columns of them. `joins` are with other tables.
    """

    alias: str
    fields: list[str]
    keys: list[SortKey]
    rows: str
    joins: str
    has_before: str
    has_more: str
    total: str

    @property
    def source(self) -> str:
        """The FROM clause of the rows."""
        return f"({self.rows}) {self.alias}{self.joins}"


@lru_cache(maxsize=512)
def compile_select(list_spec: ListSpec, spec: SelectSpec) -> str:
    """Return the SELECT of a page or, with `with_cursors`, of a connection.

    Both return one row, whose columns read_repository.py and connections.py read.
    """
    source = " ".join([list_spec.source, *(join.sql() for join in spec.joins)])
    alias = list_spec.projection.alias
    keys = _order(list_spec, spec)
    if spec.parent_columns:
        keys.insert(0, _parent_key(alias, spec.parent_columns, keys[0]))
    parts = _Parts(
        alias=alias,
        fields=_fields(list_spec, spec),
        keys=[key.in_rows(alias) for key in keys if key.name != PARENT],
        rows=_rows(source, list_spec.projection.columns_of_rows(alias), keys, spec),
        joins="".join(f" {join.sql()}" for join in list_spec.row_joins),
        has_before=_has_before(source, keys, spec),
        has_more=_has_more(source, keys, spec),
        total=_total(source, spec),
    )
    return _connection_select(parts, spec) if spec.with_cursors else _page_select(parts, spec)


def _connection_select(parts: _Parts, spec: SelectSpec) -> str:
    """Return the SELECT of a connection.

    string_agg keeps the order of the subquery, because nothing else happens at this level
    (PostgreSQL's manual, "Aggregate Functions"). A join may change the order.
    """
    keys = [f'{_cursor_values(parts.keys)} AS "{KEYS_FIELD}"'] if spec.row_keys else []
    fields = ", ".join([*parts.fields, *keys])
    order = f" ORDER BY {order_by(parts.keys)}" if parts.joins else ""
    return f"""
        SELECT coalesce(string_agg(row_to_json(q.*)::text, ','), '') AS items,
               {parts.has_before} AS has_before,
               {parts.has_more} AS has_more,
               {parts.total} AS total
        FROM (SELECT {fields} FROM {parts.source}{order}) q"""


def _page_select(parts: _Parts, spec: SelectSpec) -> str:
    """Return the SELECT of a page. `found` counts one row more than the page has, if it exists.

    Two things save a twentieth of the time of 100 rows. Only the rows of the cursors have their
    keys written as JSON, because an aggregate evaluates its arguments after its FILTER. And the
    rows are not sorted twice: row_number returns them in the order of reading, and string_agg keeps
    it, as in a connection.
    """
    fields = ", ".join(parts.fields)
    keys = "".join(f", {key.column.sql}" for key in parts.keys)
    cursor = f"min({_cursor_values([key.in_rows('q') for key in parts.keys])}::text)"
    order = " ORDER BY q.n DESC" if spec.backward else ""
    last = str(spec.limit) if spec.limit else "CAST(:limit AS bigint)"
    return f"""
        SELECT coalesce(string_agg(q.item, ','{order}) FILTER (WHERE q.n <= {last}), '') AS items,
               count(*) AS found,
               {cursor} FILTER (WHERE q.n = 1) AS first_key,
               {cursor} FILTER (WHERE q.n = {last}) AS last_key,
               {parts.has_before} AS has_before,
               {parts.total} AS total
        FROM (
            SELECT row_number() OVER (ORDER BY {order_by(parts.keys)}) AS n,
                   (SELECT row_to_json(o.*)::text FROM (SELECT {fields}) o) AS item{keys}
            FROM {parts.source}
        ) q"""


def _cursor_values(keys: list[SortKey]) -> str:
    return f"json_build_array({', '.join(key.cursor_value for key in keys)})"


def _fields(list_spec: ListSpec, spec: SelectSpec) -> list[str]:
    fields = [
        f'{list_spec.subselects.get(name, column.sql)} AS "{name}"'
        for name, column in list_spec.projection.fields.items()
        if spec.fields is None or name in spec.fields
    ]
    return [*fields, *spec.expand]


def _rows(source: str, columns: str, keys: list[SortKey], spec: SelectSpec) -> str:
    """Return the SELECT of the page's rows and one more, each with its sort keys."""
    selected = columns + "".join(f", {key.column.sql} AS {key.name}" for key in keys)
    count = spec.limit + 1 if spec.limit else ":fetch"
    limit = f"LIMIT {count}{' OFFSET :offset' if spec.offset else ''}"
    spec = spec._replace(conditions=(*spec.conditions, *_until_condition(keys, spec)))
    selects = _selects(selected, source, keys, spec, inclusive=spec.inclusive, limit=limit)
    return _union(selects, keys, limit)


def _has_before(source: str, keys: list[SortKey], spec: SelectSpec) -> str:
    """Return the SQL condition that a row is before the start position, in the order of reading."""
    if spec.null_keys is None:
        return "false"
    reversed_keys = [key.reversed() for key in keys]
    return _exists_select(source, reversed_keys, spec, inclusive=not spec.inclusive)


def _has_more(source: str, keys: list[SortKey], spec: SelectSpec) -> str:
    """Return the SQL condition that a row is after the end position of a connection."""
    if spec.until_null_keys is None:
        return "false"
    beyond = spec._replace(null_keys=spec.until_null_keys)
    return _exists_select(source, _until_keys(keys), beyond, inclusive=not spec.until_inclusive)


def _until_condition(keys: list[SortKey], spec: SelectSpec) -> list[str]:
    """Return the condition for rows before the end position, if the connection has one."""
    if spec.until_null_keys is None:
        return []
    reversed_keys = [key.reversed() for key in _compared(_until_keys(keys), spec)]
    null_keys = _with_parent(spec.until_null_keys, spec)
    branches = after_condition(reversed_keys, null_keys, inclusive=spec.until_inclusive)
    if not branches:
        return ["false"]
    return [f"({' OR '.join(' AND '.join(branch) for branch in branches)})"]


def _until_keys(keys: list[SortKey]) -> list[SortKey]:
    """Return the keys with the parameters of the end position: :s0 instead of :k0."""
    return [key._replace(parameter=f"s{key.parameter[1:]}") for key in keys]


def _total(source: str, spec: SelectSpec) -> str:
    if not spec.total:
        return "CAST(NULL AS bigint)"
    return f"(SELECT count(*) FROM {source}{_where(spec.conditions)})"


def _order(list_spec: ListSpec, spec: SelectSpec) -> list[SortKey]:
    """Return the keys of ORDER BY: those of the query, then the list's, until they are unique."""
    keys: list[SortKey] = []
    for n, (name, descending) in enumerate(unique_sort(list_spec, spec.sort)):
        sort = list_spec.sorts.get(name) or list_spec.key_sorts[name]
        column = _column(list_spec, sort)
        equivalent = _equivalent(column, spec.joins)
        if equivalent and keys and equivalent.alias == keys[0].column.alias:
            column = equivalent
        key = SortKey(
            name=f"k{n}",
            parameter=f"k{n}",
            column=column,
            field=sort.field,
            nullable=sort.nullable,
            descending=descending,
            equivalent=equivalent,
            bounded=list_spec.bounded.get(name),
        )
        keys.append(key.reversed() if spec.backward else key)
    return keys


def unique_sort(list_spec: ListSpec, named: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Return the sort of a query, with keys of the list until no two rows are equal.

    Each has the direction of the last sort.
    """
    descending = named[-1][1] if named else False
    missing = dict.fromkeys(list_spec.keys)
    result = []
    for name, direction in [*named, *((key, descending) for key in list_spec.keys)]:
        if name in list_spec.keys and name not in missing:
            continue
        missing.pop(name, None)
        result.append((name, direction))
        if not missing or (name in list_spec.sorts and list_spec.sorts[name].unique):
            break
    return result


def _column(list_spec: ListSpec, sort: Sort) -> SortColumn:
    if sort.is_expression:
        return SortColumn(sort.column, alias="")
    alias = sort.join.alias if sort.join else list_spec.projection.alias
    return SortColumn(f"{alias}.{sort.column}", alias)


def _equivalent(column: SortColumn, joins: Iterable[Join]) -> SortColumn | None:
    """Return the column that a join makes equal to this one, if there is one."""
    for join in joins:
        for name, value in join.on.items():
            if value == column.sql:
                return SortColumn(f"{join.alias}.{name}", join.alias)
    return None


def _parent_key(alias: str, columns: Sequence[str], first: SortKey) -> SortKey:
    """Return the parent's key as the first sort key, although it is equal in all rows of a list.

    With `column = parent_.id` the planner drops the column from ORDER BY. It may then read an index
    of the other keys, and skip the rows of other parents. For a small parent, that is nearly the
    whole table. With an array of one value (= ANY) it keeps the column, and uses an index that
    begins with it. Of a key of several columns, the last one has a range (>= and <=) instead, for
    before version 17 an index scan has no order after an array of a later column.
    """
    return SortKey(
        name=PARENT,
        parameter=PARAMETERS[len(columns) - 1],
        column=SortColumn(columns[-1], alias),
        field=first.field,
        nullable=False,
        descending=first.descending,
    )


def _selects(
    columns: str, source: str, keys: list[SortKey], spec: SelectSpec, *, inclusive: bool, limit: str
) -> list[str]:
    """Return SELECTs that together have each row after the position once.

    Without a position, they have all rows.
    """
    branches: list[list[str]] = [[]]
    conditions = spec.conditions
    if spec.null_keys is not None:
        conditions = _bounded(keys[0], conditions)
        null_keys = _with_parent(spec.null_keys, spec)
        branches = after_condition(_compared(keys, spec), null_keys, inclusive=inclusive)
    order = f"ORDER BY {order_by(keys)} {limit}"
    return [
        f"SELECT {columns} FROM {source}{_where([*conditions, *branch])} {order}"
        for branch in branches
    ]


def _bounded(first: SortKey, conditions: tuple[str, ...]) -> tuple[str, ...]:
    """Return the conditions for rows after a position of the first key, which is not NULL.

    If it is the key of the row with the tenant, PostgreSQL can then read an index of those rows
    from the position on, and for each the rows of the list.
    """
    if first.bounded is None:
        return conditions
    bound = f"{first.operator}= {first.bound_value}"
    return (first.bounded(bound), *(each for each in conditions if each != first.bounded("")))


def _exists_select(source: str, keys: list[SortKey], spec: SelectSpec, *, inclusive: bool) -> str:
    """Return the SQL condition that is true if a row follows the position."""
    selects = _selects("true", source, keys, spec, inclusive=inclusive, limit="LIMIT 1")
    return f"coalesce({', '.join(f'({select})' for select in selects)}, false)"


def _union(selects: list[str], keys: list[SortKey], limit: str) -> str:
    if len(selects) == 1:
        return selects[0]
    merged = " UNION ALL ".join(f"({select})" for select in selects)
    order = ", ".join(key.ordered(key.name) for key in keys)
    return f"SELECT * FROM ({merged}) u ORDER BY {order} {limit}"


def _with_parent(null_keys: tuple[bool, ...], spec: SelectSpec) -> tuple[bool, ...]:
    """Add the parent's key, if it is compared. It is not in a cursor and is never NULL."""
    return (False, *null_keys) if len(spec.parent_columns) > 1 else null_keys


def _compared(keys: list[SortKey], spec: SelectSpec) -> list[SortKey]:
    """Return the keys that are compared with a position.

    After an equality of the parent's column, an index scan starts at the keys that follow. After a
    range, it starts there only if the comparison has the column, too.
    """
    if len(spec.parent_columns) != 1:
        return keys
    return [key for key in keys if key.name != PARENT]


def _where(conditions: Iterable[str]) -> str:
    condition = " AND ".join(conditions)
    return f" WHERE {condition}" if condition else ""

"""Declared filters and sorts, compiled to one SELECT that costs the same on page 1 and page 10,000.

A page after a cursor is a *keyset* page: a condition on the sort keys that an index answers, never an
OFFSET over what was already seen. Where every key runs the same way, is of one table and cannot be NULL, the
condition is a row comparison; otherwise there is one UNION ALL branch for each prefix of the keys (equal up to
there, beyond in the next), because PostgreSQL answers the textbook OR of those by reading everything.
See Markus Winand, "Paging Through Results", and docs/decisions/0004-keyset-pages.md for the figures.

The page's rows are found first, in their own table and within LIMIT; only then are they rendered. A table is
joined only where a filter or a sort needs it: given a join, the planner may merge it from its beginning.

The id breaks ties in the last key's direction; NULLs come last in either direction.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from sluice.repositories.list_spec import Filter, ListQuery, ListSpec
from sluice.repositories.page_cursor import Position

KEYS = "$"  # a row's sort keys, beside its fields
# How a sort key's value is written into a cursor and read from one, so that no setting of the session (DateStyle,
# TimeZone) changes either: JSON has times in ISO 8601, and every DateStyle reads that. Other types are their text.
UTC = "{} AT TIME ZONE 'UTC'"
WRITTEN = {"timestamptz": UTC, "timestamp": "{}", "date": "{}"}
READ = {"timestamptz": UTC.format("CAST({} AS timestamp)")}
OWNER = "owner"  # whose list it is, where there are many: slices.py names them by it


class SelectSpec(NamedTuple):
    """Everything about a request that changes the SQL's text; the rest are bound values."""

    sort: tuple[tuple[str, bool], ...]
    conditions: tuple[str, ...]
    joins: tuple[str, ...]
    fields: frozenset[str] | None
    nulls: tuple[bool, ...] | None  # of a position: which of its keys are NULL
    backward: bool
    inclusive: bool
    offset: bool
    total: bool
    stop: tuple[bool, ...] | None = None  # of the position that a slice ends at: as `nulls`
    stop_inclusive: bool = False
    owner: str = ""  # the column of the one that the list belongs to: see _owner
    keyed: bool = False  # a slice: as many rows as are fetched, in the order they are walked, each with its keys
    limit: int = (
        0  # written out, where the plan is to be kept: one that knows no limit reads everything
    )

    @property
    def generic_plan_ok(self) -> bool:
        """Is one plan the best for all values? A filter's tell how much will be found, and where to begin."""
        return self.limit > 0

    @classmethod
    def of(
        cls,
        list_spec: ListSpec,
        query: ListQuery,
        position: Position | None,
        parent_filter: str = "",
    ) -> "SelectSpec":
        filters = [
            (list_spec.filters[name], value)
            for name, value in sorted(query.filters.items())
            if name != parent_filter
        ]
        joined = [declared.join for declared, _ in filters] + [
            list_spec.sorts[name].join for name, _ in query.sort
        ]
        conditions = [_condition(declared, value) for declared, value in filters]
        owner = list_spec.parent_columns[parent_filter] if parent_filter else ""
        if parent_filter:
            conditions += [f"{owner} >= owner.id", f"{owner} <= owner.id"]
        return cls(
            sort=query.sort,
            conditions=tuple(conditions),
            joins=tuple(sorted({join for join in joined if join})),
            fields=query.fields,
            nulls=nulls_of(position) if position else None,
            backward=position.backward if position else False,
            inclusive=position.inclusive if position else False,
            offset=query.offset > 0,
            total=query.include_total,
            owner=owner,
            limit=0 if filters or query.offset else query.limit,
        )


def bind_values(
    query: ListQuery, start: Position | None, stop: Position | None = None
) -> dict[str, object]:
    params = {name: value for name, value in query.filters.items() if not isinstance(value, bool)}
    params |= {"limit": query.limit, "fetch": query.limit + 1}
    for prefix, position in (("k", start), ("s", stop)):
        if position:
            params |= {
                f"{prefix}{n}": key for n, key in enumerate(position.keys) if key is not None
            }
    return params


def nulls_of(position: Position) -> tuple[bool, ...]:
    return tuple(key is None for key in position.keys)


def _condition(declared: Filter, value: object) -> str:
    if value is False:
        return declared.false_condition
    return (
        declared.single_value_condition
        if declared.single_value_condition and isinstance(value, list) and len(value) == 1
        else declared.condition
    )


class _Key(NamedTuple):
    """One term of an ORDER BY, as it is walked: `descending` and `nulls_first` already turned for a backward page."""

    name: str
    column: str
    type: str
    nullable: bool
    descending: bool
    nulls_first: bool
    equivalent_column: str

    @property
    def value(self) -> str:
        if self.name == OWNER:
            return "owner.id"
        return READ.get(self.type, f"CAST({{}} AS {self.type})").format(f":{self.name}")

    @property
    def written(self) -> str:
        """The SQL that writes this key's value into a cursor."""
        return WRITTEN.get(self.type, "{}::text").format(self.column)

    @property
    def beyond(self) -> str:
        return "<" if self.descending else ">"

    def ordered(self, expression: str) -> str:
        nulls = f" NULLS {'FIRST' if self.nulls_first else 'LAST'}" if self.nullable else ""
        return f"{expression} {'DESC' if self.descending else 'ASC'}{nulls}"

    def reversed_key(self) -> "_Key":
        return self._replace(descending=not self.descending, nulls_first=not self.nulls_first)


@lru_cache(maxsize=512)
def compile_select(list_spec: ListSpec, spec: SelectSpec) -> str:
    keys = _order(list_spec, spec)
    if spec.owner:
        keys.insert(0, _owner(spec.owner, keys[0]))
    source = " ".join([list_spec.source or list_spec.projection.source, *spec.joins])
    alias = source.split()[1]
    fields = [
        f'{list_spec.subselects.get(name, column.sql)} AS "{name}"'
        for name, column in list_spec.projection.fields.items()
        if spec.fields is None or name in spec.fields
    ]
    page_keys = [key._replace(column=f"{alias}.{key.name}") for key in keys if key.name != OWNER]
    selected = f"{alias}.*" + "".join(f", {key.column} AS {key.name}" for key in keys)
    rendered_keys = f"json_build_array({', '.join(key.written for key in page_keys)})"
    last = str(spec.limit) if spec.limit else "CAST(:limit AS bigint)"
    limit = f"LIMIT {spec.limit + 1 if spec.limit else ':fetch'}{' OFFSET :offset' if spec.offset else ''}"
    reversed_key = [key.reversed_key() for key in keys]
    within, behind, beyond = spec, "false", "false"
    if spec.nulls is not None:
        behind = _probe(source, reversed_key, spec, inclusive=not spec.inclusive)
    if spec.stop is not None:
        stops = [key._replace(name=key.name.replace("k", "s")) for key in keys]
        nulls = (False, *spec.stop) if spec.owner else spec.stop
        before = _beyond(
            [key.reversed_key() for key in stops], nulls, inclusive=spec.stop_inclusive
        )
        within = spec._replace(conditions=(*spec.conditions, _any(before)))
        beyond = _probe(
            source, stops, spec._replace(nulls=spec.stop), inclusive=not spec.stop_inclusive
        )
    rows = _union(
        _selects(selected, source, keys, within, inclusive=spec.inclusive, limit=limit),
        keys,
        limit,
    )
    total = (
        f"(SELECT count(*) FROM {source}{_where(spec.conditions)})"
        if spec.total
        else "CAST(NULL AS bigint)"
    )
    if spec.keyed:
        # In the order of the subquery, as PostgreSQL's manual has it: nothing else happens at this level.
        return f"""
            SELECT coalesce(string_agg(row_to_json(q)::text, ','), '') AS items,
                   {behind} AS behind, {beyond} AS beyond, {total} AS total
            FROM (SELECT {", ".join([*fields, f'{rendered_keys} AS "{KEYS}"'])} FROM ({rows}) {alias}) q"""
    return f"""
        SELECT coalesce(string_agg(q.item, ',' ORDER BY q.n {"DESC" if spec.backward else "ASC"})
                        FILTER (WHERE q.n <= {last}), '') AS items,
               count(*) AS found,
               min(q.key) FILTER (WHERE q.n = 1) AS nearest,
               min(q.key) FILTER (WHERE q.n = {last}) AS furthest,
               {behind} AS behind,
               {total} AS total
        FROM (
            SELECT row_number() OVER (ORDER BY {_ordered(page_keys)}) AS n,
                   (SELECT row_to_json(o)::text FROM (SELECT {", ".join(fields)}) o) AS item,
                   {rendered_keys}::text AS key
            FROM ({rows}) {alias}
        ) q"""


def _order(list_spec: ListSpec, spec: SelectSpec) -> list[_Key]:
    """The full ORDER BY: what was asked for up to the first unique key, which the id is where none was named."""
    named = list(spec.sort)
    if not any(list_spec.sorts[name].unique for name, _ in named):
        named.append((list_spec.key, named[-1][1] if named else False))
    keys: list[_Key] = []
    for n, (name, descending) in enumerate(named):
        sort = list_spec.sorts[name]
        equivalent_column = sort.equivalent_column if spec.joins else ""
        column = (
            equivalent_column
            if equivalent_column and keys and _table(keys[0].column) == _table(equivalent_column)
            else sort.column
        )
        key = _Key(
            f"k{n}",
            column,
            sort.type,
            sort.nullable,
            descending,
            nulls_first=False,
            equivalent_column=equivalent_column,
        )
        keys.append(key.reversed_key() if spec.backward else key)
        if sort.unique:
            break
    return keys


def _owner(column: str, first: _Key) -> _Key:
    """What the list belongs to, as its first sort key, although it is the same in all of its rows.

    Told that it is equal, the planner sees that it need not sort by it, and walks an index of the other keys past every
    row that is somebody else's: all of the table, where there are too few. Between two bounds it is a range of an index
    that begins with it.
    """
    return _Key(
        OWNER,
        column,
        "bigint",
        nullable=False,
        descending=first.descending,
        nulls_first=False,
        equivalent_column="",
    )


def _table(column: str) -> str:
    return column.partition(".")[0]


def _selects(
    columns: str, source: str, keys: list[_Key], spec: SelectSpec, *, inclusive: bool, limit: str
) -> list[str]:
    """The SELECTs that together give the rows beyond the position, or all: each row once, each SELECT in order."""
    branches: list[list[str]] = [[]]
    if spec.nulls is not None:
        nulls = (False, *spec.nulls) if spec.owner else spec.nulls
        branches = _beyond(keys, nulls, inclusive=inclusive)
    order = f"ORDER BY {_ordered(keys)} {limit}"
    return [
        f"SELECT {columns} FROM {source}{_where([*spec.conditions, *branch])} {order}"
        for branch in branches
    ]


def _probe(source: str, keys: list[_Key], spec: SelectSpec, *, inclusive: bool) -> str:
    """Is there a row beyond the position?"""
    selects = _selects("true", source, keys, spec, inclusive=inclusive, limit="LIMIT 1")
    return f"coalesce({', '.join(f'({select})' for select in selects)}, false)"


def _any(branches: list[list[str]]) -> str:
    return f"({' OR '.join(' AND '.join(branch) for branch in branches)})" if branches else "false"


def _union(selects: list[str], keys: list[_Key], limit: str) -> str:
    if len(selects) == 1:
        return selects[0]
    merged = " UNION ALL ".join(f"({select})" for select in selects)
    return f"SELECT * FROM ({merged}) u ORDER BY {', '.join(key.ordered(key.name) for key in keys)} {limit}"


def _beyond(keys: list[_Key], nulls: tuple[bool, ...], *, inclusive: bool) -> list[list[str]]:
    """The rows beyond a position in the order of `keys`, as branches that share no row; conditions are ANDed."""
    first = keys[0]
    if len({(key.descending, _table(key.column)) for key in keys}) == 1 and not any(
        key.nullable for key in keys
    ):
        columns, values = (
            ", ".join(key.column for key in keys),
            ", ".join(key.value for key in keys),
        )
        equivalent_column = (
            [f"{first.equivalent_column} {first.beyond}= {first.value}"]
            if first.equivalent_column
            else []
        )
        return [
            [f"({columns}) {first.beyond}{'=' if inclusive else ''} ({values})", *equivalent_column]
        ]
    branches: list[list[str]] = []
    equal: list[str] = []
    for key, null in zip(keys, nulls, strict=True):
        if not null:
            branches.append([*equal, f"{key.column} {key.beyond} {key.value}"])
        if null and key.nulls_first:
            branches.append([*equal, f"{key.column} IS NOT NULL"])
        if not null and key.nullable and not key.nulls_first:
            branches.append([*equal, f"{key.column} IS NULL"])
        equal.append(f"{key.column} IS NULL" if null else f"{key.column} = {key.value}")
    return [*branches, equal] if inclusive else branches


def _ordered(keys: list[_Key]) -> str:
    return ", ".join(key.ordered(key.column) for key in keys)


def _where(conditions: Iterable[str]) -> str:
    condition = " AND ".join(conditions)
    return f" WHERE {condition}" if condition else ""

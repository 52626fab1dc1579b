"""Lists: declared filters and sorts, compiled to one SELECT that costs the same on page 1 and page 10,000.

A page after a cursor is a *keyset* page: a condition on the sort keys that an index answers, never an
OFFSET over what was already seen. Where every key runs the same way and none can be NULL, the condition
is a row comparison; otherwise there is one UNION ALL branch for each prefix of the keys (equal up to
there, beyond in the next), because PostgreSQL answers the textbook OR of those by reading everything.
See Markus Winand, "Paging Through Results", and docs/decisions/0004-keyset-pages.md for the figures.

The id breaks ties in the last key's direction; NULLs come last in either direction.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from sluice.repositories.cursor import CursorSigner, Position
from sluice.repositories.view import Statements, View

FilterKind = Literal["integer", "integers", "money", "slugs", "words", "boolean", "time"]


@dataclass(frozen=True, slots=True)
class Filter:
    """`?name=value` as SQL over the view's source, with the value as `:name`.

    A boolean filter holds two conditions instead, without a value in them: partial indexes want constants.
    """

    kind: FilterKind
    condition: str
    otherwise: str = ""  # of a boolean filter: the condition for `false`


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort key: its column, the type its values are read back as, whether it alone orders the list."""

    column: str
    type: str
    unique: bool = False
    nullable: bool = False


@dataclass(frozen=True, eq=False)
class Listing:
    """A view that can be listed. `sorts` must hold `key`, the unique one that breaks ties and orders by default."""

    view: View
    filters: Mapping[str, Filter]
    sorts: Mapping[str, Sort]
    key: str = "id"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a client asks of a list; `sort` holds (name, descending) pairs, `fields` None means all."""

    limit: int = 20
    sort: tuple[tuple[str, bool], ...] = ()
    filters: Mapping[str, object] = field(default_factory=dict)
    fields: frozenset[str] | None = None
    cursor: str | None = None
    offset: int = 0
    include_total: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A page: `items` is the JSON of its rows with commas between; both cursors are true to the data."""

    items: str
    next_cursor: str | None
    prev_cursor: str | None
    total: int | None


def read_page(statements: Statements, listing: Listing, query: ListQuery, signer: CursorSigner) -> Page:
    """One page in one statement. InvalidCursor where the cursor was not made by this list, sort and filters."""
    scope = json.dumps([listing.view.name, query.sort, query.filters], default=str, sort_keys=True)
    position = signer.open(query.cursor, scope) if query.cursor else None
    sql = _compile(listing, _Shape.of(query, position))
    params = {name: value for name, value in query.filters.items() if not isinstance(value, bool)}
    params |= {"limit": query.limit, "fetch": query.limit + 1}
    if query.offset:
        params["offset"] = query.offset
    if position:
        params |= {f"k{n}": key for n, key in enumerate(position.keys) if key is not None}
    row = statements.read(sql, params)[0]

    further = Position(_keys(row.furthest), backward=position.backward) if position else Position(_keys(row.furthest))
    onward = signer.sign(further, scope) if row.found > query.limit else None
    back = None
    if row.nearest is not None and (row.behind or query.offset):
        back = signer.sign(Position(_keys(row.nearest), backward=not further.backward), scope)
    elif position and row.behind:  # an empty page: what lies behind begins at the position itself
        turned = Position(position.keys, backward=not position.backward, inclusive=not position.inclusive)
        back = signer.sign(turned, scope)
    if further.backward:
        onward, back = back, onward
    return Page(items=row.items, next_cursor=onward, prev_cursor=back, total=row.total)


def _keys(rendered: str | None) -> tuple[str | None, ...]:
    return tuple(json.loads(rendered)) if rendered else ()


class _Shape(NamedTuple):
    """Everything about a request that changes the SQL's text; the rest are bound values."""

    sort: tuple[tuple[str, bool], ...]
    filters: tuple[tuple[str, bool | None], ...]
    fields: frozenset[str] | None
    nulls: tuple[bool, ...] | None  # of a position: which of its keys are NULL
    backward: bool
    inclusive: bool
    offset: bool
    total: bool

    @classmethod
    def of(cls, query: ListQuery, position: Position | None) -> "_Shape":
        return cls(
            sort=query.sort,
            filters=tuple(sorted((n, v if isinstance(v, bool) else None) for n, v in query.filters.items())),
            fields=query.fields,
            nulls=tuple(key is None for key in position.keys) if position else None,
            backward=position.backward if position else False,
            inclusive=position.inclusive if position else False,
            offset=query.offset > 0,
            total=query.include_total,
        )


class _Key(NamedTuple):
    """One term of an ORDER BY, as it is walked: `descending` and `nulls_first` already turned for a backward page."""

    name: str
    column: str
    type: str
    nullable: bool
    descending: bool
    nulls_first: bool

    def ordered(self, expression: str) -> str:
        nulls = f" NULLS {'FIRST' if self.nulls_first else 'LAST'}" if self.nullable else ""
        return f"{expression} {'DESC' if self.descending else 'ASC'}{nulls}"

    def turned(self) -> "_Key":
        return self._replace(descending=not self.descending, nulls_first=not self.nulls_first)


@lru_cache(maxsize=512)
def _compile(listing: Listing, shape: _Shape) -> str:
    view = listing.view
    keys = _order(listing, shape)
    conditions = [_condition(listing.filters[name], value) for name, value in shape.filters]
    columns = view.columns(shape.fields)
    chosen = ", ".join(f'r."{name}"' for name in view.fields if shape.fields is None or name in shape.fields)
    rendered_keys = ", ".join(f"r.{key.name}::text" for key in keys)
    behind = "false"
    if shape.nulls is not None:
        turned = [key.turned() for key in keys]
        branches = _beyond(turned, shape.nulls, inclusive=not shape.inclusive)
        probes = [f"({_select('true', view, [*conditions, *b], turned, limit='LIMIT 1')})" for b in branches]
        behind = f"coalesce({', '.join([*probes, 'false'])})"
    total = f"(SELECT count(*) FROM {view.source}{_where(conditions)})" if shape.total else "CAST(NULL AS bigint)"
    return f"""
        SELECT coalesce(string_agg(q.item, ',' ORDER BY q.n {"DESC" if shape.backward else "ASC"})
                        FILTER (WHERE q.n <= CAST(:limit AS bigint)), '') AS items,
               count(*) AS found,
               min(q.key) FILTER (WHERE q.n = 1) AS nearest,
               min(q.key) FILTER (WHERE q.n = CAST(:limit AS bigint)) AS furthest,
               {behind} AS behind,
               {total} AS total
        FROM (
            SELECT row_number() OVER (ORDER BY {", ".join(key.ordered("r." + key.name) for key in keys)}) AS n,
                   (SELECT row_to_json(o)::text FROM (SELECT {chosen}) o) AS item,
                   json_build_array({rendered_keys})::text AS key
            FROM ({_rows(listing, shape, keys, conditions, columns)}) r
        ) q"""


def _order(listing: Listing, shape: _Shape) -> list[_Key]:
    """The full ORDER BY: what was asked for up to the first unique key, which the id is where none was named."""
    named = list(shape.sort)
    if not any(listing.sorts[name].unique for name, _ in named):
        named.append((listing.key, named[-1][1] if named else False))
    keys = []
    for n, (name, descending) in enumerate(named):
        sort = listing.sorts[name]
        key = _Key(f"k{n}", sort.column, sort.type, sort.nullable, descending, nulls_first=False)
        keys.append(key.turned() if shape.backward else key)
        if sort.unique:
            break
    return keys


def _condition(declared: Filter, value: bool | None) -> str:
    return declared.otherwise if value is False else declared.condition


def _rows(listing: Listing, shape: _Shape, keys: list[_Key], conditions: list[str], columns: str) -> str:
    selected = columns + "".join(f", {key.column} AS {key.name}" for key in keys)
    limit = "LIMIT :fetch OFFSET :offset" if shape.offset else "LIMIT :fetch"
    if shape.nulls is None:
        return _select(selected, listing.view, conditions, keys, limit=limit)
    branches = _beyond(keys, shape.nulls, inclusive=shape.inclusive)
    parts = [_select(selected, listing.view, [*conditions, *branch], keys, limit=limit) for branch in branches]
    if len(parts) == 1:
        return parts[0]
    merged = " UNION ALL ".join(f"({part})" for part in parts)
    return f"SELECT * FROM ({merged}) u ORDER BY {', '.join(key.ordered(key.name) for key in keys)} {limit}"


def _beyond(keys: list[_Key], nulls: tuple[bool, ...], *, inclusive: bool) -> list[list[str]]:
    """The rows beyond a position in the order of `keys`, as branches that share no row; conditions are ANDed."""
    values = [f"CAST(:{key.name} AS {key.type})" for key in keys]
    if len({key.descending for key in keys}) == 1 and not any(key.nullable for key in keys):
        operator = ("<" if keys[0].descending else ">") + ("=" if inclusive else "")
        return [[f"({', '.join(key.column for key in keys)}) {operator} ({', '.join(values)})"]]
    branches: list[list[str]] = []
    equal: list[str] = []
    for key, value, null in zip(keys, values, nulls, strict=True):
        if not null:
            branches.append([*equal, f"{key.column} {'<' if key.descending else '>'} {value}"])
        if null and key.nulls_first:
            branches.append([*equal, f"{key.column} IS NOT NULL"])
        if not null and key.nullable and not key.nulls_first:
            branches.append([*equal, f"{key.column} IS NULL"])
        equal.append(f"{key.column} IS NULL" if null else f"{key.column} = {value}")
    return [*branches, equal] if inclusive else branches


def _select(columns: str, view: View, conditions: list[str], keys: list[_Key], *, limit: str) -> str:
    order = ", ".join(key.ordered(key.column) for key in keys)
    return f"SELECT {columns} FROM {view.source}{_where(conditions)} ORDER BY {order} {limit}"


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""

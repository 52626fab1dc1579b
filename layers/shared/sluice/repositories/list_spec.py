"""What a list is: its declared filters and sorts, and what a client may ask of it.

keyset.py makes one SELECT of both, for pages.py (REST's) and slices.py (Relay's).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sluice.repositories.projection import Projection

FilterKind = Literal[
    "integer", "integers", "decimal", "slugs", "search", "email", "boolean", "timestamp", "choice"
]


@dataclass(frozen=True, slots=True)
class Filter:
    """`?name=value` as SQL over the list's source, with the value as `:name`; a boolean's is in its two conditions."""

    kind: FilterKind
    condition: str
    false_condition: str = ""  # of a boolean: the condition for `false`
    single_value_condition: str = (
        ""  # of several values: the condition where one is given, and an index is to keep its order
    )
    join: str = ""  # what the condition needs beside the source
    choices: tuple[str, ...] = ()  # of a choice: all there are


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort key: its column, the type its values are read back as, whether it alone orders the list.

    `twin` is the same column in the table that `join` brings: one index can then answer for both its keys,
    and a merge of the two tables begins on the page, not at their first rows.
    """

    column: str
    type: str
    unique: bool = False
    nullable: bool = False
    join: str = ""
    equivalent_column: str = ""


@dataclass(frozen=True, eq=False)
class ListSpec:
    """A view that can be listed. `sorts` must hold `key`, the unique one that breaks ties and orders by default.

    Where the view joins tables, `source` is the first one alone and `lookups` has the fields of the others,
    as subselects: they are run for the rows of a page only, and planned in a third of a join's time.
    `owners`: filters by what a list may belong to, and the column that holds its id.
    """

    projection: Projection
    filters: Mapping[str, Filter]
    sorts: Mapping[str, Sort]
    key: str = "id"
    source: str = ""
    subselects: Mapping[str, str] = field(default_factory=dict)
    parent_columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a client asks of a list; `sort` holds (name, descending) pairs, `fields` None means all.

    A page goes on from `cursor` or `offset`; a slice is the first `limit` rows, or those at the `end`, of what lies
    `after` and `before` its cursors.
    """

    limit: int = 20
    sort: tuple[tuple[str, bool], ...] = ()
    filters: Mapping[str, object] = field(default_factory=dict)
    fields: frozenset[str] | None = None
    cursor: str | None = None
    offset: int = 0
    include_total: bool = False
    after: str | None = None
    before: str | None = None
    from_end: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A page: `items` is the JSON of its rows with commas between; both cursors are true to the data."""

    items: str
    next_cursor: str | None
    prev_cursor: str | None
    total: int | None


def cursor_context(list_spec: ListSpec, query: ListQuery) -> str:
    """What a cursor is bound to."""
    return json.dumps(
        [list_spec.projection.name, query.sort, query.filters], default=str, sort_keys=True
    )

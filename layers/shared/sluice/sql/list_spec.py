"""The types of lists: a list's specification (its filters and sorts), a query for it, and a page.

keyset.py compiles a specification and a query to one SELECT, for read_repository.py (REST) and
connections.py (Relay).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from sluice import tenants
from sluice.kinds.field import Field, FieldFilter
from sluice.sql.key import Key
from sluice.sql.projection import Column, Join, Projection, aliased

PARENT = "parent_"  # the alias of the parent's key in the statement of its list


class Filter(NamedTuple):
    """A filter `?name=value`: an SQL condition over the list's source, with the value as `:name`.

    `field_filter` parses the value and has its JSON Schema. `join` is a join that the condition
    needs beside the source. A boolean has no bound value: `condition` is for true,
    `false_condition` for false.

    `single_value_condition` replaces `condition` if a list of values has one element, which is then
    bound without the list. An equality keeps the order of an index; `= ANY` does not.
    """

    field_filter: FieldFilter
    condition: str
    false_condition: str = ""
    single_value_condition: str = ""
    join: Join | None = None

    @classmethod
    def of(cls, declared: FieldFilter, column: str, join: Join | None = None) -> "Filter":
        """Return the filter of a field over this column."""
        return cls(
            declared,
            condition=declared.condition.format(column=column),
            false_condition=declared.false_condition.format(column=column),
            single_value_condition=declared.single_value_condition.format(column=column),
            join=join,
        )


class FilterSql(NamedTuple):
    """The SQL of a filter that is written by hand. See Filter."""

    condition: str
    false_condition: str = ""
    single_value_condition: str = ""
    join: Join | None = None


def filters_of(field: Field, column: str, join: Join | None = None) -> dict[str, Filter]:
    """Return the filters of a field over this column, by the names of their parameters."""
    return {name: Filter.of(declared, column, join) for name, declared in field.filters().items()}


class Sort(NamedTuple):
    """A sort key: its column, and the field that writes its values into cursors.

    The column belongs to the table of `join`, or to that of the list. With `is_expression`,
    `column` is any SQL. A `unique` key orders the list without further keys.
    """

    column: str
    field: Field
    unique: bool = False
    nullable: bool = False
    join: Join | None = None
    is_expression: bool = False


@dataclass(frozen=True, eq=False)
class ListSpec:
    """The filters and sorts of a list, with the projection of its rows.

    `keys` are unique together, break ties, and are the default order. Each is in `sorts`, or in
    `key_sorts` if clients cannot sort by it.

    `subselects` has the fields of joined tables, for a projection with joins. The list then reads
    its own table alone. Subselects run only for the rows of a page, and planning them takes a third
    of the time of a join.

    `parents`: foreign key → its columns, for lists that belong to a row of another table. A foreign
    key is written as the names of its columns, separated by commas.

    `row_joins` are joined to the rows of a page, for a junction table, whose page has the rows of
    the other table.

    `bounded`: a sort by the key of the row with the tenant (Via) → the condition of the list's rows
    with a bound of this key. It replaces that of the projection after a position.

    `view`: what the list reads instead of the table, if it is not empty. It is a view, or a SELECT
    in parentheses, and has the columns of the table.
    """

    projection: Projection
    filters: Mapping[str, Filter]
    sorts: Mapping[str, Sort]
    keys: tuple[str, ...] = ("id",)
    key_sorts: Mapping[str, Sort] = field(default_factory=dict)
    subselects: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)
    row_joins: tuple[Join, ...] = ()
    bounded: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    view: str = ""

    @property
    def source(self) -> str:
        """The FROM clause of the list, without the joins of its filters and sorts."""
        projection = self.projection
        if self.subselects:
            return aliased(self.view or projection.table, projection.alias)
        return projection.source_with({projection.alias: self.view} if self.view else {})


NO_FILTERS: Mapping[str, object] = MappingProxyType({})
OF = ("of", "of1", "of2", "of3")  # the parameters of a parent's key


class ListQuery(NamedTuple):
    """A request for a part of a list. `sort` has (name, descending) pairs.

    `fields` None means all fields. `expand` has further columns, each as SQL with its name.

    A REST page starts at `cursor` or at `offset`. A Relay connection has the first `limit` rows
    between the cursors `after` and `before`, or the last ones with `from_end`. Without `row_keys`
    its rows have no cursors.
    """

    limit: int = 20
    sort: tuple[tuple[str, bool], ...] = ()
    filters: Mapping[str, object] = NO_FILTERS
    fields: frozenset[str] | None = None
    cursor: str | None = None
    offset: int = 0
    include_total: bool = False
    after: str | None = None
    before: str | None = None
    from_end: bool = False
    expand: tuple[str, ...] = ()
    row_keys: bool = True


class Parent(NamedTuple):
    """The row that a list belongs to: its projection and its key.

    `foreign_key` is one of `ListSpec.parents`. `junction` is the list, if it is not that of the
    repository.
    """

    projection: Projection
    key: Key
    foreign_key: str
    junction: ListSpec | None = None

    @property
    def params(self) -> dict[str, object]:
        """The key as parameters."""
        return dict(zip(OF, self.key, strict=False))

    def select(self, page: str) -> str:
        """Return the SELECT of this row's page. It has no row if this row does not exist."""
        projection = self.projection
        return f"""
        SELECT page.*
        FROM (
            SELECT FROM {aliased(projection.table, projection.alias)}
            WHERE {projection.key_condition_for(OF)}
        ) {PARENT}
        CROSS JOIN ({page}) page"""


class Page(NamedTuple):
    """A page of a list. `items` is the JSON of its rows, separated by commas.

    A cursor is None if there is no row in its direction.
    """

    items: str
    next_cursor: str | None
    prev_cursor: str | None
    total: int | None


def cursor_context(
    list_spec: ListSpec, query: ListQuery, foreign_key: str = "", key: Key = ()
) -> str:
    """Return the list, the sort and the filters as the text with which a cursor is signed.

    The list of a parent has the text of the list that is filtered by the foreign key with `equal`.
    A cursor is a position in the sort, so the lists of one text can share it. Those of two tenants
    do not.
    """
    columns = list_spec.parents[foreign_key] if foreign_key else ()
    names = (column.field.filter_name for column in columns)
    filters = {**query.filters, **dict(zip(names, key, strict=True))}
    parts = [list_spec.projection.name, query.sort, filters]
    if tenants.names_tenant(list_spec.projection.row_condition):
        parts.append(tenants.require())
    return json.dumps(parts, default=str, sort_keys=True)

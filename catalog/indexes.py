"""Which lists have no index that answers them, and the index that each needs.

A filter needs an index that begins with its column. So do a sort and the list below a row. For them
the best index goes on with the key, unless the column is unique: otherwise a page reads all rows
with one value, and sorts them. Sorts and filters whose SQL is written by hand are not checked.

Where rows have tenants, the column of the tenant comes first in the index.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from catalog.snapshot import IndexKey, TableSnapshot
from sluice.kinds.char import Char
from sluice.kinds.field import Field
from sluice.resource import Resource
from sluice.sql.derived import Repository, alias, row_condition
from sluice.sql.identifiers import qualified, quoted
from sluice.sql.list_spec import Filter
from sluice.tenant_columns import tenant_column

UNCHECKED = frozenset({"v", "f"})  # TableSnapshot.kind of a view and a foreign table: no indexes
PARTITIONED = "p"
ONE_VALUE = ("equal", "in")  # the filters on values that are the whole value of the column
NULLS_AS_EXPECTED = frozenset({0, 3})  # ascending with NULLs last, descending with NULLs first


class Need(NamedTuple):
    """What the index of a list must have, as SQL.

    keys: its first keys.
    tail: the keys that the best index has after them, so that a page reads only its rows.
    is_sort: whether the rows are sorted by the first key. Otherwise it has one value.
    operators: the operator class whose operators are needed, if it is not the default one.
    tenant: the column of the tenant, which the index has before the keys. Empty: it need not.
    is_of_one: whether the rows are those of one tenant anyway. The index may have the column.
    """

    what: str
    keys: tuple[str, ...]
    tail: tuple[str, ...] = ()
    method: str = "btree"
    is_sort: bool = False
    operators: str = ""
    tenant: str = ""
    is_of_one: bool = False


class Missing(NamedTuple):
    """A list that no index answers: of which resource, by what, and the index as SQL."""

    resource: str
    what: str
    ddl: str


def missing(
    repositories: Iterable[Repository],
    tables: Mapping[str, TableSnapshot],
    *,
    best: bool = False,
) -> Iterator[Missing]:
    """Yield what needs an index that is not there. With `best` it must be the best one."""
    for resource, name, condition, need in _needs(repositories, best=best):
        table = tables.get(name)
        if table is None or table.kind in UNCHECKED:
            continue
        if not is_met(need, table, condition, best=best):
            yield Missing(resource, need.what, index_ddl(need, table))


def need_of_filter(field: Field, operator: str) -> Need:
    """Return what a filter needs."""
    what = f"filter {field.filter_name} ({operator})"
    column = field.sort_key(quoted(field.column))
    if operator in ("has", "contains"):
        return Need(what, (column,), method="gin")
    if operator == "prefix":
        operators = "bpchar_pattern_ops" if isinstance(field, Char) else "text_pattern_ops"
        return Need(what, (column,), operators=operators)
    return Need(what, (quoted(field.column) if operator == "is_null" else column,))


def need_of_sort(field: Field, keys: Sequence[Field], *, is_unique: bool) -> Need:
    """Return what a sort needs. `keys` is the key of the resource."""
    column = field.sort_key(quoted(field.column))
    tail = () if is_unique else _without((column,), _columns(keys))
    return Need(f"sort {field.name}", (column,), tail, is_sort=True)


def need_of_list(name: str, columns: Sequence[str], tail: Sequence[str]) -> Need:
    """Return what the list of the rows needs that reference a row by these columns.

    The tail is the key of these rows, or the other columns of a junction table.
    """
    own = tuple(map(quoted, columns))
    return Need(f"list {name}", own, _without(own, [*map(quoted, tail)]))


def of_tenant(need: Need, column: str, *, is_of_one: bool = False) -> Need:
    """Return what the list of one tenant needs. `column` tells the tenant; empty: there is none.

    An index that begins with the column has only the rows of the tenant in their order. Rows with
    one value of a unique column, or that reference one row of a tenant, are those of one tenant.
    """
    name = quoted(column) if column else ""
    if not column or name in need.keys:
        return need
    return need._replace(tenant=name, tail=_without((name,), need.tail), is_of_one=is_of_one)


def is_met(need: Need, table: TableSnapshot, condition: str = "", *, best: bool = False) -> bool:
    """Return whether an index of the table answers the list of rows with this condition."""
    needs = [need, need._replace(tenant="")] if need.is_of_one else [need]
    return any(
        _meets(index.keys, each, best=best)
        for each in needs
        for index in table.indexes
        if index.is_valid
        and index.method == need.method
        and plain(index.predicate) in ("", plain(condition))
    )


def index_ddl(need: Need, table: TableSnapshot) -> str:
    """Return the statement that creates the best index."""
    concurrently = "" if table.kind == PARTITIONED else " CONCURRENTLY"
    using = "" if need.method == "btree" else f" USING {need.method}"
    operators = f" {need.operators}" if need.operators else ""
    first = [need.tenant] if need.tenant and not need.is_of_one else []
    keys = f"({', '.join((*first, *need.keys, *need.tail))}{operators})"
    return f"CREATE INDEX{concurrently} ON {qualified(table.qualified)}{using} {keys}"


def _needs(
    repositories: Iterable[Repository], *, best: bool
) -> Iterator[tuple[str, str, str, Need]]:
    """Yield the resource, the table, the condition for its rows, and what a list needs."""
    by_name = {repository.resource.name: repository for repository in repositories}
    for name, repository in by_name.items():
        resource = repository.resource
        for need in _needs_of_fields(repository, by_name, best=best):
            yield name, resource.table, row_condition(resource), need
        for many in resource.lists:
            if many.through:
                need = need_of_list(many.name, many.columns, many.other_columns)
                need = of_tenant(need, many.tenant, is_of_one=True)
                yield name, many.through, "", need
            elif many.resource in by_name:
                other = by_name[many.resource].resource
                need = need_of_list(many.name, many.columns, [key.column for key in other.keys])
                need = of_tenant(need, _indexed_tenant(other), is_of_one=resource.has_tenant)
                yield name, other.table, row_condition(other), need


def _needs_of_fields(
    repository: Repository, by_name: Mapping[str, Repository], *, best: bool
) -> Iterator[Need]:
    resource, list_spec = repository.resource, repository.list_spec
    tenant = _indexed_tenant(resource)
    by_hand = {*repository.column_sql, *repository.filter_sql}
    for field in resource.all_fields:
        is_unindexed = field.unindexed and not (best and tenant)
        if is_unindexed or field.name in by_hand or field.needs_column_sql:
            continue
        if field.name in list_spec.sorts:
            is_unique = list_spec.sorts[field.name].unique
            yield of_tenant(need_of_sort(field, resource.keys, is_unique=is_unique), tenant)
        for operator in field.operators:
            if not by_hand.intersection(field.filters_of(operator)):
                is_of_one = operator in ONE_VALUE and _is_of_one(field, resource, by_name)
                yield of_tenant(need_of_filter(field, operator), tenant, is_of_one=is_of_one)
    searched = [field for field in resource.all_fields if field.search]
    if searched and "search" not in by_hand and not all(field.unindexed for field in searched):
        words = _words(list_spec.filters["search"], resource)
        yield of_tenant(Need("filter search", (words,), method="gin"), tenant)


def _indexed_tenant(resource: Resource) -> str:
    """Return the column with which indexes begin. A tenant with one row needs none."""
    column = tenant_column(resource)
    return "" if [key.column for key in resource.keys] == [column] else column


def _is_of_one(field: Field, resource: Resource, by_name: Mapping[str, Repository]) -> bool:
    """Return whether rows with one value are those of one tenant: it is unique, or references one.

    The tenant of a row that is referenced is that of the row.
    """
    other = by_name.get(field.reference.resource) if field.reference else None
    is_of_tenant = other is not None and other.resource.has_tenant
    return field.unique or resource.keys == (field,) or is_of_tenant


def _words(search: Filter, resource: Resource) -> str:
    """Return the expression of the words that `search` finds, without the table's alias."""
    words = search.condition[: search.condition.index(" @> ")]
    return re.sub(rf"\b{alias(resource)}\.", "", words)


def _columns(keys: Sequence[Field]) -> list[str]:
    return [quoted(key.column) for key in keys]


def _without(first: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in others if name not in first)


def _meets(keys: Sequence[IndexKey], need: Need, *, best: bool) -> bool:
    """Return whether an index with these keys answers the list."""
    if need.method == "gin":
        is_of_tenant = not need.tenant or any(plain(k.sql) == plain(need.tenant) for k in keys)
        has_items = any(plain(k.sql) == plain(need.keys[0]) and _has_items(k) for k in keys)
        return is_of_tenant and has_items
    if need.tenant:
        is_first = bool(keys) and plain(keys[0].sql) == plain(need.tenant)
        return is_first and _meets(keys[1:], need._replace(tenant=""), best=best)
    wanted = [*map(plain, (*need.keys, *need.tail) if best else need.keys)]
    first = keys[: len(wanted)]
    found = [plain(key.sql) for key in first]
    if found != wanted and (best or sorted(found) != sorted(wanted)):
        return False
    if not all(_compares(key, need) for key in first):
        return False
    options = {key.options for key in first}
    is_in_order = need.is_sort or (best and need.tail)
    return not is_in_order or (len(options) == 1 and options <= NULLS_AS_EXPECTED)


def _compares(key: IndexKey, need: Need) -> bool:
    """Return whether the operators of a btree index are those that the list needs."""
    if need.operators:
        return key.has_prefixes
    is_equality = key.operator_class.endswith("_pattern_ops") and not need.is_sort
    return key.has_own_collation and (not key.operator_class or is_equality)


def _has_items(key: IndexKey) -> bool:
    """Return whether a GIN index finds items of an array, or parts of a JSON value."""
    return key.operator_class in ("", "jsonb_path_ops")


@cache
def plain(expression: str) -> str:
    """Return an expression without what PostgreSQL adds to it, such as casts and quotes."""
    without_casts = re.sub(r"::(character varying|[\w.]+)(\(\d+\))?", "", expression)
    return re.sub(r"[\s()\"]|\bt_\.|\b[a-z]\.", "", without_casts).lower()

"""Which lists have no index that answers them, and the index that each needs.

A sort needs an index that begins with its column and, unless the column is unique, goes on with the
key: otherwise a page reads all rows with one value. So does the list below a row. A filter needs an
index that begins with its column. Sorts and filters whose SQL is written by hand are not checked.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sluice.kinds.char import Char
from sluice.kinds.field import Field
from sluice.query import Executor, Query
from sluice.resource import Resource
from sluice.sql.derived import Repository, alias, row_condition
from sluice.sql.identifiers import qualified, quoted
from sluice.sql.list_spec import Filter

# `kind` is pg_class.relkind. A view has no index; it is not checked.
READ = """
    SELECT
        n.nspname || '.' || c.relname AS relation,
        c.relkind::text AS kind,
        am.amname AS method,
        pg_get_expr(i.indpred, i.indrelid) AS predicate,
        ARRAY(
            SELECT coalesce(quote_ident(a.attname), pg_get_indexdef(i.indexrelid, k, true))
            FROM generate_series(1, i.indnkeyatts) k
            LEFT JOIN pg_attribute a
                ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1] AND a.attnum > 0
            ORDER BY k
        ) AS keys,
        ARRAY(SELECT i.indoption[k - 1] FROM generate_series(1, i.indnkeyatts) k ORDER BY k)
            AS options,
        (SELECT opcname LIKE '%_pattern_ops' FROM pg_opclass WHERE oid = i.indclass[0])
            OR (
                SELECT CASE
                    WHEN collname <> 'default' THEN collname::text
                    WHEN to_jsonb(d) ->> 'datlocprovider' = 'i' THEN 'icu'
                    ELSE d.datcollate::text
                END
                FROM pg_collation WHERE oid = i.indcollation[0]
            ) IN ('C', 'POSIX') AS has_prefixes
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_database d ON d.datname = current_database()
    LEFT JOIN (
        pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam
    ) ON i.indrelid = c.oid AND i.indisvalid
    WHERE n.nspname || '.' || c.relname = ANY(CAST(:relations AS text[]))
"""
UNCHECKED = frozenset({"v", "f"})  # a view, a foreign table
PARTITIONED = "p"
NULLS_AS_EXPECTED = (0, 3)  # ascending with NULLs last, descending with NULLs first


class Index(NamedTuple):
    """An index. `keys` are its columns and expressions as SQL; `options` their order."""

    method: str
    keys: tuple[str, ...]
    options: tuple[int, ...] = ()
    predicate: str = ""
    has_prefixes: bool = False


class IndexedTable(NamedTuple):
    """A table or a materialized view with its indexes."""

    kind: str
    indexes: tuple[Index, ...]


class Need(NamedTuple):
    """What an index must have: its first keys as SQL. `is_ordered`: all in one direction."""

    what: str
    keys: tuple[str, ...]
    method: str = "btree"
    is_ordered: bool = False
    operator_class: str = ""


class Missing(NamedTuple):
    """A list that no index answers: of which resource, by what, and the index as SQL."""

    resource: str
    what: str
    ddl: str


def read(executor: Executor, relations: Iterable[str]) -> dict[str, IndexedTable]:
    """Return the relations with these names, each with its schema, and their valid indexes."""
    kinds: dict[str, str] = {}
    indexes: defaultdict[str, list[Index]] = defaultdict(list)
    for row in executor.read(Query(READ, {"relations": list(relations)})):
        kinds[row.relation] = row.kind
        if row.method is not None:
            index = Index(
                row.method,
                tuple(row.keys),
                tuple(row.options),
                row.predicate or "",
                bool(row.has_prefixes),
            )
            indexes[row.relation].append(index)
    return {name: IndexedTable(kind, tuple(indexes[name])) for name, kind in kinds.items()}


def tables_of(repositories: Iterable[Repository]) -> list[str]:
    """Return the names of the tables, also of the junction tables."""
    resources = [repository.resource for repository in repositories]
    junctions = (many.through for each in resources for many in each.lists if many.through)
    return [*(each.table for each in resources), *junctions]


def missing(
    repositories: Iterable[Repository], relations: Mapping[str, IndexedTable]
) -> Iterator[Missing]:
    """Yield what needs an index that is not there."""
    by_name = {repository.resource.name: repository for repository in repositories}
    for name, repository in by_name.items():
        resource = repository.resource
        for need in _needs_of_lists(repository):
            yield from _unmet(need, name, resource.table, row_condition(resource), relations)
    for name, repository in by_name.items():
        for many in repository.resource.lists:
            own = tuple(map(quoted, many.columns))
            what = f"list {many.name}"
            if many.through:
                need = Need(what, own + tuple(map(quoted, many.other_columns)), is_ordered=True)
                yield from _unmet(need, name, many.through, "", relations)
            elif many.resource in by_name:
                other = by_name[many.resource].resource
                need = Need(what, _with_key(own, other), is_ordered=True)
                yield from _unmet(need, name, other.table, row_condition(other), relations)


def _needs_of_lists(repository: Repository) -> Iterator[Need]:
    resource, list_spec = repository.resource, repository.list_spec
    by_hand = {*repository.column_sql, *repository.filter_sql}
    for field in resource.all_fields:
        if field.unindexed or field.name in by_hand or field.needs_column_sql:
            continue
        column = field.sort_key(quoted(field.column))
        if field.name in list_spec.sorts:
            is_unique = list_spec.sorts[field.name].unique
            keys = (column,) if is_unique else _with_key((column,), resource)
            yield Need(f"sort {field.name}", keys, is_ordered=not is_unique)
        for operator in field.operators:
            if not by_hand.intersection(field.filters_of(operator)):
                yield _need_of_filter(field, operator, column)
    searched = [field for field in resource.all_fields if field.search]
    if searched and "search" not in by_hand and not all(field.unindexed for field in searched):
        yield Need("filter search", (_words(list_spec.filters["search"], resource),), "gin")


def _need_of_filter(field: Field, operator: str, column: str) -> Need:
    what = f"filter {field.filter_name} ({operator})"
    if operator in ("has", "contains"):
        return Need(what, (column,), "gin")
    if operator == "prefix":
        operators = "bpchar_pattern_ops" if isinstance(field, Char) else "text_pattern_ops"
        return Need(what, (column,), operator_class=operators)
    return Need(what, (quoted(field.column) if operator == "is_null" else column,))


def _words(search: Filter, resource: Resource) -> str:
    """Return the expression of the words that `search` finds, without the table's alias."""
    words = search.condition[: search.condition.index(" @> ")]
    return re.sub(rf"\b{alias(resource)}\.", "", words)


def _with_key(columns: tuple[str, ...], resource: Resource) -> tuple[str, ...]:
    key = (quoted(field.column) for field in resource.keys)
    return tuple(dict.fromkeys((*columns, *key)))


def _unmet(
    need: Need, resource: str, name: str, condition: str, relations: Mapping[str, IndexedTable]
) -> Iterator[Missing]:
    relation = relations.get(name, IndexedTable("v", ()))
    if relation.kind in UNCHECKED or any(
        _meets(index, need, condition) for index in relation.indexes
    ):
        return
    concurrently = "" if relation.kind == PARTITIONED else " CONCURRENTLY"
    using = "" if need.method == "btree" else f" USING {need.method}"
    operators = f" {need.operator_class}" if need.operator_class else ""
    keys = ", ".join(need.keys)
    ddl = f"CREATE INDEX{concurrently} ON {qualified(name)}{using} ({keys}{operators})"
    yield Missing(resource, need.what, ddl)


def _meets(index: Index, need: Need, condition: str) -> bool:
    """Return whether the planner can use the index for this list."""
    count = len(need.keys)
    options = index.options[:count]
    return (
        index.method == need.method
        and _plain(index.predicate) in ("", _plain(condition))
        and [*map(_plain, index.keys[:count])] == [*map(_plain, need.keys)]
        and (not need.is_ordered or (len({*options}) == 1 and options[0] in NULLS_AS_EXPECTED))
        and (not need.operator_class or index.has_prefixes)
    )


def _plain(expression: str) -> str:
    """Return an expression without what PostgreSQL adds to it, such as casts and quotes."""
    without_casts = re.sub(r"::(character varying|\w+)(\(\d+\))?", "", expression)
    return re.sub(r"[\s()\"]|\bt_\.|\b[a-z]\.", "", without_casts).lower()

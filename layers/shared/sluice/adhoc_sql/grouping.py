"""Find the most rows that GROUP BY, DISTINCT and aggregates return, and their unique keys."""

from collections.abc import Iterator
from math import prod

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.rejection import reject
from sluice.adhoc_sql.scope import Column, Scope, UniqueKey, combinations, unqualified_name

MAX_GROUPING_SETS = 64  # of GROUPING SETS, CUBE and ROLLUP, multiplied
MAX_CUBE_COLUMNS = 20  # beyond this, the number of sets is not computed exactly


def group_rows(
    select: Node, outputs: list[Column], scope: Scope
) -> tuple[float, tuple[UniqueKey, ...]]:
    """Return the highest number of rows of a SELECT, and its unique keys."""
    rows = scope.rows
    keys: tuple[UniqueKey, ...] = ()
    groups = select.list("groupClause")
    if groups:
        sets = count_grouping_sets(groups)
        if sets > MAX_GROUPING_SETS:
            reject(f"it has {sets:,} grouping sets; the limit is {MAX_GROUPING_SETS}", select)
        names = {unqualified_name(node) for node in groups}
        grouped = [(name, estimate) for name, estimate in outputs if name in names]
        if sets == 1 and len(grouped) == len(groups):
            rows = min(rows, combinations(grouped))
            keys = (frozenset(name for name, _ in grouped),)
        rows *= sets
    elif _has_aggregate(select):
        rows, keys = 1, (frozenset(),)
    if select["distinctClause"] is not None and not select.list("distinctClause"):
        rows = min(rows, combinations(outputs))
        keys = (*keys, frozenset(name for name, _ in outputs))
    return rows, keys


def count_grouping_sets(groups: list[Node]) -> int:
    """Return the number of grouping sets of a GROUP BY: those of its items, multiplied."""
    return prod(_sets_of(group) for group in groups)


def _sets_of(group: Node) -> int:
    content = group.list("content")
    if group.kind != "GroupingSet" or group["kind"] == "GROUPING_SET_EMPTY":
        return 1
    if group["kind"] == "GROUPING_SET_CUBE":
        return 1 << min(len(content), MAX_CUBE_COLUMNS)
    if group["kind"] == "GROUPING_SET_ROLLUP":
        return len(content) + 1
    return sum(_sets_of(element) for element in content)


def _has_aggregate(select: Node) -> bool:
    """Return whether an aggregate makes the SELECT return one row. Window functions do not."""
    return any(
        node.kind == "FuncCall" and node["over"] is None and _is_aggregate(node)
        for target in select.list("targetList")
        for node in walk_without_subqueries(target)
    )


def _is_aggregate(call: Node) -> bool:
    name = str(call.list("funcname")[-1]["sval"])
    return bool(call["agg_star"]) or name in allowlist.AGGREGATES


def walk_without_subqueries(node: Node) -> Iterator[Node]:
    """Yield this node and the nodes below it, except those of subqueries."""
    yield node
    for child in node.children():
        if child.kind != "SelectStmt":
            yield from walk_without_subqueries(child)

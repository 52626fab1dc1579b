"""What GROUP BY, DISTINCT and aggregates make of the rows of FROM: how many stay at most, and what tells them apart."""

from collections.abc import Iterator

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.estimate import Value
from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.rejection import refuse
from sluice.adhoc_sql.scope import Frame, Key, bare

MAX_GROUPINGS = 64  # sets of GROUPING SETS, CUBE and ROLLUP, multiplied


def grouped(
    select: Node, outputs: list[tuple[str, Value]], frame: Frame
) -> tuple[float, tuple[Key, ...]]:
    """How many rows come of those of FROM, and which columns no two of them share."""
    rows = frame.rows
    keys: tuple[Key, ...] = ()
    groups = select.list("groupClause")
    if groups:
        sets = groupings(groups)
        if sets > MAX_GROUPINGS:
            refuse(f"it groups by {sets:,} sets of columns; {MAX_GROUPINGS} are the most", select)
        named = {bare(node) for node in groups}
        by_name = [(name, value) for name, value in outputs if name in named]
        if sets == 1 and len(by_name) == len(groups):
            rows = min(rows, _product(value.distinct for _, value in by_name))
            keys = (frozenset(name for name, _ in by_name),)
        rows *= sets
    elif _aggregates(select):
        rows, keys = 1, (frozenset(),)
    if select["distinctClause"] is not None and not select.list("distinctClause"):
        rows = min(rows, _product(value.distinct for _, value in outputs))
        keys = (*keys, frozenset(name for name, _ in outputs))
    return rows, keys


def _product(factors: Iterator[float]) -> float:
    product = 1.0
    for factor in factors:
        product *= factor
    return product


def groupings(groups: list[Node]) -> int:
    product = 1
    for group in groups:
        product *= _sets(group)
    return product


def _sets(group: Node) -> int:
    content = group.list("content")
    if group.kind != "GroupingSet" or group["kind"] == "GROUPING_SET_EMPTY":
        return 1
    if group["kind"] == "GROUPING_SET_CUBE":
        return 1 << min(len(content), 20)
    if group["kind"] == "GROUPING_SET_ROLLUP":
        return len(content) + 1
    return sum(_sets(element) for element in content)


def _aggregates(select: Node) -> bool:
    """Return whether an aggregate makes one row without GROUP BY. Window functions do not count."""
    return any(
        node.kind == "FuncCall" and node["over"] is None and _is_aggregate(node)
        for target in select.list("targetList")
        for node in own_nodes(target)
    )


def _is_aggregate(call: Node) -> bool:
    name = str(call.list("funcname")[-1]["sval"])
    return bool(call["agg_star"]) or name in allowlist.AGGREGATES


def own_nodes(node: Node) -> Iterator[Node]:
    """The nodes below one, but for those of subqueries."""
    yield node
    for child in node.children():
        if child.kind != "SelectStmt":
            yield from own_nodes(child)

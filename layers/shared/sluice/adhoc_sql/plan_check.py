"""Check the plan of a query before it runs: what it reads, its cost, and its memory.

The cost is not enough: PostgreSQL estimates almost no cost for a function that reads a table. So
the steps and the tables of the plan are checked, too. This is a second check: the validator should
have rejected such a query before.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias

from sluice.errors import QueryRejected, QueryTooExpensive

Plan: TypeAlias = Mapping[str, Any]  # a node of EXPLAIN (FORMAT JSON, VERBOSE)

# Bytes that all sorts keep in memory, together with all other steps before those use disk.
MAX_SORTED_BYTES = 64_000_000
MAX_HASHED_BYTES = 32_000_000  # of a subquery in a hash table, which cannot use disk
HASHED_SUBPLAN = "hashed SubPlan"
EQUALITY = re.compile(r"""("(?:[^"]|"")+"|\w+)\.(\w+) = ("(?:[^"]|"")+"|\w+)\.(\w+)\)""")
ALLOWED_NODE_TYPES = frozenset(
    {
        "Aggregate",
        "Append",
        "Bitmap Heap Scan",
        "Bitmap Index Scan",
        "BitmapAnd",
        "BitmapOr",
        "CTE Scan",
        "Function Scan",
        "Gather",
        "Gather Merge",
        "Group",
        "Hash",
        "Hash Join",
        "Incremental Sort",
        "Index Only Scan",
        "Index Scan",
        "Limit",
        "Materialize",
        "Memoize",
        "Merge Append",
        "Merge Join",
        "Nested Loop",
        "ProjectSet",
        "Result",
        "Seq Scan",
        "SetOp",
        "Sort",
        "Subquery Scan",
        "Unique",
        "Values Scan",
        "WindowAgg",
    }
)


def check_plan(
    plan: Plan, *, max_cost: float, tables: Collection[str], set_function: str, hashed: float
) -> float:
    """Return the total cost of a plan that may run.

    `set_function` is the only function that may be in FROM. `hashed` are the bytes of the largest
    subquery that PostgreSQL may keep in a hash table.

    Raises QueryRejected if a step or a table of the plan is not allowed, and QueryTooExpensive if
    the plan exceeds `max_cost` or MAX_HASHED_BYTES.
    """
    cost = float(plan.get("Total Cost", "inf"))
    members = {"cost": cost, "max_cost": max_cost}
    for node in plan_nodes(plan):
        function = node.get("Function Name", set_function)
        if node.get("Node Type") not in ALLOWED_NODE_TYPES or function != set_function:
            raise QueryRejected("its plan has a step that is not allowed")
        if "Relation Name" in node and (
            node["Schema"] != "public" or node["Relation Name"] not in tables
        ):
            raise QueryRejected("its plan reads a table that is not allowed")
    if hashed > MAX_HASHED_BYTES and any(HASHED_SUBPLAN in text for text in _strings(plan)):
        raise QueryTooExpensive(
            f"The query could keep {hashed:,.0f} bytes of a subquery in memory;"
            f" the limit is {MAX_HASHED_BYTES:,}",
            members=members,
        )
    if not cost <= max_cost:
        raise QueryTooExpensive(
            f"PostgreSQL estimates a cost of {cost:,.0f}; the limit is {max_cost:,.0f}",
            members=members,
        )
    return cost


def check_sorts(plan: Plan, *, largest: float, aggregates: float) -> None:
    """Raise QueryTooExpensive if the sorts of a plan could keep too much in memory.

    `largest` are the bytes of one sort, `aggregates` those of all sorts in aggregates.
    """
    sorts = sum(node["Node Type"] in ("Sort", "Incremental Sort") for node in plan_nodes(plan))
    sorted_bytes = sorts * largest + aggregates
    if sorted_bytes > MAX_SORTED_BYTES:
        raise QueryTooExpensive(
            f"The query could sort {sorted_bytes:,.0f} bytes in memory; the limit is"
            f" {MAX_SORTED_BYTES:,}. Use LIMIT in a subquery, or shorter values"
        )


def may_exceed_work_mem(plan: Plan, selective_columns: Collection[str]) -> bool:
    """Return whether a step may need more than work_mem for a hash table and cannot use disk.

    A hash join uses disk by splitting its rows by their keys. It cannot split rows with equal keys,
    but few rows have equal `selective_columns`. A hashed SetOp cannot use disk.
    """
    relations = {node["Alias"] for node in plan_nodes(plan) if "Relation Name" in node}
    for node in plan_nodes(plan):
        if node["Node Type"] == "SetOp" and node.get("Strategy") == "Hashed":
            return True
        condition = str(node.get("Hash Cond", ""))
        if node["Node Type"] == "Hash Join" and not _can_split(
            condition, relations, selective_columns
        ):
            return True
    return False


def _can_split(
    condition: str, relations: Collection[str], selective_columns: Collection[str]
) -> bool:
    for left, one, right, other in EQUALITY.findall(condition):
        aliases = {alias.strip('"').replace('""', '"') for alias in (left, right)}
        if aliases <= set(relations) and {one, other} <= set(selective_columns):
            return True
    return False


def plan_nodes(plan: Plan) -> Iterator[Plan]:
    """Yield every node of a plan, parents first."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from plan_nodes(child)


def _strings(plan: Any) -> Iterator[str]:
    """Yield every string in a plan."""
    if isinstance(plan, str):
        yield plan
    elif isinstance(plan, Mapping):
        for value in plan.values():
            yield from _strings(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from _strings(value)

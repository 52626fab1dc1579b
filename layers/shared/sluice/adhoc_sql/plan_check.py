"""Would an analyst's statement cost too much? What PostgreSQL means to do for it, judged before it is done.

Cost alone is no gate: a call of a function that reads a table costs nothing in it. So the plan is also looked at for
what it reads and how; all that was to be refused should have been before (analyst/), and here it is once more.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias

from sluice.errors import QueryRejected, QueryTooExpensive

Plan: TypeAlias = Mapping[str, Any]  # a node of EXPLAIN (FORMAT JSON, VERBOSE)

MAX_SORTED = (
    64_000_000  # bytes that all sorts keep in memory, and all other steps before they write to disk
)
MAX_HASHED = 32_000_000  # bytes of a subquery that is kept as a hash table: that never goes to disk
HASHED_SUBPLAN = "hashed SubPlan"
# Columns of which few rows share a value, so that a hash join can put parts of them on disk.
KEYS = frozenset({"id", "order_id", "product_id", "user_id", "name", "email", "slug"})
EQUALITY = re.compile(r"""("(?:[^"]|"")+"|\w+)\.(\w+) = ("(?:[^"]|"")+"|\w+)\.(\w+)\)""")
STEPS = frozenset(
    {
        *(
            "Seq Scan",
            "Index Scan",
            "Index Only Scan",
            "Bitmap Heap Scan",
            "Bitmap Index Scan",
            "BitmapAnd",
            "BitmapOr",
        ),
        *(
            "Function Scan",
            "Values Scan",
            "CTE Scan",
            "Subquery Scan",
            "Result",
            "Append",
            "Merge Append",
        ),
        *(
            "Nested Loop",
            "Hash Join",
            "Merge Join",
            "Hash",
            "Materialize",
            "Memoize",
            "Gather",
            "Gather Merge",
        ),
        *(
            "Sort",
            "Incremental Sort",
            "Aggregate",
            "WindowAgg",
            "Group",
            "Unique",
            "SetOp",
            "Limit",
            "ProjectSet",
        ),
    }
)


def judge(
    plan: Plan, *, max_cost: float, tables: Collection[str], series: str, hashed: float
) -> float:
    """The total cost of a plan that may be run. QueryTooExpensive, or QueryRejected for what it would touch.

    `hashed` are the bytes that the largest list of IN has at most, should the plan keep one in memory.
    """
    cost = float(plan.get("Total Cost", "inf"))
    members = {"cost": cost, "max_cost": max_cost}
    for node in nodes(plan):
        if node.get("Node Type") not in STEPS or node.get("Function Name", series) != series:
            raise QueryRejected("PostgreSQL would do for it what is not allowed")
        if "Relation Name" in node and (
            node["Schema"] != "public" or node["Relation Name"] not in tables
        ):
            raise QueryRejected("PostgreSQL would read for it what is not the shop's")
    if hashed > MAX_HASHED and any(HASHED_SUBPLAN in text for text in _texts(plan)):
        detail = f"It would keep up to {hashed:,.0f} bytes of a subquery in memory; {MAX_HASHED:,} are the most"
        raise QueryTooExpensive(detail, members=members)
    if not cost <= max_cost:
        detail = f"PostgreSQL estimates a cost of {cost:,.0f}; {max_cost:,.0f} is the most"
        raise QueryTooExpensive(detail, members=members)
    return cost


def check_sorts(plan: Plan, *, largest: float, aggregates: float) -> None:
    """QueryTooExpensive where the sorts of a plan, and those in its aggregates, would keep too much in memory."""
    sorts = sum(node["Node Type"] in ("Sort", "Incremental Sort") for node in nodes(plan))
    kept = sorts * largest + aggregates
    if kept > MAX_SORTED:
        raise QueryTooExpensive(
            f"It would sort up to {kept:,.0f} bytes in memory; {MAX_SORTED:,} are the most. "
            "Fewer rows, by LIMIT in a subquery, or shorter values make it less"
        )


def may_outgrow(plan: Plan) -> bool:
    """Does the plan hash what may not fit into work_mem, and cannot be put on disk in parts?

    A join by hashes can, unless its keys are all alike: those of KEYS are not. A hashed SetOp never can.
    """
    relations = {node["Alias"] for node in nodes(plan) if "Relation Name" in node}
    for node in nodes(plan):
        if node["Node Type"] == "SetOp" and node.get("Strategy") == "Hashed":
            return True
        if node["Node Type"] == "Hash Join" and not _splits(
            str(node.get("Hash Cond", "")), relations
        ):
            return True
    return False


def _splits(condition: str, relations: Collection[str]) -> bool:
    for left, one, right, other in EQUALITY.findall(condition):
        aliases = {alias.strip('"').replace('""', '"') for alias in (left, right)}
        if aliases <= set(relations) and {one, other} <= KEYS:
            return True
    return False


def nodes(plan: Plan) -> Iterator[Plan]:
    """Every node of a plan."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def _texts(plan: Any) -> Iterator[str]:
    if isinstance(plan, str):
        yield plan
    elif isinstance(plan, Mapping):
        for value in plan.values():
            yield from _texts(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from _texts(value)

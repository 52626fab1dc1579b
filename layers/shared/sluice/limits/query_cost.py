"""Would an analyst's statement cost too much? What PostgreSQL means to do for it, judged before it is done.

Cost alone is no gate: a call of a function that reads a table costs nothing in it. So the plan is also looked at for
what it reads and how; all that was to be refused should have been before (analyst/), and here it is once more.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias

from sluice.errors import QueryRefused, QueryTooExpensive

Plan: TypeAlias = Mapping[str, Any]  # a node of EXPLAIN (FORMAT JSON, VERBOSE)

MAX_GATHERED = 200_000_000  # bytes that aggregates may make values of, as estimated
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
        *("Function Scan", "Values Scan", "CTE Scan", "Subquery Scan", "Result", "Append", "Merge Append"),
        *("Nested Loop", "Hash Join", "Merge Join", "Hash", "Materialize", "Memoize", "Gather", "Gather Merge"),
        *("Sort", "Incremental Sort", "Aggregate", "WindowAgg", "Group", "Unique", "SetOp", "Limit", "ProjectSet"),
    }
)


def judge(
    plan: Plan, *, max_cost: float, tables: Collection[str], series: str, growth: int, gathers: int | None
) -> float:
    """The total cost of a plan that may be run. QueryTooExpensive, or QueryRefused for what it would touch.

    `growth` and `gathers` are guard.Statement's: what PostgreSQL does not see of how large values become.
    """
    cost = float(plan.get("Total Cost", "inf"))
    members = {"cost": cost, "max_cost": max_cost}
    gathered = 0.0
    for node, loops in nodes(plan):
        if node.get("Node Type") not in STEPS or node.get("Function Name", series) != series:
            raise QueryRefused("PostgreSQL would do for it what is not allowed")
        if "Relation Name" in node and (node["Schema"] != "public" or node["Relation Name"] not in tables):
            raise QueryRefused("PostgreSQL would read for it what is not the shop's")
        if gathers is not None and node["Node Type"] == "Aggregate":
            gathered += loops * growth * sum(c["Plan Rows"] * (c["Plan Width"] + gathers) for c in node["Plans"])
    if gathered > MAX_GATHERED:
        raise QueryTooExpensive("It would make one value of too many rows", members=members)
    if not cost <= max_cost:
        detail = f"PostgreSQL estimates a cost of {cost:,.0f}; {max_cost:,.0f} is the most"
        raise QueryTooExpensive(detail, members=members)
    return cost


def nodes(plan: Plan, loops: float = 1.0) -> Iterator[tuple[Plan, float]]:
    """Every node of a plan, and how often it would be run."""
    yield plan, loops
    children = plan.get("Plans", ())
    for child in children:
        again = loops
        if child.get("Parent Relationship") == "SubPlan":
            again *= max(1, plan["Plan Rows"])
        elif plan["Node Type"] == "Nested Loop" and child.get("Parent Relationship") == "Inner":
            again *= max(1, children[0]["Plan Rows"])
        yield from nodes(child, again)

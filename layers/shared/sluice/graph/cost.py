"""How much could a request return? Counted before anything runs: the nodes of each list at its largest, and theirs.

An object is one node; what only holds a list together (connections, edges, page info) is none. A list of `first` or
`last` has as many. Of the others: an order has up to 100 items and mostly a few, so ten are counted; a shop's
categories are as many as it has, so a hundred are. What a shop of more makes of a nested list is refused when they are
known (resolvers.py).
"""

from collections.abc import Sequence

from sluice.errors import QueryTooExpensive
from sluice.graph.connection import is_list, size_of
from sluice.graph.plan import Selected

UNSIZED = {("Query", "categories"): 100, ("Order", "items"): 10, ("Query", "salesAnalytics"): 366}
HOLDERS = ("ProductConnection", "OrderConnection", "ProductEdge", "OrderEdge", "PageInfo")


def cost_of(fields: Sequence[Selected]) -> int:
    """Nodes. InvalidParameter where the size of a list is none."""
    return sum(_cost(selected) for selected in fields)


def require_affordable(cost: int, limit: int) -> None:
    if cost > limit:
        raise QueryTooExpensive(f"This could return {cost} nodes; one request may ask for {limit}")


def _cost(selected: Selected) -> int:
    if selected.kind.object is None:
        return 0
    inner = cost_of(selected.fields)
    if is_list(selected):
        own = 0 if selected.kind.object in HOLDERS else 1
        return 1 + size_of(selected) * (own + inner)
    size = UNSIZED.get((selected.owner, selected.name), 1)
    return size * (inner + (0 if selected.kind.object in HOLDERS else 1))

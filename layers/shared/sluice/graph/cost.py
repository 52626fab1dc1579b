"""The cost of a request, calculated before anything runs: the nodes it could return, and the work of its statements.

One node is about 40 µs of work: 100 products with their categories take 8 ms. Prices of the rest were measured in the
same unit, with 100,000 products and 200,000 orders (docs/graphql.md). Nodes are multiplied along nested lists. Work is
not: a field is one statement for all the objects that it is asked of, and equal fields are computed once.
"""

from collections.abc import Hashable, Iterator, Sequence
from datetime import date

from sluice.errors import QueryTooExpensive
from sluice.graph.connection import is_list, size_of, wants_total
from sluice.graph.plan import PlannedField, key_of

# Lists without a size. An order has up to 100 items, and mostly a few. If a shop has more than 100 categories, a nested
# list that becomes too large is refused when they are known (resolvers.py).
UNSIZED = {("Query", "categories"): 100, ("Order", "items"): 10}
HOLDERS = ("ProductConnection", "OrderConnection", "ProductEdge", "OrderEdge", "PageInfo")

STATEMENT = 25  # of each list
FILTERED = 200  # more: a filter's index finds rows in an order of its own, which are then sorted
NESTED_SORT = (
    2_500  # more: no index has a category's products by name or time, so all products are sorted
)
TOTAL = 400  # every row of the list is counted
REPORT_DAY = 8  # all orders of the day are read
SCHEMA = 2_000  # graphql-core answers introspection
TYPE = 100

INDEXED_SORTS = ("price",)  # of the products of a category, beside the default
MAX_DAYS = 366


def cost_of(fields: Sequence[PlannedField]) -> int:
    """Return the cost of an operation. InvalidParameter if the size of a list is out of bounds."""
    work = dict(_work(fields, 1))
    return _nodes(fields) + sum(work.values())


def require_affordable(cost: int, limit: int) -> None:
    """QueryTooExpensive if the cost is over the limit."""
    if cost > limit:
        raise QueryTooExpensive(f"This request costs {cost}; one request may cost {limit}")


def _nodes(fields: Sequence[PlannedField]) -> int:
    return sum(_nodes_of(selected) for selected in fields)


def _nodes_of(selected: PlannedField) -> int:
    if selected.kind.object is None:
        return 0
    inner = _nodes(selected.fields)
    own = 0 if selected.kind.object in HOLDERS else 1
    if is_list(selected):
        return 1 + size_of(selected) * (own + inner)
    if selected.name == "salesAnalytics":
        return days_of(selected) * (own + inner)
    return UNSIZED.get((selected.owner, selected.name), 1) * (own + inner)


def _work(fields: Sequence[PlannedField], depth: int) -> Iterator[tuple[Hashable, int]]:
    """The price of each field that is a statement of its own. Equal fields of a level have one key."""
    for selected in fields:
        if is_list(selected):
            yield (depth, key_of(selected), "list"), _list(selected)
            if wants_total(selected):
                yield (depth, key_of(selected), "total"), TOTAL
        elif selected.name == "categories":
            yield (depth, key_of(selected)), STATEMENT
        elif selected.name == "salesAnalytics":
            yield (depth, key_of(selected)), days_of(selected) * REPORT_DAY
        elif selected.name in ("__schema", "__type"):  # not shared: each alias is answered alone
            yield (selected.owner, selected.key), SCHEMA if selected.name == "__schema" else TYPE
        yield from _work(selected.fields, depth + 1)


def _list(selected: PlannedField) -> int:
    price, arguments = STATEMENT, selected.arguments
    filters = arguments.get("filter") or {
        name: arguments.get(name) for name in ("userId", "status")
    }
    if any(value is not None for value in filters.values()):
        price += FILTERED
    sort = arguments.get("sortBy")
    if sort and selected.owner != "Query" and sort["field"] not in INDEXED_SORTS:
        price += NESTED_SORT
    return price


def days_of(report: PlannedField) -> int:
    """How many days a report covers. One that is out of bounds is refused before it is computed."""
    start, end = (date.fromisoformat(report.arguments[name]) for name in ("startDate", "endDate"))
    return min(max((end - start).days + 1, 1), MAX_DAYS)

"""Calculate the cost of an operation before it runs: its possible nodes, and its statements.

One unit is about 40 µs of work: 100 products with their categories take 8 ms. The costs of
statements were measured in the same unit, with 100,000 products and 200,000 orders
(docs/graphql.md). The nodes of nested lists are multiplied. Statements are not, because a field is
one statement for all its parent objects, and equal fields are read once.
"""

from collections.abc import Hashable, Iterator, Sequence
from datetime import date

from sluice.errors import QueryTooExpensive
from sluice.graph.connection import is_paginated, page_size, selects_total
from sluice.graph.plan import PlannedField, cache_key

# Assumed sizes of lists without `first`. An order has up to 100 items, and usually a few. If there
# are more categories, resolvers.py checks the nodes of a nested list again, with the real count.
UNPAGINATED_SIZES = {("Query", "categories"): 100, ("Order", "items"): 10}
# Types that hold a page's rows, and are not counted as nodes.
WRAPPER_TYPES = ("ProductConnection", "OrderConnection", "ProductEdge", "OrderEdge", "PageInfo")

LIST_COST = 25
# Added for filters: the index of a filter has another order, so PostgreSQL sorts the rows.
FILTER_COST = 200
# Added for a nested list sorted by name or time. No index has that order within a category, so
# PostgreSQL sorts all its products.
NESTED_SORT_COST = 2_500
TOTAL_COUNT_COST = 400  # counts every row of the list
SALES_DAY_COST = 8  # reads all orders of the day
SCHEMA_COST = 2_000  # graphql-core's executor resolves introspection
TYPE_COST = 100

INDEXED_SORTS = ("price",)  # of a category's products, besides the default
MAX_DAYS = 366


def calculate_cost(fields: Sequence[PlannedField]) -> int:
    """Return the cost of an operation. Raises InvalidParameter if a page size is out of bounds."""
    statement_costs = dict(_statement_costs(fields, 1))
    return _count_nodes(fields) + sum(statement_costs.values())


def check_cost(cost: int, limit: int) -> None:
    """Raise QueryTooExpensive if the cost is over the limit."""
    if cost > limit:
        raise QueryTooExpensive(f"This request costs {cost}; one request may cost {limit}")


def _count_nodes(fields: Sequence[PlannedField]) -> int:
    return sum(_nodes_of(field) for field in fields)


def _nodes_of(field: PlannedField) -> int:
    if field.info.object_type is None:
        return 0
    nodes_per_item = _count_nodes(field.fields)
    if field.info.object_type not in WRAPPER_TYPES:
        nodes_per_item += 1
    if is_paginated(field):
        return 1 + page_size(field) * nodes_per_item
    if field.name == "salesAnalytics":
        return report_days(field) * nodes_per_item
    return UNPAGINATED_SIZES.get((field.parent_type, field.name), 1) * nodes_per_item


def _statement_costs(fields: Sequence[PlannedField], depth: int) -> Iterator[tuple[Hashable, int]]:
    """Return the key and the cost of each statement. Equal fields of one level have one key."""
    for field in fields:
        if is_paginated(field):
            yield (depth, cache_key(field), "list"), _list_cost(field)
            if selects_total(field):
                yield (depth, cache_key(field), "total"), TOTAL_COUNT_COST
        elif field.name == "categories":
            yield (depth, cache_key(field)), LIST_COST
        elif field.name == "salesAnalytics":
            yield (depth, cache_key(field)), report_days(field) * SALES_DAY_COST
        elif field.name in ("__schema", "__type"):  # each alias is resolved again
            cost = SCHEMA_COST if field.name == "__schema" else TYPE_COST
            yield (field.parent_type, field.response_key), cost
        yield from _statement_costs(field.fields, depth + 1)


def _list_cost(field: PlannedField) -> int:
    cost = LIST_COST
    arguments = field.arguments
    filters = arguments.get("filter")
    if not filters:
        filters = {name: arguments.get(name) for name in ("userId", "status")}
    if any(value is not None for value in filters.values()):
        cost += FILTER_COST
    sort = arguments.get("sortBy")
    if sort and field.parent_type != "Query" and sort["field"] not in INDEXED_SORTS:
        cost += NESTED_SORT_COST
    return cost


def report_days(report: PlannedField) -> int:
    """Return how many days a report covers, 1 to MAX_DAYS.

    The resolver rejects other ranges before the report runs.
    """
    start = date.fromisoformat(report.arguments["startDate"])
    end = date.fromisoformat(report.arguments["endDate"])
    return min(max((end - start).days + 1, 1), MAX_DAYS)

"""Calculate the cost of an operation before it runs: its possible nodes, and its statements.

One unit is about 40 µs of work: 100 rows, each with a related row, take 8 ms. The costs of
statements were measured in the same unit, with lists of 100,000 and 200,000 rows
(docs/graphql.md). The nodes of nested lists are multiplied. Statements are not, because a field is
one statement for all its parent objects, and equal fields are read once.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence

from sluice.errors import QueryTooExpensive
from sluice.graph.connection import filters_of, is_paginated, page_size, selects_total
from sluice.graph.planned_field import PlannedField, cache_key

LIST_COST = 25
# Added for filters: the index of a filter has another order, so PostgreSQL sorts the rows.
FILTER_COST = 200
# Added for a nested list whose sort has no index: PostgreSQL sorts all rows of each parent.
NESTED_SORT_COST = 2_500
CALL_COST = 5  # of a function of the database, for each row on which it is called
TOTAL_COUNT_COST = 400  # counts every row of the list
# graphql-core's executor resolves introspection. Each alias is resolved again.
INTROSPECTION_COSTS = {"__schema": 2_000, "__type": 100}


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
    call = CALL_COST if field.info.declared.calls else 0
    if field.info.object_type is None:
        return call
    nodes_per_item = _count_nodes(field.fields)
    if not field.info.is_wrapper:
        nodes_per_item += 1
    if is_paginated(field):
        return 1 + page_size(field) * nodes_per_item
    return call + _evaluate(field.info.declared.size, field) * nodes_per_item


def _statement_costs(fields: Sequence[PlannedField], depth: int) -> Iterator[tuple[Hashable, int]]:
    """Return the key and the cost of each statement. Equal fields of one level have one key."""
    for field in fields:
        if is_paginated(field):
            yield (depth, cache_key(field), "list"), _list_cost(field)
            if selects_total(field):
                yield (depth, cache_key(field), "total"), TOTAL_COUNT_COST
        elif field.name in INTROSPECTION_COSTS:
            yield (field.parent_type, field.response_key), INTROSPECTION_COSTS[field.name]
        elif field.info.declared.calls:
            yield (depth, cache_key(field)), LIST_COST
        elif field.info.declared.cost:
            yield (depth, cache_key(field)), _evaluate(field.info.declared.cost, field)
        yield from _statement_costs(field.fields, depth + 1)


def _list_cost(field: PlannedField) -> int:
    cost = LIST_COST
    if filters_of(field):
        cost += FILTER_COST
    sort = field.arguments.get("sortBy")
    is_nested = field.parent_type != "Query"
    if sort and is_nested and sort["field"] not in field.info.returned.indexed_sorts:
        cost += NESTED_SORT_COST
    return cost


def _evaluate(value: int | Callable[[PlannedField], int], field: PlannedField) -> int:
    return value if isinstance(value, int) else value(field)

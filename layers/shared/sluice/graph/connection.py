"""Relay's connections: which part of a list their arguments ask for, and what its slice is shown as.

https://relay.dev/graphql/connections.htm
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn

from sluice.errors import FieldError, InvalidParameter
from sluice.graph.plan import PlannedField
from sluice.repositories.connections import RelayConnection
from sluice.repositories.list_spec import ListQuery

MOST = 100
TOTAL = "totalCount"


def is_list(selected: PlannedField) -> bool:
    """Does it take a size?"""
    return selected.kind.first is not None


def size_of(selected: PlannedField) -> int:
    """How many rows it asks for. InvalidParameter unless 1 to 100, by one of `first` and `last`."""
    first, last = selected.arguments.get("first"), selected.arguments.get("last")
    if last is not None:
        if first is not None and "first" in selected.given:
            _refuse("last", "cannot be combined with first")
        return _size("last", last)
    return _size("first", selected.kind.first if first is None else first)


def wants_total(selected: PlannedField) -> bool:
    return any(inner.name == TOTAL for inner in selected.fields)


def query_of(
    selected: PlannedField, fields: Collection[str], filters: Mapping[str, object] | None = None
) -> ListQuery:
    """What it asks of its list; `fields` are the rows', and TOTAL if the rows of the whole list are to be counted."""
    arguments = selected.arguments
    sort = arguments.get("sortBy")
    return ListQuery(
        limit=size_of(selected),
        sort=((sort["field"], sort["direction"] == "DESC"),) if sort else (),
        filters=filters or {},
        fields=frozenset(fields) - {TOTAL},
        after=arguments.get("after"),
        before=arguments.get("before"),
        from_end=arguments.get("last") is not None,
        include_total=TOTAL in fields,
    )


def nodes_of(selected: PlannedField) -> tuple[PlannedField, ...]:
    """What is asked of the rows, under `nodes` and under `edges`."""
    found: list[PlannedField] = []
    for inner in selected.fields:
        if inner.name == "nodes":
            found.extend(inner.fields)
        elif inner.name == "edges":
            found.extend(
                field for edge in inner.fields if edge.name == "node" for field in edge.fields
            )
    return tuple(found)


def _size(name: str, size: int | None) -> int:
    if size is None or not 1 <= size <= MOST:
        _refuse(name, f"must be from 1 to {MOST}")
    return size


def _refuse(name: str, message: str) -> NoReturn:
    raise InvalidParameter(errors=[FieldError("invalid", message, parameter=name)])


# An edge is its slice and its row.
Edge = tuple[RelayConnection, Mapping[str, Any]]


def edges(slices: Sequence[RelayConnection]) -> list[list[Edge]]:
    return [[(one, row) for row in one.rows] for one in slices]


def nodes(slices: Sequence[RelayConnection]) -> list[Sequence[Mapping[str, Any]]]:
    return [one.rows for one in slices]


def cursors(edges: Sequence[Edge]) -> list[str]:
    return [one.cursor(row) for one, row in edges]


def rows(edges: Sequence[Edge]) -> list[Mapping[str, Any]]:
    return [row for _, row in edges]


def end(slices: Sequence[RelayConnection], at: int) -> list[str | None]:
    """The cursor of the first row (0) or the last (-1)."""
    return [one.cursor(one.rows[at]) if one.rows else None for one in slices]

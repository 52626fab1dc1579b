"""Relay connections: read the arguments of a list field, and resolve the parts of a page.

https://relay.dev/graphql/connections.htm
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from sluice.errors import FieldError, InvalidParameter
from sluice.graph.part import GraphqlField
from sluice.graph.planned_field import PlannedField
from sluice.sql.list_spec import ListQuery

if TYPE_CHECKING:
    from sluice.sql.connections import RelayConnection

    Edge = tuple[RelayConnection, Mapping[str, Any]]  # a row, with the page that it is in

MAX_PAGE_SIZE = 100
PAGE_ARGUMENTS = ("first", "last", "after", "before", "sortBy")  # the others are filters
TOTAL_COUNT = "totalCount"
CURSORS = "cursors"  # stands for the keys of each row, among the columns to read


def is_paginated(field: PlannedField) -> bool:
    """Return whether the field is a list with `first`."""
    return field.info.default_first is not None


def page_size(field: PlannedField) -> int:
    """Return how many rows the field requests, by `first` or `last`.

    Raises InvalidParameter if it is not 1 to MAX_PAGE_SIZE, or if both are passed.
    """
    first, last = field.arguments.get("first"), field.arguments.get("last")
    if last is not None:
        if first is not None and "first" in field.explicit_args:
            _reject("last", "cannot be combined with first")
        return _check_size("last", last)
    return _check_size("first", field.info.default_first if first is None else first)


def filters_of(field: PlannedField) -> dict[str, Any]:
    """Return the filters of a list field: its arguments, and the fields of its `filter`.

    Nulls are left out.
    """
    given = {name: value for name, value in field.arguments.items() if name not in PAGE_ARGUMENTS}
    given |= given.pop("filter", None) or {}
    return {name: value for name, value in given.items() if value is not None}


def selects_total(field: PlannedField) -> bool:
    """Return whether the query selects the connection's totalCount."""
    return any(child.name == TOTAL_COUNT for child in field.fields)


def selects_cursors(field: PlannedField) -> bool:
    """Return whether the query selects a cursor, in the connection's edges or its pageInfo."""
    selected = {leaf.name for child in field.fields for leaf in child.fields}
    return not selected.isdisjoint(("cursor", "startCursor", "endCursor"))


def list_query(
    field: PlannedField, columns: Collection[str], filters: Mapping[str, object] | None = None
) -> ListQuery:
    """Return the ListQuery for a list field, which reads `columns` of its rows.

    With TOTAL_COUNT in `columns` the rows of the whole list are counted. Without CURSORS the rows
    have no keys, which are a fifth of a short row.
    """
    arguments = field.arguments
    sort = arguments.get("sortBy")
    return ListQuery(
        limit=page_size(field),
        sort=((sort["field"], sort["direction"] == "DESC"),) if sort else (),
        filters=filters or {},
        fields=frozenset(columns) - {TOTAL_COUNT, CURSORS},
        after=arguments.get("after"),
        before=arguments.get("before"),
        from_end=arguments.get("last") is not None,
        include_total=TOTAL_COUNT in columns,
        row_keys=CURSORS in columns,
    )


def row_fields(field: PlannedField) -> tuple[PlannedField, ...]:
    """Return the fields that the query selects of the rows to which the field leads.

    Of a connection they are under `nodes` and `edges`, and of an edge under `node`. The other
    fields of an edge are those of a link.
    """
    if not field.info.is_wrapper:
        return field.fields
    found: list[PlannedField] = []
    for child in field.fields:
        if child.info.object_type is None:
            found.append(child)
        elif child.name != "pageInfo":
            found.extend(row_fields(child))
    return tuple(found)


def _check_size(name: str, size: int | None) -> int:
    if size is None or not 1 <= size <= MAX_PAGE_SIZE:
        _reject(name, f"must be from 1 to {MAX_PAGE_SIZE}")
    return size


def _reject(name: str, message: str) -> NoReturn:
    raise InvalidParameter(errors=[FieldError("invalid", message, parameter=name)])


def _edges(pages: "Sequence[RelayConnection]") -> "list[list[Edge]]":
    return [[(page, row) for row in page.rows] for page in pages]


def _cursors(edges: "Sequence[Edge]") -> list[str]:
    return [page.cursor(row) for page, row in edges]


def _boundary_cursors(pages: "Sequence[RelayConnection]", index: int) -> list[str | None]:
    """Return the cursor of each page's first row (`index` 0) or last row (-1)."""
    return [page.cursor(page.rows[index]) if page.rows else None for page in pages]


# By the end of a type's name: the fields of the types of pages. All have REQUIRED_FIELDS.
WRAPPER_FIELDS = {
    "Connection": {
        "edges": GraphqlField(lambda _, __, pages: _edges(pages)),
        "nodes": GraphqlField(lambda _, __, pages: [page.rows for page in pages]),
        "pageInfo": GraphqlField(lambda _, __, pages: pages),
        TOTAL_COUNT: GraphqlField(lambda _, __, pages: [page.total for page in pages]),
    },
    "Edge": {
        "node": GraphqlField(lambda _, __, edges: [row for _, row in edges]),
        "cursor": GraphqlField(lambda _, __, edges: _cursors(edges)),
    },
    "PageInfo": {
        "hasNextPage": GraphqlField(lambda _, __, pages: [page.has_next for page in pages]),
        "hasPreviousPage": GraphqlField(lambda _, __, pages: [page.has_previous for page in pages]),
        "startCursor": GraphqlField(lambda _, __, pages: _boundary_cursors(pages, 0)),
        "endCursor": GraphqlField(lambda _, __, pages: _boundary_cursors(pages, -1)),
    },
}
REQUIRED_FIELDS = {
    "Connection": {"edges", "pageInfo"},
    "Edge": {"node", "cursor"},
    "PageInfo": {"hasNextPage", "hasPreviousPage"},
}

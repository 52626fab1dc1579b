"""Where the data of each field comes from.

A field that is not named here is the column of its name, `createdAt` of `created_at`. A resolver is given all objects
of a level (for a field of Query: one, None) and gives as many values, or what a loader will give.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sluice.errors import FieldError, InsufficientScope, InvalidParameter, QueryTooExpensive
from sluice.graph import connection
from sluice.graph.document import Operation
from sluice.graph.execution import Objects
from sluice.graph.field_collection import INTROSPECTION
from sluice.graph.introspection import introspect
from sluice.graph.loaders import Batch, Loaders, Pending
from sluice.graph.plan import PlannedField, key_of
from sluice.http.body import MAX_ID
from sluice.http.query_params import PARSERS, DateRangeParams
from sluice.repositories.analytics import AnalyticsRepository
from sluice.unit_of_work import Repositories

YEAR = DateRangeParams(max_days=366)

ALL = "all"  # the one key of a list that belongs to no object

CATALOGUE = "catalog:read"
# What it takes to be shown an object, whichever field leads to it.
SCOPES = {
    **dict.fromkeys(("Product", "ProductConnection", "Category"), CATALOGUE),
    **dict.fromkeys(("Order", "OrderConnection"), "orders:read"),
    "User": "users:read",
    "SalesDay": "analytics:read",
}


class ResolverContext:
    """One request's answers, from these repositories, to who has these scopes; `max_rows` bounds nested lists."""

    def __init__(
        self,
        operation: Operation,
        variables: Mapping[str, object],
        *,
        shop: Repositories,
        analytics: AnalyticsRepository,
        scopes: Collection[str],
        max_rows: int,
    ) -> None:
        self.operation = operation
        self.variables = variables
        self.shop = shop
        self.analytics = analytics
        self.loaders = Loaders()
        self._scopes = scopes
        self._max_rows = max_rows

    def resolve(self, selected: PlannedField, objects: Objects) -> Sequence[Any] | Pending:
        """InsufficientScope, and whatever the field's own resolver raises."""
        require_scope(selected, self._scopes)
        resolver = RESOLVERS.get((selected.owner, selected.name))
        if resolver is not None:
            return resolver(self, selected, objects)
        if selected.name == "__typename":
            return [selected.owner] * len(objects)
        column = column_of(selected.name)
        return [one[column] for one in objects]

    def products(self, ids: Sequence[int | None], selected: PlannedField) -> Pending:
        return self.loaders.of("products", self.shop.products.get_many).load(
            ids, fields_of(selected.fields)
        )

    def orders(self, ids: Sequence[int | None], selected: PlannedField) -> Pending:
        return self.loaders.of("orders", self.shop.orders.get_many).load(
            ids, fields_of(selected.fields)
        )

    def users(self, ids: Sequence[int | None], selected: PlannedField) -> Pending:
        return self.loaders.of("users", self.shop.users.get_many).load(
            ids, fields_of(selected.fields)
        )

    def once(
        self, selected: PlannedField, fields: Collection[str], read: Callable[[frozenset[str]], Any]
    ) -> Pending:
        """A field of Query: equal ones in one request are read once, with what all of them need."""
        loader = self.loaders.of(key_of(selected), lambda keys, fields: {ALL: read(fields)})
        return loader.load([ALL], fields)

    def nested(
        self, selected: PlannedField, objects: Objects, fields: Collection[str], batch: Batch
    ) -> Pending:
        """A list of each object's own, by the object's id. Equal lists are read once."""
        ids = [one["id"] for one in objects]
        size = connection.size_of(selected)
        if size * len(set(ids)) > self._max_rows:  # there are more of them than cost.py could know
            raise QueryTooExpensive(
                f"{selected.name} of {len(set(ids))} could be {size * len(set(ids))} nodes"
            )
        return self.loaders.of(key_of(selected), batch).load(ids, fields)


Resolver = Callable[[ResolverContext, PlannedField, Objects], Sequence[Any] | Pending]


def require_scope(selected: PlannedField, scopes: Collection[str]) -> None:
    """InsufficientScope. What a mutation gives back is part of what it did."""
    scope = (
        SCOPES.get(selected.kind.object or "")
        if selected.owner != "Mutation"
        else WRITES.get(selected.name)
    )
    if scope is not None and scope not in scopes:
        raise InsufficientScope(scope)


def require_scopes(fields: Sequence[PlannedField], scopes: Collection[str]) -> None:
    """InsufficientScope where any field in all of these would meet it."""
    for selected in fields:
        require_scope(selected, scopes)
        require_scopes(selected.fields, scopes)


def reads_catalogue(fields: Sequence[PlannedField]) -> bool:
    """Do these lead to products and categories alone? A reader that lacks a product may not be asked for its orders."""
    return all(
        SCOPES.get(selected.kind.object or "", CATALOGUE) == CATALOGUE
        and reads_catalogue(selected.fields)
        for selected in fields
    )


WRITES = {
    **dict.fromkeys(("createProduct", "updateProduct", "deleteProduct"), "catalog:write"),
    **dict.fromkeys(("placeOrder", "updateOrderStatus"), "orders:write"),
}


def id_of(text: str) -> int | None:
    """The id that a row could have; None where it can be nobody's."""
    return int(text) if re.fullmatch(r"\d{1,19}", text, re.ASCII) and int(text) <= MAX_ID else None


@cache
def column_of(name: str) -> str:
    """`createdAt` → `created_at`"""
    return re.sub("([A-Z])", lambda found: f"_{found[0].lower()}", name)


def fields_of(fields: Sequence[PlannedField]) -> frozenset[str]:
    """The columns that these need of their objects."""
    return frozenset(
        ["id", *(NEEDS.get((one.owner, one.name)) or column_of(one.name) for one in fields)]
    )


NEEDS = {("Order", "user"): "user_id"}


def _products(request: ResolverContext, selected: PlannedField, objects: Objects) -> Pending:
    filters = _product_filters(selected.arguments.get("filter") or {})
    read = request.shop.products.connection
    return request.once(
        selected, _wanted(selected), lambda f: read(connection.query_of(selected, f, filters))
    )


def _orders(request: ResolverContext, selected: PlannedField, objects: Objects) -> Pending:
    filters: dict[str, object] = {}
    if selected.arguments.get("userId") is not None:
        filters["user_id"] = id_of(selected.arguments["userId"]) or 0  # nobody's
    if selected.arguments.get("status") is not None:
        filters["status"] = selected.arguments["status"]
    read = request.shop.orders.connection
    return request.once(
        selected, _wanted(selected), lambda f: read(connection.query_of(selected, f, filters))
    )


def _wanted(selected: PlannedField) -> frozenset[str]:
    """What a connection needs of its list: the columns of its nodes, and its total."""
    columns = fields_of(connection.nodes_of(selected))
    return columns | {connection.TOTAL} if connection.wants_total(selected) else columns


def _product_filters(given: Mapping[str, Any]) -> dict[str, object]:
    filters: dict[str, object] = {}
    for name, value in given.items():
        if value is None:
            continue
        if name == "categoryId":
            value = id_of(value) or 0  # nobody's
        elif name == "search":
            try:
                value = PARSERS["search"](value)
            except ValueError as problem:
                raise InvalidParameter(
                    errors=[FieldError("invalid", str(problem), parameter=name)]
                ) from None
        filters[column_of(name)] = value
    return filters


def _category(request: ResolverContext, selected: PlannedField, objects: Objects) -> Pending:
    id, slug = selected.arguments.get("id"), selected.arguments.get("slug")
    categories, fields = request.shop.categories, fields_of(selected.fields)
    if id is not None and slug is None:
        return request.loaders.of("categories", categories.get_many).load([id_of(id)], fields)
    if slug is not None and id is None:
        return request.loaders.of("slugs", categories.get_many_by_slug).load([_text(slug)], fields)
    raise InvalidParameter(
        errors=[FieldError("invalid", "or slug must be given, and not both", parameter="id")]
    )


def _text(value: str) -> str | None:
    """What PostgreSQL can be asked about; None for what no text of it can be."""
    return (
        None
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value)
        else value
    )


def _categories(request: ResolverContext, selected: PlannedField, objects: Objects) -> Pending:
    return request.once(selected, fields_of(selected.fields), request.shop.categories.all)


def _sales(request: ResolverContext, selected: PlannedField, objects: Objects) -> Pending:
    asked = {
        "start_date": selected.arguments["startDate"],
        "end_date": selected.arguments["endDate"],
    }
    try:
        period = YEAR.read(asked)
    except InvalidParameter as error:
        names = {"start_date": "startDate", "end_date": "endDate"}
        errors = [
            replace(fault, parameter=names.get(fault.parameter or "", fault.parameter))
            for fault in error.errors
        ]
        raise InvalidParameter(errors=errors) from None
    return request.once(selected, (), lambda _: json.loads(f"[{request.analytics.sales(*period)}]"))


def _introspection(
    request: ResolverContext, selected: PlannedField, objects: Objects
) -> Sequence[Any]:
    return [introspect(request.operation, request.variables, selected)]


def _products_of_categories(
    request: ResolverContext, selected: PlannedField, objects: Objects
) -> Pending:
    def read(ids: Sequence[int], fields: frozenset[str]) -> Mapping[int, Any]:
        slices = request.shop.products.connections_by_parent(
            ids, connection.query_of(selected, fields)
        )
        return {id: one.rows for id, one in slices.items()}  # type: ignore[union-attr]  # it takes no cursor

    return request.nested(selected, objects, fields_of(selected.fields), read)


def _connections_of_categories(
    request: ResolverContext, selected: PlannedField, objects: Objects
) -> Pending:
    read = request.shop.products.connections_by_parent
    return request.nested(
        selected,
        objects,
        _wanted(selected),
        lambda ids, fields: read(ids, connection.query_of(selected, fields)),
    )


def _orders_of_users(request: ResolverContext, selected: PlannedField, objects: Objects) -> Pending:
    read = request.shop.orders.connections_by_parent
    return request.nested(
        selected,
        objects,
        _wanted(selected),
        lambda ids, fields: read(ids, connection.query_of(selected, fields)),
    )


RESOLVERS: dict[tuple[str, str], Resolver] = {
    ("Query", "products"): _products,
    ("Query", "product"): lambda request, selected, _: request.products(
        [id_of(selected.arguments["id"])], selected
    ),
    ("Query", "categories"): _categories,
    ("Query", "category"): _category,
    ("Query", "order"): lambda request, selected, _: request.orders(
        [id_of(selected.arguments["id"])], selected
    ),
    ("Query", "orders"): _orders,
    ("Query", "user"): lambda request, selected, _: request.users(
        [id_of(selected.arguments["id"])], selected
    ),
    ("Query", "salesAnalytics"): _sales,
    **dict.fromkeys((("Query", name) for name in INTROSPECTION), _introspection),
    ("Category", "products"): _products_of_categories,
    ("Category", "productsConnection"): _connections_of_categories,
    ("User", "orders"): _orders_of_users,
    ("Order", "user"): lambda request, selected, rows: request.users(
        [row["user_id"] for row in rows], selected
    ),
    ("OrderItem", "product"): lambda request, selected, rows: request.products(
        [row["product_id"] for row in rows], selected
    ),
    ("PageInfo", "hasNextPage"): lambda _, __, slices: [one.has_next for one in slices],
    ("PageInfo", "hasPreviousPage"): lambda _, __, slices: [one.has_previous for one in slices],
    ("PageInfo", "startCursor"): lambda _, __, slices: connection.end(slices, 0),
    ("PageInfo", "endCursor"): lambda _, __, slices: connection.end(slices, -1),
}
for _kind in ("Product", "Order"):
    RESOLVERS |= {
        (f"{_kind}Connection", "edges"): lambda _, __, slices: connection.edges(slices),
        (f"{_kind}Connection", "nodes"): lambda _, __, slices: connection.nodes(slices),
        (f"{_kind}Connection", "pageInfo"): lambda _, __, slices: slices,
        (f"{_kind}Connection", "totalCount"): lambda _, __, slices: [one.total for one in slices],
        (f"{_kind}Edge", "node"): lambda _, __, edges: connection.rows(edges),
        (f"{_kind}Edge", "cursor"): lambda _, __, edges: connection.cursors(edges),
    }

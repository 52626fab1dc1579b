"""Resolvers: read the value of each field, for all parent objects of a level at once.

A field without a resolver is read from the column of its name: `createdAt` is `created_at`. A
resolver gets the list of parent objects (for a field of Query, the list `[None]`). It returns one
value for each parent, or the Pending of a loader.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from shop.reports import ReportRepository
from sluice.errors import FieldError, InsufficientScope, InvalidParameter, QueryTooExpensive
from sluice.fields import MAX_ID
from sluice.graph import connection
from sluice.graph.document import Operation
from sluice.graph.execution import Objects
from sluice.graph.field_collection import INTROSPECTION_FIELDS
from sluice.graph.introspection import introspect
from sluice.graph.loaders import Batch, Loaders, Pending
from sluice.graph.plan import PlannedField, cache_key
from sluice.http.query_params import PARSERS, DateRangeParams
from sluice.unit_of_work import Repositories

SALES_PERIOD = DateRangeParams(max_days=366)

ROOT_KEY = "root"  # the loader key of a root field, whose parent has no id
NO_ID = 0  # no row has this id

CATALOG_READ = "catalog:read"
# The scope that a client needs to read an object of the type, by any field that returns it.
TYPE_SCOPES = {
    **dict.fromkeys(("Product", "ProductConnection", "Category"), CATALOG_READ),
    **dict.fromkeys(("Order", "OrderConnection"), "orders:read"),
    "User": "users:read",
    "SalesDay": "analytics:read",
}
MUTATION_SCOPES = {
    **dict.fromkeys(("createProduct", "updateProduct", "deleteProduct"), "catalog:write"),
    **dict.fromkeys(("placeOrder", "updateOrderStatus"), "orders:write"),
}
# The columns of fields that are resolved from a column of another name.
FIELD_COLUMNS = {("Order", "user"): "user_id"}


class ResolverContext:
    """The repositories, the loaders and the client's scopes, for the resolvers of one request.

    `max_rows` limits the rows of a nested list.
    """

    def __init__(
        self,
        operation: Operation,
        variables: Mapping[str, object],
        *,
        repositories: Repositories,
        replica_reads: Repositories,
        scopes: Collection[str],
        max_rows: int,
    ) -> None:
        self.operation = operation
        self.variables = variables
        self.repositories = repositories
        self.replica_reads = replica_reads
        self.loaders = Loaders()
        self._scopes = scopes
        self._max_rows = max_rows

    def resolve(self, field: PlannedField, parents: Objects) -> Sequence[Any] | Pending:
        """Return the field's value for each parent.

        Raises InsufficientScope, and what the field's resolver raises.
        """
        require_scope(field, self._scopes)
        resolver = RESOLVERS.get((field.parent_type, field.name))
        if resolver is not None:
            return resolver(self, field, parents)
        if field.name == "__typename":
            return [field.parent_type] * len(parents)
        column = column_name(field.name)
        return [parent[column] for parent in parents]

    def load_products(self, ids: Sequence[int | None], field: PlannedField) -> Pending:
        """Return the products with these ids."""
        loader = self.loaders.get("products", self.repositories.named("products").get_many)
        return loader.load(ids, columns_of(field.fields))

    def load_orders(self, ids: Sequence[int | None], field: PlannedField) -> Pending:
        """Return the orders with these ids."""
        loader = self.loaders.get("orders", self.repositories.named("orders").get_many)
        return loader.load(ids, columns_of(field.fields))

    def load_users(self, ids: Sequence[int | None], field: PlannedField) -> Pending:
        """Return the users with these ids."""
        loader = self.loaders.get("users", self.repositories.named("users").get_many)
        return loader.load(ids, columns_of(field.fields))

    def load_once(
        self,
        field: PlannedField,
        columns: Collection[str],
        read: Callable[[frozenset[str]], Any],
    ) -> Pending:
        """Return the value of a root field. Equal fields share one read of all their columns."""
        loader = self.loaders.get(cache_key(field), lambda keys, columns: {ROOT_KEY: read(columns)})
        return loader.load([ROOT_KEY], columns)

    def load_children(
        self, field: PlannedField, parents: Objects, columns: Collection[str], batch: Batch
    ) -> Pending:
        """Return the list of each parent, by the parent's id. Equal lists are read once.

        Raises QueryTooExpensive if the lists could have more than `max_rows` nodes. cost.py had to
        assume a number of parents.
        """
        ids = [parent["id"] for parent in parents]
        parent_count = len(set(ids))
        max_nodes = connection.page_size(field) * parent_count
        if max_nodes > self._max_rows:
            raise QueryTooExpensive(f"{field.name} of {parent_count} could be {max_nodes} nodes")
        return self.loaders.get(cache_key(field), batch).load(ids, columns)


Resolver = Callable[[ResolverContext, PlannedField, Objects], Sequence[Any] | Pending]


def require_scope(field: PlannedField, scopes: Collection[str]) -> None:
    """Raise InsufficientScope if the client may not read the field, or not run the mutation.

    The object that a mutation returns needs no scope for reading.
    """
    if field.parent_type == "Mutation":
        scope = MUTATION_SCOPES.get(field.name)
    else:
        scope = TYPE_SCOPES.get(field.info.object_type or "")
    if scope is not None and scope not in scopes:
        raise InsufficientScope(scope)


def require_scopes(fields: Sequence[PlannedField], scopes: Collection[str]) -> None:
    """Raise InsufficientScope if the client lacks the scope of any of the fields, at any depth."""
    for field in fields:
        require_scope(field, scopes)
        require_scopes(field.fields, scopes)


def reads_only_catalog(fields: Sequence[PlannedField]) -> bool:
    """Return whether the fields lead to products and categories only. Then the replica may be used.

    A request for other data reads everything from the primary, because the replica may not have
    the products of new orders yet.
    """
    return all(
        TYPE_SCOPES.get(field.info.object_type or "", CATALOG_READ) == CATALOG_READ
        and reads_only_catalog(field.fields)
        for field in fields
    )


def parse_id(text: str) -> int | None:
    """Return an ID as the id of a row, or None if no row can have it."""
    if not re.fullmatch(r"\d{1,19}", text, re.ASCII):
        return None
    number = int(text)
    return number if number <= MAX_ID else None


@cache
def column_name(field_name: str) -> str:
    """Return the name of a field's column: `createdAt` → `created_at`."""
    return re.sub("([A-Z])", lambda match: f"_{match[0].lower()}", field_name)


def columns_of(fields: Sequence[PlannedField]) -> frozenset[str]:
    """Return the columns of the parent objects that these fields need."""
    columns = ["id"]
    for field in fields:
        column = FIELD_COLUMNS.get((field.parent_type, field.name))
        columns.append(column or column_name(field.name))
    return frozenset(columns)


def _products(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    filters = _product_filters(field.arguments.get("filter") or {})
    read = context.repositories.named("products").connection
    return context.load_once(
        field,
        _connection_columns(field),
        lambda columns: read(connection.list_query(field, columns, filters)),
    )


def _orders(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    filters: dict[str, object] = {}
    if field.arguments.get("userId") is not None:
        filters["user_id"] = parse_id(field.arguments["userId"]) or NO_ID
    if field.arguments.get("status") is not None:
        filters["status"] = field.arguments["status"]
    read = context.repositories.named("orders").connection
    return context.load_once(
        field,
        _connection_columns(field),
        lambda columns: read(connection.list_query(field, columns, filters)),
    )


def _connection_columns(field: PlannedField) -> frozenset[str]:
    """Return the columns of a connection's nodes, and TOTAL_COUNT if the total is selected."""
    columns = columns_of(connection.node_fields(field))
    return columns | {connection.TOTAL_COUNT} if connection.selects_total(field) else columns


def _product_filters(arguments: Mapping[str, Any]) -> dict[str, object]:
    filters: dict[str, object] = {}
    for name, value in arguments.items():
        if value is None:
            continue
        if name == "categoryId":
            value = parse_id(value) or NO_ID
        elif name == "search":
            try:
                value = PARSERS["search"](value)
            except ValueError as problem:
                error = FieldError("invalid", str(problem), parameter=name)
                raise InvalidParameter(errors=[error]) from None
        filters[column_name(name)] = value
    return filters


def _category(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    id, slug = field.arguments.get("id"), field.arguments.get("slug")
    categories, columns = context.repositories.named("categories"), columns_of(field.fields)
    if id is not None and slug is None:
        loader = context.loaders.get("categories", categories.get_many)
        return loader.load([parse_id(id)], columns)
    if slug is not None and id is None:
        loader = context.loaders.get("slugs", categories.get_many_by_slug)
        return loader.load([_storable_text(slug)], columns)
    error = FieldError("invalid", "or slug must be given, and not both", parameter="id")
    raise InvalidParameter(errors=[error])


def _storable_text(value: str) -> str | None:
    """Return the text, or None if PostgreSQL cannot store it: NUL and lone surrogates."""
    has_surrogates = any("\ud800" <= character <= "\udfff" for character in value)
    return None if "\0" in value or has_surrogates else value


def _categories(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    return context.load_once(
        field, columns_of(field.fields), context.repositories.named("categories").all
    )


def _sales(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    dates = {
        "start_date": field.arguments["startDate"],
        "end_date": field.arguments["endDate"],
    }
    try:
        period = SALES_PERIOD.read(dates)
    except InvalidParameter as error:
        names = {"start_date": "startDate", "end_date": "endDate"}
        errors = [
            replace(
                field_error,
                parameter=names.get(field_error.parameter or "", field_error.parameter),
            )
            for field_error in error.errors
        ]
        raise InvalidParameter(errors=errors) from None
    return context.load_once(
        field,
        (),
        lambda _: json.loads(f"[{context.replica_reads.get(ReportRepository).sales(*period)}]"),
    )


def _introspection(
    context: ResolverContext, field: PlannedField, parents: Objects
) -> Sequence[Any]:
    return [introspect(context.operation, context.variables, field)]


def _products_of_categories(
    context: ResolverContext, field: PlannedField, parents: Objects
) -> Pending:
    def read(ids: Sequence[int], columns: frozenset[str]) -> Mapping[int, Any]:
        query = connection.list_query(field, columns)
        pages = context.repositories.named("products").connections_by_parent(ids, query)
        # No page is an InvalidCursor, because the query has no cursor.
        return {id: page.rows for id, page in pages.items()}

    return context.load_children(field, parents, columns_of(field.fields), read)


def _connections_of_categories(
    context: ResolverContext, field: PlannedField, parents: Objects
) -> Pending:
    read = context.repositories.named("products").connections_by_parent
    return context.load_children(
        field,
        parents,
        _connection_columns(field),
        lambda ids, columns: read(ids, connection.list_query(field, columns)),
    )


def _orders_of_users(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    read = context.repositories.named("orders").connections_by_parent
    return context.load_children(
        field,
        parents,
        _connection_columns(field),
        lambda ids, columns: read(ids, connection.list_query(field, columns)),
    )


RESOLVERS: dict[tuple[str, str], Resolver] = {
    ("Query", "products"): _products,
    ("Query", "product"): lambda context, field, _: context.load_products(
        [parse_id(field.arguments["id"])], field
    ),
    ("Query", "categories"): _categories,
    ("Query", "category"): _category,
    ("Query", "order"): lambda context, field, _: context.load_orders(
        [parse_id(field.arguments["id"])], field
    ),
    ("Query", "orders"): _orders,
    ("Query", "user"): lambda context, field, _: context.load_users(
        [parse_id(field.arguments["id"])], field
    ),
    ("Query", "salesAnalytics"): _sales,
    **dict.fromkeys((("Query", name) for name in INTROSPECTION_FIELDS), _introspection),
    ("Category", "products"): _products_of_categories,
    ("Category", "productsConnection"): _connections_of_categories,
    ("User", "orders"): _orders_of_users,
    ("Order", "user"): lambda context, field, orders: context.load_users(
        [order["user_id"] for order in orders], field
    ),
    ("OrderItem", "product"): lambda context, field, items: context.load_products(
        [item["product_id"] for item in items], field
    ),
    ("PageInfo", "hasNextPage"): lambda _, __, pages: [page.has_next for page in pages],
    ("PageInfo", "hasPreviousPage"): lambda _, __, pages: [page.has_previous for page in pages],
    ("PageInfo", "startCursor"): lambda _, __, pages: connection.boundary_cursors(pages, 0),
    ("PageInfo", "endCursor"): lambda _, __, pages: connection.boundary_cursors(pages, -1),
}
for _type in ("Product", "Order"):
    RESOLVERS |= {
        (f"{_type}Connection", "edges"): lambda _, __, pages: connection.edges(pages),
        (f"{_type}Connection", "nodes"): lambda _, __, pages: connection.nodes(pages),
        (f"{_type}Connection", "pageInfo"): lambda _, __, pages: pages,
        (f"{_type}Connection", "totalCount"): lambda _, __, pages: [page.total for page in pages],
        (f"{_type}Edge", "node"): lambda _, __, edges: connection.rows(edges),
        (f"{_type}Edge", "cursor"): lambda _, __, edges: connection.cursors(edges),
    }

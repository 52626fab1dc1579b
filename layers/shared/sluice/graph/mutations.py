"""Resolve mutations with the repositories and use cases of the REST API.

Their repositories belong to one transaction, which is committed only if all mutations succeed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shop import ordering, schemas
from sluice.errors import NotFound
from sluice.fields import BodySchema
from sluice.graph.execution import ExecutionResult, Objects, execute
from sluice.graph.loaders import Pending
from sluice.graph.plan import PlannedField
from sluice.graph.resolvers import NO_ID, RESOLVERS, ResolverContext, column_name, parse_id


class IdField:
    """Read a GraphQL ID as a row's id. An ID that no row can have becomes NO_ID."""

    def read(self, value: object, at: str) -> int | None:
        return None if value is None else _row_id(str(value))


PRODUCT = BodySchema(
    {**schemas.PRODUCT, "category_id": IdField(), "inventory": schemas.STOCK},
    optional=("description", "inventory"),
)


def run_mutations(fields: Sequence[PlannedField], context: ResolverContext) -> ExecutionResult:
    """Run the mutations one after another, until one fails.

    If one fails, the result has no data, because the caller rolls the transaction back.
    """
    data: dict[str, Any] = {}
    for field in fields:
        context.loaders.clear()
        result = execute([field], context)
        if result.errors or result.data is None:
            return ExecutionResult(None, result.errors)
        data |= result.data
    return ExecutionResult(data)


def _create_product(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    values = PRODUCT.read_body(_input(field), "POST")
    product = context.repositories.named("products").create(values)
    return context.load_products([product.id], field)


def _update_product(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    changes = PRODUCT.read_body(_input(field), "PATCH")
    product_id = _row_id(field.arguments["id"])
    expected_version = field.arguments.get("ifVersion")
    products = context.repositories.named("products")
    try:
        if expected_version is None:
            products.update(product_id, changes)
        else:
            products.update_version(product_id, changes, expected_version)
    except NotFound:
        return context.load_products([None], field)
    return context.load_products([product_id], field)


def _delete_product(
    context: ResolverContext, field: PlannedField, parents: Objects
) -> Sequence[bool]:
    try:
        context.repositories.named("products").delete(_row_id(field.arguments["id"]))
    except NotFound:
        return [False]
    return [True]


def _place_order(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    values = _input(field)
    items = [
        {"product_id": _row_id(item["productId"]), "quantity": item["quantity"]}
        for item in values["items"]
    ]
    body = {"user_id": _row_id(values["user_id"]), "items": items}
    new_order = schemas.NEW_ORDER.read_body(body, "POST")
    quantities = [(item["product_id"], item["quantity"]) for item in new_order["items"]]
    order = ordering.place_order(context.repositories, new_order["user_id"], quantities)
    return context.load_orders([order.id], field)


def _update_order_status(
    context: ResolverContext, field: PlannedField, parents: Objects
) -> Pending:
    order_id = _row_id(field.arguments["id"])
    ordering.change_status(context.repositories, order_id, field.arguments["status"])
    return context.load_orders([order_id], field)


def _input(field: PlannedField) -> Mapping[str, Any]:
    """Return the argument `input`, with column names as keys."""
    return {column_name(name): value for name, value in field.arguments["input"].items()}


def _row_id(text: str) -> int:
    return parse_id(text) or NO_ID


RESOLVERS |= {
    ("Mutation", "createProduct"): _create_product,
    ("Mutation", "updateProduct"): _update_product,
    ("Mutation", "deleteProduct"): _delete_product,
    ("Mutation", "placeOrder"): _place_order,
    ("Mutation", "updateOrderStatus"): _update_order_status,
}

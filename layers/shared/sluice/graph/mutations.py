"""What mutations do: each through the repository or use case that REST has for it.

They are given the repositories of one transaction, which is kept only where all of them succeed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sluice import ordering
from sluice.errors import NotFound
from sluice.graph.execution import ExecutionResult, Objects, execute
from sluice.graph.loaders import Pending
from sluice.graph.plan import PlannedField
from sluice.graph.resolvers import RESOLVERS, ResolverContext, column_of, id_of
from sluice.http import schemas
from sluice.http.body import BodySchema

NOBODY = 0  # the id of no row


class Id:
    """An ID as a row's number. One that can be no row's is NOBODY, which the database does not know either."""

    def read(self, value: object, at: str) -> int | None:
        return None if value is None else _id(str(value))


PRODUCT = BodySchema(
    {**schemas.PRODUCT, "category_id": Id(), "inventory": schemas.STOCK},
    optional=("description", "inventory"),
)


def mutate(fields: Sequence[PlannedField], request: ResolverContext) -> ExecutionResult:
    """One after the other, until one fails. Where there are errors there is no data: nothing may be kept then."""
    data: dict[str, Any] = {}
    for selected in fields:
        request.loaders.forget()
        result = execute([selected], request)
        if result.errors or result.data is None:
            return ExecutionResult(None, result.errors)
        data |= result.data
    return ExecutionResult(data)


def _create_product(request: ResolverContext, selected: PlannedField, objects: Objects) -> Pending:
    record = request.shop.products.create(PRODUCT.read_body(_input(selected), "POST"))
    return request.products([record.id], selected)


def _update_product(request: ResolverContext, selected: PlannedField, objects: Objects) -> Pending:
    changes = PRODUCT.read_body(_input(selected), "PATCH")
    id, version, products = (
        _id(selected.arguments["id"]),
        selected.arguments.get("ifVersion"),
        request.shop.products,
    )
    try:
        if version is None:
            products.update(id, changes)
        else:
            products.update_version(id, changes, version)
    except NotFound:
        return request.products([None], selected)
    return request.products([id], selected)


def _delete_product(
    request: ResolverContext, selected: PlannedField, objects: Objects
) -> Sequence[bool]:
    try:
        request.shop.products.delete(_id(selected.arguments["id"]))
    except NotFound:
        return [False]
    return [True]


def _place_order(request: ResolverContext, selected: PlannedField, objects: Objects) -> Pending:
    given = _input(selected)
    items = [
        {"product_id": _id(item["productId"]), "quantity": item["quantity"]}
        for item in given["items"]
    ]
    order = schemas.NEW_ORDER.read_body({"user_id": _id(given["user_id"]), "items": items}, "POST")
    wanted = [(item["product_id"], item["quantity"]) for item in order["items"]]
    return request.orders(
        [ordering.place_order(request.shop, order["user_id"], wanted).id], selected
    )


def _update_order_status(
    request: ResolverContext, selected: PlannedField, objects: Objects
) -> Pending:
    id = _id(selected.arguments["id"])
    ordering.change_status(request.shop, id, selected.arguments["status"])
    return request.orders([id], selected)


def _input(selected: PlannedField) -> Mapping[str, Any]:
    return {column_of(name): value for name, value in selected.arguments["input"].items()}


def _id(text: str) -> int:
    return id_of(text) or NOBODY


RESOLVERS |= {
    ("Mutation", "createProduct"): _create_product,
    ("Mutation", "updateProduct"): _update_product,
    ("Mutation", "deleteProduct"): _delete_product,
    ("Mutation", "placeOrder"): _place_order,
    ("Mutation", "updateOrderStatus"): _update_order_status,
}

"""The shop's mutations, with the repositories and rules of the REST API."""

from collections.abc import Sequence

from shop.products import PRODUCTS
from sluice.errors import NotFound
from sluice.graph.execution import Objects
from sluice.graph.loaders import Pending
from sluice.graph.mutations import IdField, input_of
from sluice.graph.part import Field
from sluice.graph.planned_field import PlannedField
from sluice.graph.resolvers import ResolverContext, row_id
from sluice.http.body import BodySchema, body_of_new

PRODUCT = BodySchema(
    [
        *(PRODUCTS.by_name[name] for name in ("name", "description", "price")),
        IdField("category_id"),
        PRODUCTS.by_name["inventory"],
    ],
    optional=("description", "inventory"),
)


def _create_product(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    values = PRODUCT.read_body(input_of(field), "POST")
    product = context.repositories.named("products").create(values)
    return context.load("products", [product.id], field)


def _update_product(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    changes = PRODUCT.read_body(input_of(field), "PATCH")
    product_id = row_id(field.arguments["id"])
    expected_version = field.arguments.get("ifVersion")
    products = context.repositories.named("products")
    try:
        if expected_version is None:
            products.update(product_id, changes)
        else:
            products.update_version(product_id, changes, expected_version)
    except NotFound:
        return context.load("products", [None], field)
    return context.load("products", [product_id], field)


def _delete_product(
    context: ResolverContext, field: PlannedField, parents: Objects
) -> Sequence[bool]:
    try:
        context.repositories.named("products").delete(row_id(field.arguments["id"]))
    except NotFound:
        return [False]
    return [True]


def _place_order(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
    from shop.ordering import place_order  # loaded by the first order
    from shop.orders import ORDERS

    values = input_of(field)
    items = [
        {"product_id": row_id(item["productId"]), "quantity": item["quantity"]}
        for item in values["items"]
    ]
    body = {"user_id": row_id(values["user_id"]), "items": items}
    new_order = body_of_new(ORDERS).read_body(body, "POST")
    quantities = [(item["product_id"], item["quantity"]) for item in new_order["items"]]
    order = place_order(context.repositories, new_order["user_id"], quantities)
    return context.load("orders", [order.id], field)


def _update_order_status(
    context: ResolverContext, field: PlannedField, parents: Objects
) -> Pending:
    from shop.ordering import change_status

    order_id = row_id(field.arguments["id"])
    change_status(context.repositories, order_id, field.arguments["status"])
    return context.load("orders", [order_id], field)


MUTATIONS = {
    ("Mutation", "createProduct"): Field(_create_product, scope="catalog:write"),
    ("Mutation", "updateProduct"): Field(_update_product, scope="catalog:write"),
    ("Mutation", "deleteProduct"): Field(_delete_product, scope="catalog:write"),
    ("Mutation", "placeOrder"): Field(_place_order, scope="orders:write"),
    ("Mutation", "updateOrderStatus"): Field(_update_order_status, scope="orders:write"),
}

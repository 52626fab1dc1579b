"""The mutations of orders, with the rules of the REST API."""

from sluice.graph.execution import Objects
from sluice.graph.loaders import Pending
from sluice.graph.mutations import input_of
from sluice.graph.part import GraphqlField
from sluice.graph.planned_field import PlannedField
from sluice.graph.resolvers import ResolverContext, row_id
from sluice.http.body import body_of_new
from sluice.sql.key import of_representation


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
    return context.load("orders", [of_representation(ORDERS.keys, order.id)], field)


def _update_order_status(
    context: ResolverContext, field: PlannedField, parents: Objects
) -> Pending:
    from shop.ordering import change_status

    order_id = row_id(field.arguments["id"])
    change_status(context.repositories, order_id, field.arguments["status"])
    return context.load("orders", [(order_id,)], field)


MUTATIONS = {
    ("Mutation", "placeOrder"): GraphqlField(_place_order, scope="orders:write"),
    ("Mutation", "updateOrderStatus"): GraphqlField(_update_order_status, scope="orders:write"),
}

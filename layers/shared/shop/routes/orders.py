"""/api/orders: the orders of users. An order takes stock; cancelling it returns the stock."""

from typing import Any

from shop import ordering
from shop.orders import ORDERS, ImmutableFields, OrderRepository
from sluice import runtime
from sluice.http import idempotency, responses
from sluice.http.body import BodySchema
from sluice.http.conditional import precondition
from sluice.http.request import Request
from sluice.http.resource_routes import resource_api
from sluice.http.response import Response
from sluice.kinds.choice import Choice

READ_ONLY = [
    field.name for field in ORDERS.all_fields if field.read_only and field.name != "status"
]
NEW_ORDER = BodySchema(
    ORDERS.writable,
    immutable=[Choice("status", ("pending",))],  # the status of each new order
    read_only=READ_ONLY,
)
STATUS_UPDATE = BodySchema(
    [ORDERS.by_name["status"]], immutable=ORDERS.writable, read_only=READ_ONLY
)

api = resource_api(
    OrderRepository,
    texts={"get_order": "Get an order with its items."},
    without=("create_order", "update_order"),
)


@api.post("/api/orders", body=NEW_ORDER, response=OrderRepository.projection)
def place_order(request: Request, order: dict[str, Any]) -> Response:
    """Place an order. It takes the stock and fixes the prices of all items, or fails as a whole."""
    current = runtime.current()
    items = [(item["product_id"], item["quantity"]) for item in order["items"]]
    return idempotency.create(
        request,
        current.idempotency,
        ORDERS.keys,
        lambda key: ordering.place_order(current, order["user_id"], items, key),
    )


@api.patch("/api/orders/<id>", body=STATUS_UPDATE, response=OrderRepository.projection)
def update_order_status(request: Request, update: dict[str, Any], id: int) -> Response:
    """Update the status of an order. Cancelling it returns its stock."""
    order = ordering.change_status(
        runtime.current(),
        id,
        update.get("status"),
        precondition(request),
        _immutable_fields(update),
    )
    return responses.ok(request, order)


def _immutable_fields(update: dict[str, Any]) -> ImmutableFields:
    """Return the fields other than the status, if the client sent back the order from a GET."""
    items = update.get("items")
    if items is None:
        return ImmutableFields(update.get("user_id"), None)
    pairs = [(item["product_id"], item["quantity"]) for item in items]
    return ImmutableFields(update.get("user_id"), ordering.merge_items(pairs))

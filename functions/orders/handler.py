"""/api/orders: the orders of users. An order takes stock; cancelling it returns the stock."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from shop import ordering
from shop.fields import STATUSES
from shop.orders import LIST_SPEC, PROJECTION, ImmutableFields, OrderRepository
from shop.schemas import NEW_ORDER, ORDER_READ_ONLY
from sluice import runtime
from sluice.fields import BodySchema, Choice
from sluice.http import idempotency, responses
from sluice.http.conditional import precondition
from sluice.http.request import Request
from sluice.http.router import Api
from sluice.sql.list_spec import ListQuery

STATUS_UPDATE = BodySchema(
    {"status": Choice(STATUSES, example="paid")},
    immutable=NEW_ORDER.fields,
    read_only=ORDER_READ_ONLY,
    update_example={"status": "delivered"},
)

handler = api = Api(runtime=runtime.current, scope="orders")


def _orders() -> OrderRepository:
    return runtime.current().get(OrderRepository)


@api.get("/api/orders", response=LIST_SPEC)
def list_orders(request: Request, query: ListQuery) -> Response[str]:
    """List orders."""
    return responses.page(request, _orders().page(query), query.limit)


@api.post("/api/orders", body=NEW_ORDER, response=PROJECTION)
def place_order(request: Request, order: dict[str, Any]) -> Response[str]:
    """Place an order. It takes the stock and fixes the prices of all items, or fails as a whole."""
    current = runtime.current()
    items = [(item["product_id"], item["quantity"]) for item in order["items"]]
    return idempotency.create(
        request,
        current.idempotency,
        lambda key: ordering.place_order(current, order["user_id"], items, key),
    )


@api.get("/api/orders/<id>", response=PROJECTION)
def get_order(request: Request, fields: frozenset[str] | None, id: int) -> Response[str]:
    """Get an order with its items."""
    return responses.ok(request, _orders().get_by_id(id, fields))


@api.patch("/api/orders/<id>", body=STATUS_UPDATE, response=PROJECTION)
def update_order_status(request: Request, update: dict[str, Any], id: int) -> Response[str]:
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

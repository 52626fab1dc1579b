"""/api/orders: what users have ordered. Placing one takes the stock; its status moves forward, or is cancelled."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from sluice import ordering, runtime
from sluice.http import idempotency, responses
from sluice.http.body import BodySchema, Choice
from sluice.http.conditional import precondition
from sluice.http.request import Request
from sluice.http.router import Api
from sluice.http.schemas import NEW_ORDER, ORDER_READ_ONLY
from sluice.repositories.list_spec import ListQuery
from sluice.repositories.orders import LIST_SPEC, PROJECTION, STATUSES, ImmutableFields

MOVE = BodySchema(
    {"status": Choice(STATUSES, example="paid")},
    immutable=NEW_ORDER.fields,
    read_only=ORDER_READ_ONLY,
    update_example={"status": "delivered"},
)

handler = api = Api(runtime=runtime.current, scope="orders")


@api.get("/api/orders", response=LIST_SPEC)
def list_orders(request: Request, query: ListQuery) -> Response[str]:
    """List orders, a page at a time."""
    return responses.page(request, runtime.current().orders.page(query), query.limit)


@api.post("/api/orders", body=NEW_ORDER, response=PROJECTION)
def place_order(request: Request, order: dict[str, Any]) -> Response[str]:
    """Place an order: takes the stock and fixes the prices, all or nothing."""
    shop, user_id = runtime.current(), order["user_id"]
    items = [(item["product_id"], item["quantity"]) for item in order["items"]]
    return idempotency.create(
        request, shop.idempotency, lambda key: ordering.place_order(shop, user_id, items, key)
    )


@api.get("/api/orders/<id>", response=PROJECTION)
def get_order(request: Request, fields: frozenset[str] | None, id: int) -> Response[str]:
    """Get an order with its items."""
    return responses.ok(request, runtime.current().orders.get_by_id(id, fields))


@api.patch("/api/orders/<id>", body=MOVE, response=PROJECTION)
def move_order(request: Request, move: dict[str, Any], id: int) -> Response[str]:
    """Move an order to another status; cancelling it returns its stock."""
    order = ordering.change_status(
        runtime.current(), id, move.get("status"), precondition(request), _repeated(move)
    )
    return responses.ok(request, order)


def _repeated(move: dict[str, Any]) -> ImmutableFields:
    """What a body holds beside the status: GET's response, sent back."""
    items = move.get("items")
    pairs = (
        None
        if items is None
        else ordering.merge_items([(item["product_id"], item["quantity"]) for item in items])
    )
    return ImmutableFields(move.get("user_id"), pairs)

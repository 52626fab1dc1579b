"""/api/orders: what users have ordered. Placing one takes the stock; its status moves forward, or is cancelled."""

from aws_lambda_powertools.event_handler import Response

from sluice import checkout, runtime
from sluice.http import idempotency, params, records
from sluice.http.api import Api
from sluice.http.body import MAX_ID, MAX_INTEGER, Choice, Integer, Items, Shape
from sluice.http.conditional import if_match
from sluice.http.request import Request
from sluice.repositories.orders import LISTING, STATUSES, VIEW

SERVER_SET = ("id", "total", "created_at", "updated_at", "version")
ITEM = Shape(
    {"product_id": Integer(1, MAX_ID), "quantity": Integer(1, MAX_INTEGER)},
    server_set=("unit_price",),
)
NEW_ORDER = Shape(
    {"user_id": Integer(1, MAX_ID), "items": Items(ITEM, most=100)},
    server_set=(*SERVER_SET, "status"),
)
MOVE = Shape({"status": Choice(STATUSES)}, server_set=(*SERVER_SET, "user_id", "items"))

handler = api = Api(cors_origins=runtime.cors_origins)


@api.get("/api/orders")
def list_orders(request: Request) -> Response[str]:
    query = params.read_listing(request.query, LISTING)
    return records.page(request, runtime.current().orders.page(query), query.limit)


@api.post("/api/orders")
def place_order(request: Request) -> Response[str]:
    order, shop = NEW_ORDER.create(request.json()), runtime.current()
    items = [(item["product_id"], item["quantity"]) for item in order["items"]]
    return idempotency.create(
        request, shop.answers, lambda key: checkout.place_order(shop, order["user_id"], items, key)
    )


@api.get("/api/orders/<id>")
def get_order(request: Request, id: str) -> Response[str]:
    fields = params.read_fields(request.query, VIEW.fields)
    return records.one(request, runtime.current().orders.get_by_id(params.record_id(id), fields))


@api.patch("/api/orders/<id>")
def move_order(request: Request, id: str) -> Response[str]:
    order_id, move = params.record_id(id), MOVE.replace(request.json())
    shop = runtime.current()
    return records.one(request, checkout.change_status(shop, order_id, move["status"], if_match(request)))

"""/api/inventory: how much of each product there is."""

from aws_lambda_powertools.event_handler import Response

from sluice import runtime
from sluice.http import params, records
from sluice.http.api import Api, json_response
from sluice.http.body import MAX_ID, MAX_INTEGER, Integer, Items, Shape
from sluice.http.conditional import if_match
from sluice.http.request import Request
from sluice.repositories.inventory import LISTING, VIEW

SERVER_SET = ("product_id", "updated_at", "version")
STOCK = Shape({"quantity": Integer(0, MAX_INTEGER)}, server_set=SERVER_SET)
ADJUSTMENT = Shape({"delta": Integer(-MAX_INTEGER, MAX_INTEGER)}, server_set=SERVER_SET)
BULK = Shape(
    {
        "updates": Items(
            Shape(
                {"product_id": Integer(1, MAX_ID), "quantity": Integer(0, MAX_INTEGER)},
                server_set=("updated_at", "version"),
            ),
            most=10_000,
            unique="product_id",
        )
    }
)

handler = api = Api(cors_origins=runtime.cors_origins)


@api.get("/api/inventory")
def list_stock(request: Request) -> Response[str]:
    query = params.read_listing(request.query, LISTING)
    return records.page(request, runtime.current().inventory.page(query), query.limit)


@api.patch("/api/inventory")
def set_many(request: Request) -> Response[str]:
    updates = BULK.create(request.json())["updates"]
    pairs = [(update["product_id"], update["quantity"]) for update in updates]
    return json_response(200, {"updated": runtime.current().inventory.set_many(pairs)})


@api.get("/api/inventory/<product_id>")
def get_stock(request: Request, product_id: str) -> Response[str]:
    fields = params.read_fields(request.query, VIEW.fields)
    found = runtime.current().inventory.get_by_id(params.record_id(product_id, "product_id"), fields)
    return records.one(request, found)


@api.put("/api/inventory/<product_id>")
def set_stock(request: Request, product_id: str) -> Response[str]:
    id, stock = params.record_id(product_id, "product_id"), STOCK.replace(request.json())
    return records.one(request, runtime.current().inventory.set(id, stock["quantity"], if_match(request)))


@api.patch("/api/inventory/<product_id>")
def adjust_stock(request: Request, product_id: str) -> Response[str]:
    id, change = params.record_id(product_id, "product_id"), ADJUSTMENT.replace(request.json())
    return records.one(request, runtime.current().inventory.adjust(id, change["delta"], if_match(request)))

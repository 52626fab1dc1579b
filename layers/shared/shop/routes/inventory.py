"""/api/inventory: the stock of each product."""

from typing import Any

from shop.inventory import INVENTORY, QUANTITY, InventoryRepository
from sluice import runtime
from sluice.http import responses
from sluice.http.body import BodySchema
from sluice.http.conditional import precondition
from sluice.http.request import Request
from sluice.http.response import Response
from sluice.http.router import Api, json_response
from sluice.kinds.integer import Integer
from sluice.kinds.items import Items
from sluice.sql.list_spec import ListQuery

READ_ONLY = [name for name in INVENTORY.by_name if name != QUANTITY.name]
DELTA = Integer("delta", minimum=-Integer.largest, example=-2)
STOCK = BodySchema([QUANTITY], read_only=READ_ONLY)
ADJUSTMENT = BodySchema(
    [DELTA],
    read_only=READ_ONLY,
    patch_required=("delta",),
    merge_patch=False,
)
BULK = BodySchema(
    [Items("updates", of=INVENTORY, max_items=10_000, unique_by="product_id")],
    patch_required=("updates",),
    merge_patch=False,
)

api = Api(runtime=runtime.current, scope="catalog")


def _stock() -> InventoryRepository:
    return runtime.current().get(InventoryRepository)


@api.get("/api/inventory", response=InventoryRepository.list_spec)
def list_stock(request: Request, query: ListQuery) -> Response:
    """List the stock of products."""
    return responses.page(request, _stock().page(query), query.limit)


@api.patch("/api/inventory", body=BULK, response={"updated": {"type": "integer", "minimum": 1}})
def bulk_set_stock(request: Request, bulk: dict[str, Any]) -> Response:
    """Set the stock of many products. If one fails, none is changed."""
    pairs = [(update["product_id"], update["quantity"]) for update in bulk["updates"]]
    return json_response(200, {"updated": _stock().set_many(pairs)})


@api.get("/api/inventory/<product_id>", response=InventoryRepository.projection)
def get_stock(request: Request, fields: frozenset[str] | None, product_id: int) -> Response:
    """Get the stock of a product."""
    return responses.ok(request, _stock().get_by_id((product_id,), fields))


@api.put("/api/inventory/<product_id>", body=STOCK, response=InventoryRepository.projection)
def set_stock(request: Request, stock: dict[str, Any], product_id: int) -> Response:
    """Set the stock of a product."""
    changed = _stock().set(product_id, stock["quantity"], precondition(request))
    return responses.ok(request, changed)


@api.patch("/api/inventory/<product_id>", body=ADJUSTMENT, response=InventoryRepository.projection)
def adjust_stock(request: Request, change: dict[str, Any], product_id: int) -> Response:
    """Add to or take from the stock of a product. The stock cannot become negative."""
    changed = _stock().adjust(product_id, change["delta"], precondition(request))
    return responses.ok(request, changed)

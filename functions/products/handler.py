"""/api/products: what the shop sells."""

from aws_lambda_powertools.event_handler import Response

from sluice import runtime
from sluice.http import idempotency, params, records
from sluice.http.api import Api
from sluice.http.body import MAX_INTEGER, Integer, Money, Shape, Text
from sluice.http.conditional import if_match
from sluice.http.request import Request
from sluice.repositories.products import LISTING, VIEW

PRODUCT = Shape(
    {
        "name": Text(200),
        "description": Text(10_000, shortest=0, nullable=True),
        "price": Money(),
        "category": Text(200, pattern="[a-z0-9-]+"),
    },
    server_set=("id", "inventory", "created_at", "updated_at", "version"),
)
NEW_PRODUCT = Shape(
    {**PRODUCT.fields, "inventory": Integer(0, MAX_INTEGER)},
    server_set=("id", "created_at", "updated_at", "version"),
    optional=("description", "inventory"),
)

handler = api = Api(cors_origins=runtime.cors_origins)


@api.get("/api/products")
def list_products(request: Request) -> Response[str]:
    query = params.read_listing(request.query, LISTING)
    return records.page(request, runtime.current().products.page(query), query.limit)


@api.post("/api/products")
def create_product(request: Request) -> Response[str]:
    product, shop = NEW_PRODUCT.create(request.json()), runtime.current()
    return idempotency.create(request, shop.answers, lambda key: shop.products.create(product, key))


@api.get("/api/products/<id>")
def get_product(request: Request, id: str) -> Response[str]:
    fields = params.read_fields(request.query, VIEW.fields)
    return records.one(request, runtime.current().products.get_by_id(params.record_id(id), fields))


@api.put("/api/products/<id>")
def replace_product(request: Request, id: str) -> Response[str]:
    product_id, product = params.record_id(id), PRODUCT.replace(request.json())
    return records.one(request, runtime.current().products.update(product_id, product, if_match(request)))


@api.patch("/api/products/<id>")
def change_product(request: Request, id: str) -> Response[str]:
    product_id, changes = params.record_id(id), PRODUCT.patch(request.json())
    return records.one(request, runtime.current().products.update(product_id, changes, if_match(request)))


@api.delete("/api/products/<id>")
def delete_product(request: Request, id: str) -> Response[str]:
    runtime.current().products.delete(params.record_id(id), if_match(request))
    return records.gone()

"""/api/products: the products of the shop."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from shop import schemas
from shop.products import LIST_SPEC, PROJECTION, ProductRepository
from sluice import runtime
from sluice.http import idempotency, responses
from sluice.http.body import BodySchema
from sluice.http.conditional import precondition
from sluice.http.request import Request
from sluice.http.router import Api
from sluice.kinds.text import Slug
from sluice.sql.list_spec import ListQuery

CATEGORY = Slug("category", example="tableware")
PRODUCT = BodySchema(
    [*schemas.PRODUCT, CATEGORY],
    read_only=("id", "inventory", "created_at", "updated_at", "version"),
)
NEW_PRODUCT = BodySchema(
    [*schemas.PRODUCT, CATEGORY, schemas.STOCK],
    read_only=("id", "created_at", "updated_at", "version"),
    optional=("description", "inventory"),
    unique=("name",),
)

handler = api = Api(runtime=runtime.current, scope="catalog")


def _products() -> ProductRepository:
    return runtime.current().get(ProductRepository)


@api.get("/api/products", response=LIST_SPEC)
def list_products(request: Request, query: ListQuery) -> Response[str]:
    """List products."""
    return responses.page(request, _products().page(query), query.limit)


@api.post("/api/products", body=NEW_PRODUCT, response=PROJECTION)
def create_product(request: Request, product: dict[str, Any]) -> Response[str]:
    """Create a product, optionally with its starting stock."""
    current = runtime.current()
    return idempotency.create(
        request,
        current.idempotency,
        lambda key: _products().create(product, key),
    )


@api.get("/api/products/<id>", response=PROJECTION, stale_if_error=True)
def get_product(request: Request, fields: frozenset[str] | None, id: int) -> Response[str]:
    """Get a product."""
    return responses.ok(request, _products().get_by_id(id, fields))


@api.put("/api/products/<id>", body=PRODUCT, response=PROJECTION)
def replace_product(request: Request, product: dict[str, Any], id: int) -> Response[str]:
    """Replace all fields of a product except its stock."""
    return responses.ok(request, _products().update(id, product, precondition(request)))


@api.patch("/api/products/<id>", body=PRODUCT, response=PROJECTION)
def update_product(request: Request, changes: dict[str, Any], id: int) -> Response[str]:
    """Update some fields of a product (JSON merge patch)."""
    return responses.ok(request, _products().update(id, changes, precondition(request)))


@api.delete("/api/products/<id>")
def delete_product(request: Request, id: int) -> Response[str]:
    """Delete a product and its stock."""
    _products().delete(id, precondition(request))
    return responses.no_content()

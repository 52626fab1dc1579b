"""/api/categories: how the shop's products are grouped."""

from aws_lambda_powertools.event_handler import Response

from sluice import runtime
from sluice.http import idempotency, params, records
from sluice.http.api import Api
from sluice.http.body import Shape, Text
from sluice.http.conditional import if_match
from sluice.http.request import Request
from sluice.repositories.categories import LISTING, VIEW

CATEGORY = Shape(
    {"name": Text(200), "slug": Text(200, pattern="[a-z0-9-]+")},
    server_set=("id", "created_at", "updated_at", "version"),
    optional=("slug",),
)

handler = api = Api(cors_origins=runtime.cors_origins)


@api.get("/api/categories")
def list_categories(request: Request) -> Response[str]:
    query = params.read_listing(request.query, LISTING)
    return records.page(request, runtime.current().categories.page(query), query.limit)


@api.post("/api/categories")
def create_category(request: Request) -> Response[str]:
    category, shop = CATEGORY.create(request.json()), runtime.current()
    return idempotency.create(request, shop.answers, lambda key: shop.categories.create(category, key))


@api.get("/api/categories/<id>")
def get_category(request: Request, id: str) -> Response[str]:
    fields = params.read_fields(request.query, VIEW.fields)
    return records.one(request, runtime.current().categories.get_by_id(params.record_id(id), fields))


@api.put("/api/categories/<id>")
def replace_category(request: Request, id: str) -> Response[str]:
    category_id, category = params.record_id(id), CATEGORY.replace(request.json())
    return records.one(request, runtime.current().categories.update(category_id, category, if_match(request)))


@api.patch("/api/categories/<id>")
def change_category(request: Request, id: str) -> Response[str]:
    category_id, changes = params.record_id(id), CATEGORY.patch(request.json())
    return records.one(request, runtime.current().categories.update(category_id, changes, if_match(request)))


@api.delete("/api/categories/<id>")
def delete_category(request: Request, id: str) -> Response[str]:
    runtime.current().categories.delete(params.record_id(id), if_match(request))
    return records.gone()

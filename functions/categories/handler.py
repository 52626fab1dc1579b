"""/api/categories: the categories of the shop's products."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from shop.categories import LIST_SPEC, PROJECTION, CategoryRepository
from shop.fields import NAME, SLUG, with_example
from sluice import runtime
from sluice.http import idempotency, responses
from sluice.http.body import BodySchema
from sluice.http.conditional import precondition
from sluice.http.request import Request
from sluice.http.router import Api
from sluice.sql.list_spec import ListQuery

CATEGORY = BodySchema(
    [with_example(NAME, "Sample Things"), with_example(SLUG, "sample-things")],
    read_only=("id", "created_at", "updated_at", "version"),
    optional=("slug",),
    unique=("slug",),
)

handler = api = Api(runtime=runtime.current, scope="catalog")


def _categories() -> CategoryRepository:
    return runtime.current().get(CategoryRepository)


@api.get("/api/categories", response=LIST_SPEC)
def list_categories(request: Request, query: ListQuery) -> Response[str]:
    """List categories."""
    return responses.page(request, _categories().page(query), query.limit)


@api.post("/api/categories", body=CATEGORY, response=PROJECTION)
def create_category(request: Request, category: dict[str, Any]) -> Response[str]:
    """Create a category. Without a slug, one is derived from its name."""
    current = runtime.current()
    return idempotency.create(
        request,
        current.idempotency,
        lambda key: _categories().create(category, key),
    )


@api.get("/api/categories/<id>", response=PROJECTION, stale_if_error=True)
def get_category(request: Request, fields: frozenset[str] | None, id: int) -> Response[str]:
    """Get a category."""
    return responses.ok(request, _categories().get_by_id(id, fields))


@api.put("/api/categories/<id>", body=CATEGORY, response=PROJECTION)
def replace_category(request: Request, category: dict[str, Any], id: int) -> Response[str]:
    """Replace a category's name and slug."""
    return responses.ok(
        request,
        _categories().update(id, category, precondition(request)),
    )


@api.patch("/api/categories/<id>", body=CATEGORY, response=PROJECTION)
def update_category(request: Request, changes: dict[str, Any], id: int) -> Response[str]:
    """Update a category's name or slug (JSON merge patch)."""
    return responses.ok(
        request,
        _categories().update(id, changes, precondition(request)),
    )


@api.delete("/api/categories/<id>")
def delete_category(request: Request, id: int) -> Response[str]:
    """Delete a category that has no products."""
    _categories().delete(id, precondition(request))
    return responses.no_content()

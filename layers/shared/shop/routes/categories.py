"""/api/categories: the categories of the shop's products."""

from shop.categories import CategoryRepository
from sluice.http.resource_routes import resource_api

api = resource_api(
    CategoryRepository,
    texts={
        "create_category": "Create a category. Without a slug, one is derived from its name.",
        "delete_category": "Delete a category that has no products.",
    },
    stale_if_error=True,
)

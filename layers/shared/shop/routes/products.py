"""/api/products: the products of the shop."""

from shop.products import ProductRepository
from sluice.http.resource_routes import resource_api

api = resource_api(
    ProductRepository,
    texts={
        "create_product": "Create a product, optionally with its starting stock.",
        "replace_product": "Replace all fields of a product except its stock.",
        "update_product": "Update some fields of a product (JSON merge patch).",
        "delete_product": "Delete a product and its stock.",
    },
    stale_if_error=True,
)

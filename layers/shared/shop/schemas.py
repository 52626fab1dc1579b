"""Field types and body schemas that REST and GraphQL share."""

from dataclasses import replace

from shop.fields import DESCRIPTION, ID, NAME, PRICE, QUANTITY
from sluice.fields import BodySchema, Choice, FieldType, Items

# Without the category, which is a slug in REST and an id in GraphQL.
PRODUCT: dict[str, FieldType] = {
    "name": replace(NAME, example="Sample Mug"),
    "description": replace(DESCRIPTION, example="Holds 30 cl, and keeps it warm."),
    "price": replace(PRICE, example="19.99"),
}
STOCK = replace(QUANTITY, example=25)

ITEM = BodySchema(
    {"product_id": ID, "quantity": replace(QUANTITY, min_value=1, example=2)},
    read_only=("unit_price",),
)
ORDER_READ_ONLY = ("id", "total", "created_at", "updated_at", "version")
NEW_ORDER = BodySchema(
    {"user_id": ID, "items": Items(ITEM, max_items=100)},
    immutable={"status": Choice(("pending",), example="pending")},  # the status of each new order
    read_only=ORDER_READ_ONLY,
)

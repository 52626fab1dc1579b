"""Field types and body schemas that REST and GraphQL share."""

from sluice.fields import (
    MAX_ID,
    MAX_INTEGER,
    BodySchema,
    Choice,
    FieldType,
    Integer,
    Items,
    Money,
    Text,
)

# Without the category, which is a slug in REST and an id in GraphQL.
PRODUCT: dict[str, FieldType] = {
    "name": Text(200, example="Sample Mug"),
    "description": Text(
        10_000, min_length=0, nullable=True, example="Holds 30 cl, and keeps it warm."
    ),
    "price": Money(example="19.99"),
}
STOCK = Integer(0, MAX_INTEGER, example=25)

ITEM = BodySchema(
    {"product_id": Integer(1, MAX_ID), "quantity": Integer(1, MAX_INTEGER, example=2)},
    read_only=("unit_price",),
)
ORDER_READ_ONLY = ("id", "total", "created_at", "updated_at", "version")
NEW_ORDER = BodySchema(
    {"user_id": Integer(1, MAX_ID), "items": Items(ITEM, max_items=100)},
    immutable={"status": Choice(("pending",), example="pending")},  # the status of each new order
    read_only=ORDER_READ_ONLY,
)

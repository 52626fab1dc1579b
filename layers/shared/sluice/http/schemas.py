"""What a client may write of a resource, where REST and GraphQL both take it."""

from sluice.http.body import MAX_ID, MAX_INTEGER, Choice, Field, Integer, Items, Money, Shape, Text

# All of a product but its category, which REST knows by its slug and GraphQL by its id.
PRODUCT: dict[str, Field] = {
    "name": Text(200, example="Sample Mug"),
    "description": Text(
        10_000, shortest=0, nullable=True, example="Holds 30 cl, and keeps it warm."
    ),
    "price": Money(example="19.99"),
}
STOCK = Integer(0, MAX_INTEGER, example=25)

ITEM = Shape(
    {"product_id": Integer(1, MAX_ID), "quantity": Integer(1, MAX_INTEGER, example=2)},
    server_set=("unit_price",),
)
ORDER_SET = ("id", "total", "created_at", "updated_at", "version")
NEW_ORDER = Shape(
    {"user_id": Integer(1, MAX_ID), "items": Items(ITEM, most=100)},
    fixed={"status": Choice(("pending",), example="pending")},  # a new order has no other
    server_set=ORDER_SET,
)

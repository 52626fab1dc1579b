"""Fields and body schemas that REST and GraphQL share."""

from shop.fields import DESCRIPTION, NAME, PRICE, with_example
from sluice.http.body import BodySchema
from sluice.kinds.choice import Choice
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.items import Items
from sluice.kinds.numeric import Numeric

# Without the category, which is a slug in REST and an id in GraphQL.
PRODUCT = (
    with_example(NAME, "Sample Mug"),
    with_example(DESCRIPTION, "Holds 30 cl, and keeps it warm."),
    PRICE,
)
STOCK = Integer("inventory", minimum=0, example=25)

ITEM = (
    BigInt("product_id", minimum=1),
    Integer("quantity", minimum=1, example=2),
    Numeric("unit_price", precision=12, scale=2, minimum=0, read_only=True),
)
ORDER_READ_ONLY = ("id", "total", "created_at", "updated_at", "version")
NEW_ORDER = BodySchema(
    [BigInt("user_id", minimum=1), Items("items", of=ITEM, max_items=100)],
    immutable=[Choice("status", ("pending",))],  # the status of each new order
    read_only=ORDER_READ_ONLY,
)

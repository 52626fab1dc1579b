"""The products of orders. No route serves them: they are the items of an order."""

from sluice.kinds.integer import Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.ref import Ref
from sluice.resource import Resource

ORDER_ITEMS = Resource(
    name="order_items",
    singular="order_item",
    description="A product in an order.",
    table="public.order_items",
    group="",
    key=[
        Ref("order_id", resource="orders", expand=False),
        Ref("product_id", resource="products", expand=False),
    ],
    fields=[
        Integer("quantity", minimum=1, description="The number of units.", example=2),
        Numeric(
            "unit_price",
            precision=12,
            scale=2,
            minimum=0,
            read_only=True,
            description="The price of one unit when the order was placed.",
        ),
    ],
    analytics=True,
)

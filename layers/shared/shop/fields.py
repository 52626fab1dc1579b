"""The types of the shop's fields, with their limits, and the statuses of an order.

A body or an import that needs another example replaces it: `replace(NAME, example="Tall Mug")`.
"""

from sluice.fields import MAX_ID, MAX_INTEGER, MAX_SLUG, Email, Integer, Money, Text
from sluice.fields import SLUG as SLUG_PATTERN

ID = Integer(1, MAX_ID)
NAME = Text(200)
SLUG = Text(MAX_SLUG, pattern=SLUG_PATTERN)
DESCRIPTION = Text(10_000, min_length=0, nullable=True)
PRICE = Money()
EMAIL = Email()
QUANTITY = Integer(0, MAX_INTEGER)

# Status → the statuses that may follow it.
TRANSITIONS = {
    "pending": ("paid", "cancelled"),
    "paid": ("shipped", "cancelled"),
    "shipped": ("delivered",),
    "delivered": (),
    "cancelled": (),
}
STATUSES = tuple(TRANSITIONS)

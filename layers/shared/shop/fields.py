"""The kinds of the shop's fields, with their limits."""

from copy import copy
from typing import TypeVar

from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.text import Email, Slug, Text

F = TypeVar("F", bound=Field)

ID = BigInt("id", minimum=1)
NAME = Text("name", min_length=1, max_length=200)
SLUG = Slug("slug")
DESCRIPTION = Text("description", max_length=10_000, nullable=True)
PRICE = Numeric("price", precision=12, scale=2, minimum=0)
EMAIL = Email("email")
QUANTITY = Integer("quantity", minimum=0)


def with_example(field: F, example: object) -> F:
    """Return the field with another example."""
    changed = copy(field)
    changed.declared_example = example
    return changed

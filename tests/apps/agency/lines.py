"""Order lines, at /api/lines. The names of the table and its columns need quotes in SQL."""

from sluice.kinds.choice import Choice
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.text import Text
from sluice.resource import Resource
from sluice.sql.resource_repository import ResourceRepository

LINES = Resource(
    name="lines",
    singular="line",
    description="A line of an order.",
    table="agency.Order Lines",
    group="lines",
    key=BigInt("id", minimum=1, read_only=True, sort=True, column="ID"),
    fields=[
        Numeric(
            "unit_price", precision=10, scale=2, column="Unit Price", filter="range", sort=True
        ),
        Integer("order", filter="in", sort=True),
        Text("user", max_length=40, nullable=True, filter="in", sort=True),
        # GraphQL has no names for these values, so the field is a String there.
        Choice("parcel", ("s", "x-large"), column="Parcel Size", nullable=True),
    ],
)


class LineRepository(ResourceRepository):
    """Reads and writes order lines."""

    resource = LINES

"""Exchange rates, at /api/rates, with a key of two columns, and the prices that use them."""

from sluice.kinds.char import Char
from sluice.kinds.date import Date
from sluice.kinds.floating import Float
from sluice.kinds.integer import BigInt
from sluice.kinds.numeric import Numeric
from sluice.resource import Many, One, Resource
from sluice.sql.resource_repository import ResourceRepository

RATES = Resource(
    name="rates",
    singular="rate",
    description="The exchange rate of a country, from a day on.",
    table="agency.rates",
    group="rates",
    key=[Char("country", min_length=1, max_length=2, sort=True), Date("valid_from")],
    fields=[Float("rate", filter="range", sort=True)],
    relations=[Many("prices", resource="prices", foreign_key=["country", "valid_from"])],
)
PRICES = Resource(
    name="prices",
    singular="price",
    description="A price in the money of a country.",
    table="agency.prices",
    group="rates",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Char("country", min_length=1, max_length=2, filter="in"),
        Date("valid_from"),
        Numeric("amount", precision=10, scale=2, filter="range", sort=True),
    ],
    relations=[One("exchange_rate", resource="rates", foreign_key=["country", "valid_from"])],
)


class RateRepository(ResourceRepository):
    """Reads and writes rates."""

    resource = RATES


class ForeignPriceRepository(ResourceRepository):
    """Reads and writes prices."""

    resource = PRICES

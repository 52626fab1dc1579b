"""Rates, whose key has the tenant in it, the prices that reference them, and vouchers."""

from sluice.kinds.floating import Float
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import Many, One, Resource
from sluice.sql.resource_repository import ResourceRepository

RATES = Resource(
    name="rates",
    singular="rate",
    description="The exchange rate of a studio for a currency.",
    table="studio.rates",
    group="rates",
    key=[
        Ref("studio_id", resource="studios", kind=Uuid, read_only=True, sort=True),
        Text("currency", min_length=3, max_length=3),
    ],
    fields=[Float("rate", filter="range", sort=True)],
    relations=[Many("prices", resource="prices", foreign_key=["studio_id", "currency"])],
    tenant="studio_id",
)
PRICES = Resource(
    name="prices",
    singular="price",
    description="A price in a currency for which the studio has a rate.",
    table="studio.prices",
    group="rates",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Ref("studio_id", resource="studios", kind=Uuid, read_only=True),
        Text("currency", min_length=3, max_length=3),
        Numeric("amount", precision=10, scale=2, minimum=0, filter="range", sort=True),
    ],
    relations=[One("rate", resource="rates", foreign_key=["studio_id", "currency"])],
    tenant="studio_id",
)
VOUCHERS = Resource(
    name="vouchers",
    singular="voucher",
    description="A voucher. Its code is unique over all studios.",
    table="studio.vouchers",
    group="rates",
    key=Text("code", min_length=1, max_length=40, sort=True),
    fields=[
        Ref("studio_id", resource="studios", kind=Uuid, read_only=True),
        Integer("percent", minimum=0),
    ],
    tenant="studio_id",
    global_unique=["code"],
)


class StudioRateRepository(ResourceRepository):
    """Reads and writes rates."""

    resource = RATES


class StudioPriceRepository(ResourceRepository):
    """Reads and writes prices."""

    resource = PRICES


class VoucherRepository(ResourceRepository):
    """Reads and writes vouchers."""

    resource = VOUCHERS

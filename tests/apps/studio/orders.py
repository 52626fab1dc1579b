"""Orders, at /api/orders, with their labels and three functions of the database."""

from functools import partial

from sluice.kinds.choice import Choice
from sluice.kinds.integer import BigInt
from sluice.kinds.numeric import Numeric
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.kinds.timestamp import Timestamp
from sluice.kinds.uuid import Uuid
from sluice.resource import Function, Many, Resource
from sluice.sql.resource_repository import ResourceRepository

Status = partial(Choice, choices=("open", "paid", "cancelled"), type="studio.status")
Amount = partial(Numeric, precision=14, scale=2)

ORDERS = Resource(
    name="orders",
    singular="order",
    description="An order of a user.",
    table="studio.orders",
    group="orders",
    key=BigInt("id", minimum=1, read_only=True, filter="in", sort=True),
    fields=[
        Ref("studio_id", resource="studios", kind=Uuid, read_only=True),
        Ref("user_id", resource="users", kind=Uuid, filter="in"),
        Text("title", min_length=1, max_length=80, sort=True),
        Status("status", default="open", filter="in"),
        Amount("amount", minimum=0, nullable=True, filter=["range", "is_null"], sort=True),
    ],
    relations=[
        Many("items", resource="order_items", foreign_key="order_id"),
        Many("notes", resource="notes", foreign_key="order_id"),
        Many(
            "labels",
            resource="labels",
            foreign_key="order_id",
            through="studio.order_labels",
            other_key="label_id",
            payload=[Timestamp("added_at", optional=True)],
            tenant="studio_id",
        ),
        Function("pay", "studio.pay", arguments=[Text("note", max_length=80, nullable=True)]),
        Function("forget", "studio.forget", returns=""),
        Function("spent", "studio.spent", returns=Amount("spent"), stable=True),
        Function("similar", "studio.similar", returns="rows", stable=True, max_rows=100),
        Function("next_open", "studio.next_open"),
    ],
    tenant="studio_id",
)
OPEN_ORDERS = Resource(
    name="open_orders",
    singular="open_order",
    description="An order that is not paid, with the name of its user.",
    table="studio.open_orders",
    group="orders",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Uuid("studio_id", read_only=True),
        Text("title", sort=True),
        Amount("amount", nullable=True, filter="range"),
        Text("user"),
    ],
    writes=(),
    tenant="studio_id",
)


class StudioOrderRepository(ResourceRepository):
    """Reads and writes orders."""

    resource = ORDERS


class OpenOrderRepository(ResourceRepository):
    """Reads the open orders."""

    resource = OPEN_ORDERS

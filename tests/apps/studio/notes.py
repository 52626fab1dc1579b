"""Notes and items of orders. Their tables have no tenant: it is that of the order."""

from sluice.kinds.integer import Integer
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import Constraint, Resource, Via
from sluice.sql.resource_repository import ResourceRepository

NOTES = Resource(
    name="notes",
    singular="note",
    description="A note about an order.",
    table="studio.notes",
    group="orders",
    key=Uuid("id", read_only=True, sort=True),
    fields=[
        Ref("order_id", resource="orders", filter="in"),
        Ref("author_id", resource="users", kind=Uuid, nullable=True, filter="in"),
        Text("title", min_length=1, max_length=80, search=True),
        Text("body", max_length=1000, nullable=True),
    ],
    constraints=[Constraint(["order_id", "title"], "notes_order_id_title_key")],
    tenant=Via("order_id"),
)
ORDER_ITEMS = Resource(
    name="order_items",
    singular="order_item",
    description="A line of an order, whose number the client chooses.",
    table="studio.order_items",
    group="orders",
    key=[Ref("order_id", resource="orders", sort=True), Integer("number", minimum=1)],
    fields=[
        Text("title", min_length=1, max_length=80),
        Integer("quantity", minimum=1, default=1),
    ],
    tenant=Via("order_id"),
)


class StudioNoteRepository(ResourceRepository):
    """Reads and writes notes."""

    resource = NOTES


class StudioOrderItemRepository(ResourceRepository):
    """Reads and writes items."""

    resource = ORDER_ITEMS

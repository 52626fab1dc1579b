"""Labels, at /api/labels, whose slugs are unique in a studio."""

from sluice.kinds.citext import Citext
from sluice.kinds.integer import BigInt
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import Constraint, Many, Resource
from sluice.sql.resource_repository import ResourceRepository

LABELS = Resource(
    name="labels",
    singular="label",
    description="A label of orders.",
    table="studio.labels",
    group="labels",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Ref("studio_id", resource="studios", kind=Uuid, read_only=True),
        Citext("slug", min_length=1, max_length=40, filter="in", sort=True),
        Text("title", min_length=1, max_length=80),
    ],
    constraints=[Constraint(["studio_id", "slug"], "labels_studio_id_slug_key")],
    relations=[
        Many(
            "orders",
            resource="orders",
            foreign_key="label_id",
            through="studio.order_labels",
            other_key="order_id",
            tenant="studio_id",
            writes=False,
        )
    ],
    tenant="studio_id",
)


class StudioLabelRepository(ResourceRepository):
    """Reads and writes labels."""

    resource = LABELS

"""Labels, at /api/labels. The client chooses the key, a text."""

from sluice.kinds.text import Text
from sluice.resource import Many, Resource
from sluice.sql.resource_repository import ResourceRepository

LABELS = Resource(
    name="labels",
    singular="label",
    description="A label of deals.",
    table="agency.labels",
    group="deals",
    key=Text("slug", min_length=1, max_length=40, sort=True),
    fields=[Text("title", min_length=1, max_length=80)],
    relations=[
        Many(
            "deals",
            resource="deals",
            foreign_key="label_slug",
            through="agency.deal_labels",
            other_key="deal_id",
            writes=False,
        )
    ],
)


class LabelRepository(ResourceRepository):
    """Reads and writes labels."""

    resource = LABELS

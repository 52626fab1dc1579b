"""Notes of deals, at /api/notes. A note can answer another one."""

from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import Many, Resource
from sluice.sql.resource_repository import ResourceRepository

NOTES = Resource(
    name="notes",
    singular="note",
    description="A note about a deal.",
    table="agency.notes",
    group="deals",
    key=Uuid("id", read_only=True, sort=True),
    fields=[
        Ref("deal_id", resource="deals", filter="in"),
        Ref("parent_id", resource="notes", kind=Uuid, nullable=True, filter=["in", "is_null"]),
        Ref("author_id", resource="people", kind=Uuid, nullable=True, filter="in"),
        Text("body", min_length=1, max_length=1000),
    ],
    relations=[Many("children", resource="notes", foreign_key="parent_id")],
)


class NoteRepository(ResourceRepository):
    """Reads and writes notes."""

    resource = NOTES

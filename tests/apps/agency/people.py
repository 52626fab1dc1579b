"""People, at /api/people. DELETE keeps the row. Two columns of the table are not shown."""

from sluice.kinds.array import Array
from sluice.kinds.citext import Citext
from sluice.kinds.date import Date
from sluice.kinds.jsonb import Json
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import Constraint, Many, Resource
from sluice.sql.resource_repository import ResourceRepository

PEOPLE = Resource(
    name="people",
    singular="person",
    description="A person, who has deals.",
    table="agency.people",
    group="people",
    key=Uuid("id", read_only=True, sort=True),
    fields=[
        Ref("organisation_id", resource="organisations", kind=Uuid, filter="in"),
        Citext("email", min_length=3, max_length=100, filter="in", sort=True),
        Text("name", min_length=1, max_length=80, sort=True),
        Array("tags", of=Text("tag", min_length=1, max_length=20), default=[], filter="has"),
        Json("profile", nullable=True, filter="contains"),
        Date("born_on", nullable=True, non_finite=True, filter=["range", "is_null"], sort=True),
    ],
    constraints=[Constraint(["organisation_id", "email"])],
    relations=[
        Many("deals", resource="deals", foreign_key="owner_id"),
        Many("reviews", resource="deals", foreign_key="reviewer_id"),
    ],
    soft_delete="deleted_at",
)


class PersonRepository(ResourceRepository):
    """Reads and writes people."""

    resource = PEOPLE

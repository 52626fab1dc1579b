"""Users of a studio, at /api/users. Two studios may have users with the same email."""

from studio.studios import CountryCode

from sluice.kinds.citext import Citext
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import Constraint, Many, Resource
from sluice.sql.resource_repository import ResourceRepository

USERS = Resource(
    name="users",
    singular="user",
    description="A user of a studio.",
    table="studio.users",
    group="users",
    key=Uuid("id", read_only=True, sort=True),
    fields=[
        Ref("studio_id", resource="studios", kind=Uuid, read_only=True),
        Citext("email", min_length=3, max_length=100, filter="in", sort=True),
        Text("name", min_length=1, max_length=80, filter="prefix", sort=True),
        Ref("manager_id", resource="users", kind=Uuid, nullable=True, filter=["in", "is_null"]),
        Ref(
            "country_code",
            resource="countries",
            kind=CountryCode,
            relation="country",
            nullable=True,
            filter="in",
        ),
    ],
    constraints=[Constraint(["studio_id", "email"], "users_studio_id_email_key")],
    relations=[
        Many("orders", resource="orders", foreign_key="user_id"),
        Many("reports", resource="users", foreign_key="manager_id"),
    ],
    soft_delete="deleted_at",
    tenant="studio_id",
)


class StudioUserRepository(ResourceRepository):
    """Reads and writes users."""

    resource = USERS

"""Houses, each of which is a tenant, and their guests. The countries are shared."""

from sluice.kinds.integer import BigInt
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import SHARED, Constraint, Many, Resource
from sluice.sql.resource_repository import ResourceRepository

HOUSES = Resource(
    name="houses",
    singular="house",
    table="lodge.houses",
    group="lodge",
    key=Uuid("id", read_only=True),
    fields=[Text("name")],
    writes=["update"],
    tenant="id",
)
COUNTRIES = Resource(
    name="countries",
    singular="country",
    table="lodge.countries",
    group="lodge",
    key=Text("code"),
    fields=[Text("name")],
    relations=[Many("guests", "guests", "country_code")],
    tenant=SHARED,
)
GUESTS = Resource(
    name="guests",
    singular="guest",
    table="lodge.guests",
    group="lodge",
    key=BigInt("id", read_only=True),
    fields=[
        Ref("house_id", resource="houses", kind=Uuid, read_only=True),
        Text("email", filter="equal"),
        Text("name", sort=True, search=True),
        Ref("host_id", resource="guests", nullable=True),
        Ref("country_code", resource="countries", relation="home", kind=Text, nullable=True),
    ],
    constraints=[Constraint(["house_id", "email"])],
    relations=[
        Many("stays", "stays", "guest_id"),
        Many(
            "countries",
            "countries",
            "guest_id",
            through="lodge.visited",
            other_key="country_code",
        ),
    ],
    soft_delete="left_at",
    tenant="house_id",
)


class HouseRepository(ResourceRepository):
    resource = HOUSES


class CountryRepository(ResourceRepository):
    resource = COUNTRIES


class GuestRepository(ResourceRepository):
    resource = GUESTS

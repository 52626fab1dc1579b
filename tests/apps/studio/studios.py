"""Studios, at /api/studios, which are the tenants, and the countries that they share."""

from functools import partial

from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import SHARED, Many, Resource
from sluice.sql.resource_repository import ResourceRepository

CountryCode = partial(Text, min_length=2, max_length=40)

STUDIOS = Resource(
    name="studios",
    singular="studio",
    description="A studio. A client sees only its own one.",
    table="studio.studios",
    group="users",
    key=Uuid("id", read_only=True, sort=True),
    fields=[Text("name", min_length=1, max_length=80, sort=True)],
    relations=[Many("users", resource="users", foreign_key="studio_id")],
    writes=("replace", "update"),
    tenant="id",
)
COUNTRIES = Resource(
    name="countries",
    singular="country",
    description="A country, which all studios see.",
    table="studio.countries",
    group="users",
    key=CountryCode("code", sort=True),
    fields=[Text("name", min_length=1, max_length=80)],
    writes=("create", "replace", "update"),  # the error of a DELETE would tell who references it
    tenant=SHARED,
)


class StudioRepository(ResourceRepository):
    """Reads and changes studios."""

    resource = STUDIOS


class StudioCountryRepository(ResourceRepository):
    """Reads and writes countries."""

    resource = COUNTRIES

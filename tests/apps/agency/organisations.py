"""Organisations, at /api/organisations. Their key is a UUID that the database makes."""

from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import Many, Resource
from sluice.sql.resource_repository import ResourceRepository

ORGANISATIONS = Resource(
    name="organisations",
    singular="organisation",
    description="An organisation, for which people work.",
    table="agency.organisations",
    group="people",
    key=Uuid("id", read_only=True, sort=True),
    fields=[
        Text("name", min_length=1, max_length=80, unique=True, filter="in", sort=True),
    ],
    relations=[Many("people", resource="people", foreign_key="organisation_id")],
)


class OrganisationRepository(ResourceRepository):
    """Reads and writes organisations."""

    resource = ORGANISATIONS

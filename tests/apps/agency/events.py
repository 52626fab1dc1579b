"""Tables with other kinds of keys: a day, true and false, a value of an enum, and four columns."""

from functools import partial

from sluice.kinds.boolean import Boolean
from sluice.kinds.choice import Choice
from sluice.kinds.date import Date
from sluice.kinds.jsonb import Json
from sluice.kinds.text import Text
from sluice.kinds.timestamp import Timestamp
from sluice.kinds.uuid import Uuid
from sluice.resource import Resource
from sluice.sql.resource_repository import ResourceRepository

Stage = partial(Choice, choices=("lead", "offer", "won", "lost"), type="agency.stage")

HOLIDAYS = Resource(
    name="holidays",
    singular="holiday",
    description="A day on which the agency is closed.",
    table="agency.holidays",
    group="events",
    key=Date("day", filter="range", sort=True),
    fields=[Text("name", min_length=1, max_length=80, filter="in", sort=True)],
)
SWITCHES = Resource(
    name="switches",
    singular="switch",
    description="The name of a state: true or false.",
    table="agency.switches",
    group="events",
    key=Boolean("state", sort=True),
    fields=[Text("name", min_length=1, max_length=80)],
)
STAGES = Resource(
    name="stages",
    singular="stage_name",
    description="The name of a stage of deals.",
    table="agency.stages",
    group="events",
    key=Stage("stage", sort=True),
    fields=[Text("name", min_length=1, max_length=80)],
)
EVENTS = Resource(
    name="events",
    singular="event",
    description="Something that happened. Its key has four columns.",
    table="agency.events",
    group="events",
    key=[
        Timestamp("happened_at", filter="range", sort=True),
        Stage("stage"),
        Text("kind", min_length=1, max_length=40),
        Uuid("source"),
    ],
    fields=[Json("payload", nullable=True)],
)


class HolidayRepository(ResourceRepository):
    """Reads and writes holidays."""

    resource = HOLIDAYS


class SwitchRepository(ResourceRepository):
    """Reads and writes switches."""

    resource = SWITCHES


class StageRepository(ResourceRepository):
    """Reads and writes the names of stages."""

    resource = STAGES


class EventRepository(ResourceRepository):
    """Reads and writes events."""

    resource = EVENTS

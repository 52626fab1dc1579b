"""Deals, at /api/deals, with the notes and labels of each and four functions of the database."""

from functools import partial

from sluice.kinds.choice import Choice
from sluice.kinds.integer import BigInt
from sluice.kinds.numeric import Numeric
from sluice.kinds.range import Range
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.kinds.timestamp import Timestamp
from sluice.kinds.uuid import Uuid
from sluice.resource import Function, Many, Resource
from sluice.sql.resource_repository import ResourceRepository

STAGES = ("lead", "offer", "won", "lost")
Stage = partial(Choice, choices=STAGES, type="agency.stage")
Amount = partial(Numeric, precision=14, scale=2)

DEALS = Resource(
    name="deals",
    singular="deal",
    description="A deal of the agency.",
    table="agency.deals",
    group="deals",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Ref("owner_id", resource="people", kind=Uuid, filter="in"),
        Ref("reviewer_id", resource="people", kind=Uuid, nullable=True, filter="is_null"),
        Text("title", min_length=1, max_length=80, filter="prefix", sort=True),
        Stage("stage", default="lead", filter="in", sort=True),
        Amount("amount", nullable=True, filter=["range", "is_null"], sort=True),
        Range("during", of=Timestamp("at"), nullable=True),
    ],
    relations=[
        Many("notes", resource="notes", foreign_key="deal_id"),
        Many(
            "labels",
            resource="labels",
            foreign_key="deal_id",
            through="agency.deal_labels",
            other_key="label_slug",
            payload=[Timestamp("added_at", optional=True)],
        ),
        Function("win", "agency.win", arguments=[Text("note", max_length=80, nullable=True)]),
        Function(
            "open_total",
            "agency.open_total",
            arguments=[Amount("at_least", nullable=True)],
            returns=Amount("open_total"),
            stable=True,
        ),
        Function("siblings", "agency.siblings", returns="rows", stable=True, max_rows=5),
        Function("touch", "agency.touch", returns=""),
    ],
)


class DealRepository(ResourceRepository):
    """Reads and writes deals."""

    resource = DEALS

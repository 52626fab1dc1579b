"""Two views: the open deals, and the rates of each month, which the database stores."""

from functools import partial

from sluice.kinds.choice import Choice
from sluice.kinds.date import Date
from sluice.kinds.floating import Float
from sluice.kinds.integer import BigInt
from sluice.kinds.numeric import Numeric
from sluice.kinds.text import Text
from sluice.resource import Resource
from sluice.sql.resource_repository import ResourceRepository

Stage = partial(Choice, choices=("lead", "offer", "won", "lost"), type="agency.stage")

PIPELINE = Resource(
    name="pipeline",
    singular="open_deal",
    description="A deal that is neither won nor lost, with the name of its owner.",
    table="agency.pipeline",
    group="reports",
    key=BigInt("id", minimum=1, sort=True),
    fields=[
        Text("title", filter="equal", sort=True),
        Stage("stage", filter="in"),
        Numeric("amount", precision=14, scale=2, nullable=True, filter="range", sort=True),
        Text("owner"),
    ],
    writes=(),
)
MONTHLY = Resource(
    name="monthly",
    singular="month",
    description="The rates of a month.",
    table="agency.monthly",
    group="reports",
    key=Date("month", filter="range", sort=True),
    fields=[BigInt("rates"), Float("highest", nullable=True, sort=True)],
    writes=(),
)


class PipelineRepository(ResourceRepository):
    """Reads the open deals."""

    resource = PIPELINE


class MonthRepository(ResourceRepository):
    """Reads the rates of months."""

    resource = MONTHLY

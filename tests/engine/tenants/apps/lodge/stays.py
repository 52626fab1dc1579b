"""Stays of guests. Their nights and remarks belong to the house of the stay."""

from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import Constraint, Function, Many, One, Resource, Via
from sluice.sql.resource_repository import ResourceRepository

STAYS = Resource(
    name="stays",
    singular="stay",
    table="lodge.stays",
    group="lodge",
    key=BigInt("id", read_only=True),
    fields=[
        Uuid("house_id", read_only=True),
        Ref("guest_id", resource="guests", filter="in"),
        Text("state", default="open"),
        Text("voucher", nullable=True),
    ],
    constraints=[Constraint(["voucher"])],
    relations=[
        Many("nights", "nights", "stay_id"),
        Many(
            "tags",
            "tags",
            "stay_id",
            through="lodge.stay_tags",
            other_key="tag_id",
            payload=[Integer("weight", nullable=True)],
            tenant="house_id",
        ),
        Function("close", "lodge.close_stay"),
        Function("steal", "lodge.steal_stay"),
        Function("empty", "lodge.empty_stay", returns=""),
        Function("length", "lodge.stay_length", returns=Integer("nights"), stable=True),
        Function("others", "lodge.other_stays", returns="rows", stable=True),
        Function("foreign", "lodge.foreign_stay", stable=True),
    ],
    tenant="house_id",
    global_unique=["voucher"],
)
TAGS = Resource(
    name="tags",
    singular="tag",
    table="lodge.tags",
    group="lodge",
    key=BigInt("id", read_only=True),
    fields=[Uuid("house_id", read_only=True), Text("slug", filter="equal")],
    constraints=[Constraint(["house_id", "slug"])],
    tenant="house_id",
)
NIGHTS = Resource(
    name="nights",
    singular="night",
    table="lodge.nights",
    group="lodge",
    key=[Ref("stay_id", resource="stays"), Integer("nr")],
    fields=[Integer("price")],
    tenant=Via("stay_id"),
)
REMARKS = Resource(
    name="remarks",
    singular="remark",
    table="lodge.remarks",
    group="lodge",
    key=BigInt("id", read_only=True),
    fields=[
        Ref("stay_id", resource="stays"),
        Integer("nr", nullable=True),
        Integer("place"),
        Text("text"),
    ],
    constraints=[Constraint(["stay_id", "place"])],
    relations=[One("night", "nights", ("stay_id", "nr")), Many("answers", "answers", "remark_id")],
    tenant=Via("stay_id"),
)
ANSWERS = Resource(
    name="answers",
    singular="answer",
    table="lodge.answers",
    group="lodge",
    key=BigInt("id", read_only=True),
    fields=[Ref("remark_id", resource="remarks"), Text("text")],
    tenant=Via("remark_id"),
)


class StayRepository(ResourceRepository):
    resource = STAYS


class TagRepository(ResourceRepository):
    resource = TAGS


class NightRepository(ResourceRepository):
    resource = NIGHTS


class RemarkRepository(ResourceRepository):
    resource = REMARKS


class AnswerRepository(ResourceRepository):
    resource = ANSWERS

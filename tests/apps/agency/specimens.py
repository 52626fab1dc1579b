"""Specimens, at /api/specimens: each kind of column, NOT NULL and nullable, and a list of each."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from sluice.kinds.array import Array
from sluice.kinds.boolean import Boolean
from sluice.kinds.char import Char
from sluice.kinds.choice import Choice
from sluice.kinds.citext import Citext
from sluice.kinds.date import Date
from sluice.kinds.field import Field
from sluice.kinds.floating import Float, Real
from sluice.kinds.inet import Cidr, Inet
from sluice.kinds.integer import BigInt, Integer, SmallInt
from sluice.kinds.interval import Interval
from sluice.kinds.jsonb import Json
from sluice.kinds.local_timestamp import LocalTimestamp
from sluice.kinds.numeric import Numeric
from sluice.kinds.range import Range
from sluice.kinds.text import Slug, Text
from sluice.kinds.time import Time
from sluice.kinds.timestamp import Timestamp
from sluice.kinds.uuid import Uuid
from sluice.resource import Resource
from sluice.sql.resource_repository import ResourceRepository

Kind = Callable[..., Field]
STAGES = ("lead", "offer", "won", "lost")
INFINITE = {"non_finite": True}

# Column → kind, its options, and the filters of the column that is not null.
KINDS: dict[str, tuple[Kind, dict[str, Any], list[str]]] = {
    "flag": (Boolean, {}, ["equal"]),
    "small": (SmallInt, {"minimum": -(2**15)}, ["in", "range"]),
    "whole": (Integer, {"minimum": -(2**31)}, ["in", "range"]),
    "large": (BigInt, {"minimum": -(2**63)}, ["in", "range"]),
    "exact": (Numeric, INFINITE, ["in", "range"]),
    "price": (Numeric, {"precision": 9, "scale": 2}, ["in", "range"]),
    "hundreds": (Numeric, {"precision": 5, "scale": 0, **INFINITE}, ["in", "range"]),
    "measure": (Float, INFINITE, ["in", "range"]),
    "weight": (Real, INFINITE, ["in", "range"]),
    "title": (Text, {"max_length": 60}, ["in", "prefix"]),
    "code": (Slug, {"max_length": 40}, ["in", "prefix"]),
    "phrase": (Text, {"max_length": 20}, ["in", "prefix"]),
    "word": (Text, {"min_length": 1, "max_length": 20}, ["in", "prefix"]),
    "nick": (Citext, {"max_length": 60}, ["in"]),
    "padded": (Char, {"max_length": 5}, ["in", "prefix"]),
    "stage": (Choice, {"choices": STAGES, "type": "agency.stage"}, ["in"]),
    "width": (Choice, {"choices": ("s", "m", "xl")}, ["in"]),
    "reference": (Uuid, {}, ["in"]),
    "day": (Date, INFINITE, ["in", "range"]),
    "moment": (Timestamp, INFINITE, ["in", "range"]),
    "local": (LocalTimestamp, INFINITE, ["in", "range"]),
    "clock": (Time, {}, ["in", "range"]),
    "length": (Interval, {}, ["in", "range"]),
    "address": (Inet, {}, ["in"]),
    "network": (Cidr, {}, ["in"]),
    "share": (Integer, {"minimum": 0, "maximum": 100}, ["in", "range"]),
}
RANGES: dict[str, Kind] = {
    "ints": Integer,
    "bigs": BigInt,
    "decimals": Numeric,
    "days": Date,
    "locals": LocalTimestamp,
    "moments": Timestamp,
}
INDEXED_ARRAYS = ("title", "code", "nick", "padded", "whole", "moment")


def fields() -> Iterator[Field]:
    """Yield each kind twice, then a list of each kind twice."""
    for name, (kind, options, filters) in KINDS.items():
        yield kind(name, sort=True, filter=filters, **options)
        yield kind(
            f"{name}_or_null", sort=True, nullable=True, filter=[*filters, "is_null"], **options
        )
    for name, kind in RANGES.items():
        bound = partial(Range, of=kind("bound"), sort=True)
        yield bound(name, filter="equal")
        yield bound(f"{name}_or_null", filter=["equal", "is_null"], nullable=True)
    yield Json("document", filter="contains")
    yield Json("document_or_null", filter="contains", nullable=True)
    for name, (kind, options, _) in KINDS.items():
        operators = ["has"] if name in INDEXED_ARRAYS else []
        listed = partial(Array, filter=operators, max_items=4)
        yield listed(f"{name}_list", of=kind("item", **options))
        yield listed(
            f"{name}_list_or_null", of=kind("item", nullable=True, **options), nullable=True
        )


SPECIMENS = Resource(
    name="specimens",
    singular="specimen",
    description="A row with each kind of column.",
    table="agency.specimens",
    group="specimens",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[*fields()],
)


class SpecimenRepository(ResourceRepository):
    """Reads and writes specimens."""

    resource = SPECIMENS

"""Fields of the kinds whose values are lists or objects, and of types of extensions."""

from sluice.kinds.array import Array
from sluice.kinds.boolean import Boolean
from sluice.kinds.char import Char
from sluice.kinds.choice import Choice
from sluice.kinds.citext import Citext
from sluice.kinds.date import Date
from sluice.kinds.field import Field
from sluice.kinds.floating import Float
from sluice.kinds.inet import Cidr, Inet
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.interval import Interval
from sluice.kinds.jsonb import Json
from sluice.kinds.local_timestamp import LocalTimestamp
from sluice.kinds.numeric import Numeric
from sluice.kinds.range import Range
from sluice.kinds.text import Text
from sluice.kinds.timestamp import Timestamp
from sluice.kinds.uuid import Uuid

STRUCTURED: dict[str, Field] = {
    "citext": Citext("email", max_length=50),
    "char": Char("country", max_length=3),
    "char to null": Char("country", max_length=3, nullable=True),
    "enum": Choice("stage", ("won", "lead", "lost"), type="stage"),
    "inet": Inet("host"),
    "inet to null": Inet("host", nullable=True),
    "cidr": Cidr("network"),
    "json": Json("data"),
    "json to null": Json("data", nullable=True, max_bytes=5_000),
    "array of texts": Array("tags", of=Text("tag", nullable=True)),
    "array to null": Array("tags", of=Text("tag", max_length=9), max_items=3, nullable=True),
    "array of 2 to 4": Array("pair", of=Integer("n"), min_items=2, max_items=4),
    "array of booleans": Array("flags", of=Boolean("flag")),
    "array of amounts": Array("amounts", of=Numeric("a", precision=6, scale=2, nullable=True)),
    "array of times": Array("times", of=Timestamp("at")),
    "array of char": Array("countries", of=Char("country", max_length=2)),
    "array of enums": Array("stages", of=Choice("stage", ("won", "lead"), type="stage")),
    "array of json": Array("documents", of=Json("document", max_bytes=2_000)),
    "array of ranges": Array("spans", of=Range("span", of=Date("day"))),
    "range of integers": Range("numbers", of=Integer("n")),
    "range of bigints": Range("numbers", of=BigInt("n"), nullable=True),
    "range of amounts": Range("prices", of=Numeric("price", precision=12, scale=2)),
    "range of days": Range("days", of=Date("day")),
    "array of uuids": Array("keys", of=Uuid("key")),
    "array of floats": Array("shares", of=Float("share", non_finite=True)),
    "array of intervals": Array("waits", of=Interval("wait", nullable=True)),
    "array of far times": Array("times", of=Timestamp("at", non_finite=True)),
    "array of far local times": Array("times", of=LocalTimestamp("at", non_finite=True)),
    "array of addresses": Array("hosts", of=Inet("host")),
    "range of any amounts": Range("prices", of=Numeric("price", non_finite=True)),
    "range of far days": Range("days", of=Date("day", non_finite=True)),
    "range of far times": Range("during", of=Timestamp("at", non_finite=True), nullable=True),
    "range of local times": Range("during", of=LocalTimestamp("at")),
    "range of times": Range("during", of=Timestamp("at"), type="tstzrange"),
}

"""Fields of every kind, with and without bounds, and texts to try on them."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from sluice.kinds import field
from sluice.kinds.boolean import Boolean
from sluice.kinds.choice import Choice
from sluice.kinds.date import Date
from sluice.kinds.field import Field
from sluice.kinds.floating import Float, Real
from sluice.kinds.integer import BigInt, Integer, SmallInt
from sluice.kinds.interval import Interval
from sluice.kinds.items import Items
from sluice.kinds.local_timestamp import LocalTimestamp
from sluice.kinds.numeric import Numeric
from sluice.kinds.ref import Ref
from sluice.kinds.text import Email, Slug, Text
from sluice.kinds.time import Time
from sluice.kinds.timestamp import Timestamp
from sluice.kinds.uuid import Uuid
from tests.engine.kinds.structured import STRUCTURED

COLUMNS: dict[str, Field] = {
    "text": Text("text"),
    "short text": Text("short", min_length=1, max_length=5),
    "long name": Text("a_long_name", min_length=1, max_length=3),
    "text to null": Text("text", max_length=20, nullable=True),
    "pattern": Text("code", pattern="[A-Z]{2}", example="GB"),
    "pattern with spaces": Text("code", pattern="[A-Z ]+", example="G B"),
    "pattern of Python": Text("code", pattern=r"\w+", example="ab"),
    "any case": Text("name", max_length=20, ignore_case=True),
    "email": Email("email"),
    "email to null": Email("email", nullable=True),
    "slug": Slug("slug", max_length=20),
    "integer": Integer("integer"),
    "integer from 0": Integer("integer", minimum=0),
    "integer 2 to 9": Integer("integer", minimum=2, maximum=9),
    "negative integer": Integer("integer", maximum=-3),
    "smallint": SmallInt("smallint", minimum=-(2**15)),
    "every integer": Integer("integer", minimum=-(2**31)),
    "every bigint": BigInt("bigint", minimum=-(2**63)),
    "bigint": BigInt("bigint"),
    "bigint to null": BigInt("bigint", nullable=True),
    "key": BigInt("key", minimum=1),
    "reference": Ref("shelf_id", resource="shelves"),
    "price": Numeric("price", precision=12, scale=2, minimum=0),
    "rating": Numeric("rating", precision=3, scale=2, nullable=True),
    "share": Numeric("share", precision=2, scale=2),
    "whole": Numeric("whole", precision=5, scale=0),
    "1 to 10": Numeric("few", precision=4, scale=2, minimum=1, maximum=10),
    "long decimal": Numeric("long", precision=40, scale=10),
    "hundreds": Numeric("hundreds", precision=5, scale=-2),
    "small numeric": Numeric("small", precision=2, scale=4),
    "free numeric": Numeric("free"),
    "free numeric to 5": Numeric("free", maximum=5, nullable=True),
    "any numeric": Numeric("free", non_finite=True),
    "price or NaN": Numeric("price", precision=12, scale=2, minimum=0, non_finite=True),
    "float": Float("float"),
    "float 0 to 0.7": Float("float", minimum=0, maximum=0.7),
    "any float": Float("float", non_finite=True, nullable=True),
    "real": Real("real"),
    "real 0.3 to 0.7": Real("real", minimum=0.3, maximum=0.7),
    "any real": Real("real", non_finite=True),
    "uuid": Uuid("uuid"),
    "uuid to null": Uuid("uuid", nullable=True),
    "time": Time("time"),
    "interval": Interval("interval"),
    "local timestamp": LocalTimestamp("moment"),
    "any local timestamp": LocalTimestamp("moment", non_finite=True),
    "timestamp": Timestamp("moment"),
    "timestamp read-only": Timestamp("moment", read_only=True),
    "any timestamp": Timestamp("moment", non_finite=True),
    "timestamp to null": Timestamp("moment", nullable=True),
    "date": Date("day"),
    "any date": Date("day", non_finite=True, nullable=True),
    "boolean": Boolean("boolean"),
    "choice": Choice("status", ("new", "o'clock")),
    "choice to null": Choice("status", ("new", "old"), nullable=True),
    "choice with a colon": Choice("status", ("a:b", "c")),
    "choice with blanks": Choice("status", (" AB", "AB ", "a", "", " ")),
}
SINCE_15 = ("hundreds", "small numeric")  # columns that PostgreSQL 14 does not have
ITEMS = Items(
    "lines",
    of=[
        Ref("book_id", resource="books"),
        Integer("copies", minimum=1),
        BigInt("n", read_only=True),
    ],
    max_items=3,
    unique_by="book_id",
)
FIELDS: dict[str, Field] = {**COLUMNS, **STRUCTURED, "items": ITEMS}

TEXTS = (
    *("", " ", "a", "ab", "Ab", "AB", " AB", "AB ", "A B", "abcdef", "é", "éé", "x\ny", "\u00a0a"),
    *("a@b", "a b@c", "ä@b", "a@b ", "a-b-9", "new", "o'clock", "old", "a:b", "true", "TRUE", "t"),
    *("0", "1", "2", "-1", "-4", "+5", "007", "10", "9", "1.5", "1.505", "0.99", "9.99", "12.3"),
    *("99999", "999999999", "2147483648", "9223372036854775807", "9223372036854775808", "1e3"),
    *("9999999999.99", "10000000000", "NaN", "Infinity", "1" * 30, f"{'1' * 20}.5", "-0.5", ".5"),
    *("2026-01-31", "2026-02-29", "2024-02-29", "2026-11-31", "2026-1-1", "0000-01-01", "infinity"),
    *("2026-01-31T12:00:00Z", "2026-01-31t12:00:00z", "2026-01-31T12:00:00.123456+14:00"),
    *("2026-01-31 12:00:00Z", "2026-01-31T12:00:00", "2026-01-31T24:00:00Z", "now"),
    *("0001-01-01T00:00:00+01:00", "2026-06-31T12:00:00Z", "2026-01-31T12:00:00.1234567Z"),
    *("2026-01-31T12:00:60Z", "2026-01-31T12:00:00+23:00", "0044-03-15 BC", "10000-01-01"),
    *("4714-11-24 00:00:00 BC", "10000-01-01 00:00:00+00", "-infinity", "-Infinity", "nan", "inf"),
    *("12:30:00", "12:30", "24:00:00", "24:00:01", "12:30:00.5", "P1Y-2M3DT-4H", "PT0S", "1 day"),
    *("0190163d-8694-739b-aea5-966c26f8ad91", "0190163D-8694-739B-AEA5-966C26F8AD91", "-0", "-0.0"),
    *("0190163d8694739baea5966c26f8ad91", "1e-400", "1e400", "3.4028235e38", "3.4028236e38", "0.7"),
    *("0.1234567890123456789", "123456789012345", "123456789012345.123456789012345", "0.30000001"),
)


def classes() -> Iterator[type[Field]]:
    """Yield the classes of all kinds, which are found in their folder."""
    for path in sorted(Path(field.__file__).parent.glob("*.py")):
        importlib.import_module(f"sluice.kinds.{path.stem}")
    queue = list(Field.__subclasses__())
    while queue:
        kind = queue.pop()
        queue += kind.__subclasses__()
        if kind.__module__.startswith("sluice.kinds."):
            yield kind

"""Timestamp: a moment, stored as timestamptz and shown in UTC with microseconds."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, Unpack

from sluice.kinds.field import Field, FieldOptions, Schema, or_null, reject

# RFC 3339, section 5.6: the offset is required. PostgreSQL stores microseconds, so more digits
# would be lost.
RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?"
    r"([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
# A day that exists, for PostgreSQL. Not every one matches: Python reads the 29th of February.
DAY = (
    r"[1-8][0-9]{3}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
)
TIME = (
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
    r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
)

FIRST_SAMPLE = datetime.fromisoformat("2026-01-31T12:00:00")
INFINITE = ("infinity", "-infinity")
DAY_FORM = r"([0-9]{4,7})-([0-9]{2})-([0-9]{2})"
TIME_FORM = r" ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
FAR_DATE = rf"{DAY_FORM}( BC)?"
FAR_LOCAL_TIME = rf"{DAY_FORM}{TIME_FORM}( BC)?"
FAR_TIME = rf"{DAY_FORM}{TIME_FORM}[+]00( BC)?"
# The patterns of all values, of the usual ones too, for a JSON Schema.
DATE_PATTERN = rf"^(-?infinity|{FAR_DATE})$"
TIME_PATTERN = rf"^(-?infinity|{DAY_FORM}[Tt ][0-9:.]{{8,15}}([Zz]|[+-][0-9:]{{2,5}})?( BC)?)$"
FIRST_DAY = (-4713, 11, 24)  # 4714 BC: there is no year 0
LAST_DAY = (5_874_897, 12, 31)
LAST_DAY_WITH_TIME = (294_276, 12, 31)
FAR_DATES = (*INFINITE, "4714-11-24 BC", "0001-12-31 BC", "10000-01-01", "5874897-12-31")
WRONG_FAR_DATES = ("4714-11-23 BC", "0000-01-01", "10001-02-29", "5874898-01-01", "10000-01-1")
FAR = [*INFINITE, "4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00"]


class Timestamp(Field):
    """A moment. Its JSON value is RFC 3339 in UTC, with microseconds and `Z`.

    non_finite: whether it may be infinite, before the year 1, or after the year 9999. Such a value
        is a text of PostgreSQL: see `far_text`. Responses have it in any case.
    """

    sql_type: str = "timestamptz"
    graphql_type: str = "DateTime"
    orm_type: ClassVar[str] = "DateTime"
    is_key: ClassVar[bool] = True
    range_filters: ClassVar[tuple[tuple[str, str], ...]] = (("_after", ">="), ("_before", "<"))

    def __init__(
        self, name: str, *, non_finite: bool = False, **options: Unpack[FieldOptions]
    ) -> None:
        super().__init__(name, **options)
        self.non_finite = non_finite
        if non_finite:
            self.graphql_type = "ExtendedDateTime"

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, str):
            reject(pointer, "type", "must be a string")
        try:
            return _parse_rfc3339(value.strip().upper())
        except (ValueError, OverflowError):  # or outside the years 1 to 9999 in UTC
            with suppress(ValueError):
                return self._far(value.strip())
            reject(pointer, "invalid", "must be a time with its zone, such as 2026-01-31T12:00:00Z")

    def parse(self, text: str) -> object:
        """Return an RFC 3339 time, or the midnight in UTC of a date."""
        with suppress(ValueError):
            return self._far(text)
        # A `+` that was not percent-encoded arrives as a space.
        candidate = re.sub(r" (?=\d\d:?\d\d$)", "+", text.strip()).upper()
        try:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", candidate, re.ASCII):
                return datetime.fromisoformat(candidate).replace(tzinfo=UTC)
            moment = datetime.fromisoformat(candidate)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None or "T" not in candidate.replace(" ", "T"):
            raise ValueError("must be a time such as 2026-01-31T12:00:00Z, or a date")
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            raise ValueError("must be between the years 1 and 9999 in UTC") from None

    def select(self, column: str) -> str:
        """Return the SQL of the JSON value.

        to_char has no infinity, and shows the year 44 before Christ as 44.
        """
        text = f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
        usual = f"{column} >= '0001-01-01 UTC' AND {column} < '10000-01-01 UTC'"
        return f"CASE WHEN {usual} THEN {text} ELSE {column}::text END"

    def cursor(self, column: str) -> str:
        return f"{column} AT TIME ZONE 'UTC'"

    def from_cursor(self, parameter: str) -> str:
        return f"CAST(:{parameter} AS timestamp) AT TIME ZONE 'UTC'"

    def trusted(self, column: str) -> str:
        return f"{column} ~ '^{DAY}{TIME}$'"

    def check(self, column: str) -> str:
        if self.non_finite:
            return ""
        return f"{column} >= '0001-01-01 UTC' AND {column} < '10000-01-01 UTC'"

    def body_schema(self) -> Schema:
        return self.row_schema()

    def row_schema(self) -> Schema:
        form = {"pattern": TIME_PATTERN} if self.non_finite else {"format": "date-time"}
        return or_null({"type": "string", **form}, nullable=self.nullable)

    def filter_schema(self) -> Schema:
        formats = ("date-time", "date")
        forms: list[Schema] = [{"type": "string", "format": name} for name in formats]
        far = [{"type": "string", "pattern": TIME_PATTERN}] if self.non_finite else []
        return {"anyOf": [*forms, *far]}

    def orm(self, types: Any) -> Any:
        return types.DateTime(timezone=True)

    def analyst_bytes(self) -> int:
        return 40

    def bounds(self) -> list[object]:
        usual: list[object] = ["0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"]
        return [*usual, *FAR] if self.non_finite else usual

    def invalid(self) -> list[tuple[object, str]]:
        times = ("", "2026-01-31", "2026-02-29T12:00:00Z", "2026-01-31T12:00:00", "now")
        outside = ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"]
        outside += [] if self.non_finite else FAR
        return [(5, "type"), ([], "type"), *((text, "invalid") for text in (*times, *outside))]

    def sample(self, n: int) -> object:
        moment = FIRST_SAMPLE + timedelta(minutes=n - 1)
        return f"{moment.isoformat(timespec='microseconds')}Z"

    def _far(self, text: str) -> str:
        if not self.non_finite:
            raise ValueError(text)
        return far_text(text, FAR_TIME)


def _parse_rfc3339(text: str) -> datetime:
    if not RFC_3339.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text).astimezone(UTC)


def far_text(text: str, form: str) -> str:
    """Return a day or a time that Python does not have, as PostgreSQL writes it.

    It is `infinity` or `-infinity`, or before the year 1 or after 9999, such as `0044-03-15 BC`.
    Raise ValueError if the text does not have the form, or there is no such day.
    """
    if text in INFINITE:
        return text
    found = re.fullmatch(form, text, re.ASCII)
    if found is None or int(found[1]) == 0:
        raise ValueError(text)
    year, month, day = (int(part) for part in found.group(1, 2, 3))
    if found[found.re.groups]:
        year = 1 - year
    date(year % 400 + 2000, month, day)  # the calendar repeats itself after 400 years
    last = LAST_DAY if form is FAR_DATE else LAST_DAY_WITH_TIME
    if 1 <= year <= 9999 or not FIRST_DAY <= (year, month, day) <= last:
        raise ValueError(text)
    return text


def place_of(value: date | str) -> tuple[float, object]:
    """Return what puts days or times of one kind in order, also those of `far_text`."""
    if isinstance(value, date):
        return value.year, value
    if value in INFINITE:
        return float(value), ""
    year, _, rest = value.partition("-")
    return 1 - int(year) if value.endswith(" BC") else int(year), rest

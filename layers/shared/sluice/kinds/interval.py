"""Interval: a duration of months, days and seconds."""

import re
from decimal import Decimal

from sluice.kinds.field import Field, Schema, or_null, reject

PART = r"[+-]?[0-9]{1,10}"
SECONDS = r"[+-]?[0-9]{1,10}([.][0-9]{1,6})?"
FORM = (
    rf"P(?=[0-9T+-])(?:({PART})Y)?(?:({PART})M)?(?:({PART})W)?(?:({PART})D)?"
    rf"(?:T(?=[0-9+-])(?:({PART})H)?(?:({PART})M)?(?:({SECONDS})S)?)?"
)
DURATION = re.compile(FORM, re.ASCII)
MESSAGE = "must be an ISO 8601 duration such as P1DT2H30M"
MAX_YEARS = 178_000_000
MAX_DAYS = 2**31 - 1
MAX_HOURS = 2_000_000_000
HOUR = 3_600_000_000  # microseconds
MINUTE = 60_000_000


class Interval(Field):
    """A duration in ISO 8601, in which each part has a sign of its own, such as P1Y3DT-4H.

    A month has no fixed length. P1M and P30D are different values, but PostgreSQL sorts and
    compares them as equal. P1Y-2M and P10M are the same value.
    """

    sql_type: str = "interval"
    graphql_type: str = "Duration"
    splits_at_commas: bool = True

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, str):
            reject(pointer, "type", "must be a string")
        try:
            return self.parse(value.strip())
        except ValueError as error:
            reject(pointer, "invalid", str(error))

    def parse(self, text: str) -> str:
        """Return the duration in months, days, hours, minutes and seconds.

        Some versions of PostgreSQL reject a part of more than 32 bits, such as PT3000000000S.
        """
        found = DURATION.fullmatch(text)
        if found is None:
            raise ValueError(MESSAGE)
        years, months, weeks, days, hours, minutes, seconds = (
            Decimal(part or 0) for part in found.group(1, 2, 3, 4, 5, 6, 7)
        )
        all_months = int(years * 12 + months)
        all_days = int(weeks * 7 + days)
        microseconds = int(hours * HOUR + minutes * MINUTE + seconds * 1_000_000)
        if (
            abs(all_months) > MAX_YEARS * 12
            or abs(all_days) > MAX_DAYS
            or abs(microseconds) > MAX_HOURS * HOUR
        ):
            limits = f"{MAX_YEARS} years, {MAX_DAYS} days and {MAX_HOURS} hours"
            raise ValueError(f"must have at most {limits}")
        return f"P{all_months}M{all_days}D{_time(microseconds)}"

    def select(self, column: str) -> str:
        """Return the text that IntervalStyle `iso_8601` would have: no setting changes it."""

        def part(name: str, letter: str) -> str:
            return f"nullif(extract({name} FROM {column}), 0) || '{letter}'"

        seconds = f"trim_scale(nullif(extract(second FROM {column}), 0)) || 'S'"
        time = f"'T' || nullif(concat({part('hour', 'H')}, {part('minute', 'M')}, {seconds}), '')"
        days = ", ".join((part("year", "Y"), part("month", "M"), part("day", "D")))
        text = f"coalesce(nullif('P' || concat({days}, {time}), 'P'), 'PT0S')"
        return f"CASE WHEN isfinite({column}) THEN {text} ELSE {column}::text END"

    def cursor(self, column: str) -> str:
        return self.select(column)  # `::text` depends on IntervalStyle

    def check(self, column: str) -> str:
        return f"isfinite({column})"

    def body_schema(self) -> Schema:
        return self.row_schema()

    def row_schema(self) -> Schema:
        return or_null(self.filter_schema(), nullable=self.nullable)

    def filter_schema(self) -> Schema:
        return {"type": "string", "pattern": f"^{FORM}$"}

    def bounds(self) -> list[object]:
        largest = f"P{MAX_YEARS}Y{MAX_DAYS}DT{MAX_HOURS}H"
        lowest = f"P-{MAX_YEARS}Y-{MAX_DAYS}DT-{MAX_HOURS}H"
        return [largest, lowest, "PT0S", "P10M3DT-4H-5M-6.789S", "PT0.000001S", "PT-0.5S"]

    def invalid(self) -> list[tuple[object, str]]:
        texts = ("", "P", "PT", "P1", "1D", "P1.5D", "P1DT", "PT1H1H", "p1d", "1 day", "infinity")
        outside = (f"P{MAX_YEARS}Y1M", f"P1W{MAX_DAYS}D", f"PT{MAX_HOURS}H1S", "P9999999999Y")
        return [(5, "type"), ([], "type"), *((text, "invalid") for text in (*texts, *outside))]

    def sample(self, n: int) -> object:
        return f"P{n}D"


def _time(microseconds: int) -> str:
    sign = "-" if microseconds < 0 else ""
    hours, rest = divmod(abs(microseconds), HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds, fraction = divmod(rest, 1_000_000)
    return f"T{sign}{hours}H{sign}{minutes}M{sign}{seconds}.{fraction:06}S"

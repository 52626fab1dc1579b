"""Date: a day without a time."""

import re
from contextlib import suppress
from datetime import date, timedelta
from typing import ClassVar, Unpack

from sluice.kinds.field import Field, FieldOptions, Schema, or_null, reject
from sluice.kinds.timestamp import (
    DATE_PATTERN,
    DAY,
    FAR_DATE,
    FAR_DATES,
    WRONG_FAR_DATES,
    far_text,
)

ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
MAX_SAMPLES = 2_000_000  # to the year 7501
FIRST_SAMPLE = date(2026, 1, 31)


class Date(Field):
    """A day. Its JSON value is an RFC 3339 full-date, such as 2026-01-31.

    non_finite: whether it may be infinite, before the year 1, or after the year 9999. Such a value
        is a text of PostgreSQL: see `far_text` in timestamp.py. Responses have it in any case.
    """

    sql_type: str = "date"
    graphql_type: str = "Date"
    orm_type: ClassVar[str] = "Date"
    is_key: ClassVar[bool] = True
    splits_at_commas: bool = True

    def __init__(
        self, name: str, *, non_finite: bool = False, **options: Unpack[FieldOptions]
    ) -> None:
        super().__init__(name, **options)
        self.non_finite = non_finite
        if non_finite:
            self.graphql_type = "ExtendedDate"

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, str):
            reject(pointer, "type", "must be a string")
        try:
            return self.parse(value.strip())
        except ValueError as error:
            reject(pointer, "invalid", str(error))

    def parse(self, text: str) -> date | str:
        if self.non_finite:
            with suppress(ValueError):
                return far_text(text, FAR_DATE)
        return parse_date(text)

    def cursor(self, column: str) -> str:
        return column  # JSON has it in ISO 8601, which every DateStyle reads

    def trusted(self, column: str) -> str:
        return f"{column} ~ '^{DAY}$'"

    def check(self, column: str) -> str:
        return "" if self.non_finite else f"{column} BETWEEN '0001-01-01' AND '9999-12-31'"

    def body_schema(self) -> Schema:
        return self.row_schema()

    def row_schema(self) -> Schema:
        return or_null(self.filter_schema(), nullable=self.nullable)

    def filter_schema(self) -> Schema:
        if self.non_finite:
            return {"type": "string", "pattern": DATE_PATTERN}
        return {"type": "string", "format": "date"}

    def analyst_bytes(self) -> int:
        return 13  # with BC

    def bounds(self) -> list[object]:
        usual: list[object] = ["0001-01-01", "9999-12-31"]
        return [*usual, *FAR_DATES] if self.non_finite else usual

    def invalid(self) -> list[tuple[object, str]]:
        texts = ("", "2026-02-29", "2026-1-1", "31.01.2026", "2026-01-31T00:00:00Z")
        far = WRONG_FAR_DATES if self.non_finite else FAR_DATES
        return [(5, "type"), ([], "type"), *((text, "invalid") for text in (*texts, *far))]

    def sample(self, n: int) -> object:
        return (FIRST_SAMPLE + timedelta(days=(n - 1) % MAX_SAMPLES)).isoformat()


def parse_date(text: str) -> date:
    """Return the day from the year 1 to 9999. Raise ValueError with the reason."""
    if ISO_DATE.fullmatch(text):
        with suppress(ValueError):
            return date.fromisoformat(text)
    raise ValueError("must be a date such as 2026-01-31")

"""Date: a day without a time."""

import re
from contextlib import suppress
from datetime import date, timedelta
from typing import ClassVar

from sluice.kinds.field import Field, Schema, or_null, reject
from sluice.kinds.timestamp import DAY

ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
FIRST_SAMPLE = date(2026, 1, 31)


class Date(Field):
    """A day. Its JSON value is an RFC 3339 full-date, such as 2026-01-31."""

    sql_type: str = "date"
    graphql_type: str = "Date"
    orm_type: ClassVar[str] = "Date"
    is_key: ClassVar[bool] = True
    splits_at_commas: bool = True

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, str):
            reject(pointer, "type", "must be a string")
        try:
            return self.parse(value.strip())
        except ValueError as error:
            reject(pointer, "invalid", str(error))

    def parse(self, text: str) -> date:
        if ISO_DATE.fullmatch(text):
            with suppress(ValueError):
                return date.fromisoformat(text)
        raise ValueError("must be a date such as 2026-01-31")

    def cursor(self, column: str) -> str:
        return column  # JSON has it in ISO 8601, which every DateStyle reads

    def trusted(self, column: str) -> str:
        return f"{column} ~ '^{DAY}$'"

    def check(self, column: str) -> str:
        return f"{column} BETWEEN '0001-01-01' AND '9999-12-31'"

    def body_schema(self) -> Schema:
        return self.row_schema()

    def row_schema(self) -> Schema:
        return or_null(self.filter_schema(), nullable=self.nullable)

    def filter_schema(self) -> Schema:
        return {"type": "string", "format": "date"}

    def analyst_bytes(self) -> int:
        return 13  # with BC

    def bounds(self) -> list[object]:
        return ["0001-01-01", "9999-12-31"]

    def invalid(self) -> list[tuple[object, str]]:
        texts = ("", "2026-02-29", "2026-1-1", "31.01.2026", "2026-01-31T00:00:00Z")
        return [(5, "type"), ([], "type"), *((text, "invalid") for text in texts)]

    def sample(self, n: int) -> object:
        return (FIRST_SAMPLE + timedelta(days=n - 1)).isoformat()

"""Time: a time of day without a time zone."""

import re
from typing import ClassVar

from sluice.kinds.field import Field, Schema, or_null, reject

FORM = r"(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?|24:00:00([.]0{1,6})?)"
TIME_OF_DAY = re.compile(FORM, re.ASCII)


class Time(Field):
    """A time from 00:00:00 to 24:00:00, with microseconds. Its value is a text.

    Python's `time` has no 24:00:00, which PostgreSQL has.
    """

    sql_type: str = "time"
    graphql_type: str = "LocalTime"
    orm_type: ClassVar[str] = "Time"
    splits_at_commas: bool = True

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, str):
            reject(pointer, "type", "must be a string")
        try:
            return self.parse(value.strip())
        except ValueError as error:
            reject(pointer, "invalid", str(error))

    def parse(self, text: str) -> str:
        """Return the time as PostgreSQL shows it, without zeros at the end of a fraction."""
        if not TIME_OF_DAY.fullmatch(text):
            raise ValueError("must be a time without a zone, such as 12:30:00")
        return text.rstrip("0").rstrip(".") if "." in text else text

    def trusted(self, column: str) -> str:
        return f"{column} ~ '^{FORM}$'"

    def body_schema(self) -> Schema:
        return self.row_schema()

    def row_schema(self) -> Schema:
        return or_null(self.filter_schema(), nullable=self.nullable)

    def filter_schema(self) -> Schema:
        return {"type": "string", "pattern": f"^{FORM}$"}

    def analyst_bytes(self) -> int:
        return 15

    def bounds(self) -> list[object]:
        return ["00:00:00", "24:00:00", "23:59:59.999999", "12:30:00.5"]

    def invalid(self) -> list[tuple[object, str]]:
        texts = ("", "12:30", "24:00:01", "23:59:60", "12:30:00Z", "12:30:00.1234567", "noon")
        return [(5, "type"), ([], "type"), *((text, "invalid") for text in texts)]

    def sample(self, n: int) -> object:
        hour, minute, second = n // 3600 % 24, n // 60 % 60, n % 60
        return f"{hour:02}:{minute:02}:{second:02}"

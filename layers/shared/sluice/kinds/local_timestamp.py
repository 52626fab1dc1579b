"""LocalTimestamp: a date and a time of day without a time zone."""

import re
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar, Unpack

from sluice.kinds.field import Field, FieldOptions, Schema, or_null, reject
from sluice.kinds.timestamp import (
    DAY,
    FAR_LOCAL_TIME,
    FIRST_SAMPLE,
    INFINITE,
    TIME_PATTERN,
    far_text,
)

LOCAL = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?",
    re.ASCII,
)
TIME = r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
MESSAGE = "must be a time without a zone, such as 2026-01-31T12:00:00"
FAR = [*INFINITE, "4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999"]


class LocalTimestamp(Field):
    """A date and a time of day. Its JSON value has microseconds and no zone.

    non_finite: as that of Timestamp.
    """

    sql_type: str = "timestamp"
    graphql_type: str = "LocalDateTime"
    orm_type: ClassVar[str] = "DateTime"
    range_filters: ClassVar[tuple[tuple[str, str], ...]] = (("_after", ">="), ("_before", "<"))
    splits_at_commas: bool = True

    def __init__(
        self, name: str, *, non_finite: bool = False, **options: Unpack[FieldOptions]
    ) -> None:
        super().__init__(name, **options)
        self.non_finite = non_finite

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, str):
            reject(pointer, "type", "must be a string")
        text = value.strip()
        if ISO_DATE.fullmatch(text):
            reject(pointer, "invalid", MESSAGE)
        try:
            return self.parse(text)
        except ValueError as error:
            reject(pointer, "invalid", str(error))

    def parse(self, text: str) -> datetime | str:
        """Return a time, or the midnight of a date."""
        with suppress(ValueError):
            if LOCAL.fullmatch(text) or ISO_DATE.fullmatch(text):
                return datetime.fromisoformat(text.upper())
            if self.non_finite:
                return far_text(text, FAR_LOCAL_TIME)
        raise ValueError(MESSAGE)

    def select(self, column: str) -> str:
        text = f"""to_char({column}, 'YYYY-MM-DD"T"HH24:MI:SS.US')"""
        usual = f"{column} >= '0001-01-01' AND {column} < '10000-01-01'"
        return f"CASE WHEN {usual} THEN {text} ELSE {column}::text END"

    def cursor(self, column: str) -> str:
        return column  # JSON has it in ISO 8601, which every DateStyle reads

    def trusted(self, column: str) -> str:
        return f"{column} ~ '^{DAY}{TIME}$'"

    def check(self, column: str) -> str:
        usual = f"{column} >= '0001-01-01' AND {column} < '10000-01-01'"
        return "" if self.non_finite else usual

    def body_schema(self) -> Schema:
        return self.row_schema()

    def row_schema(self) -> Schema:
        return or_null({"type": "string", "pattern": self._pattern}, nullable=self.nullable)

    def filter_schema(self) -> Schema:
        time = {"type": "string", "pattern": self._pattern}
        return {"anyOf": [time, {"type": "string", "format": "date"}]}

    def orm(self, types: Any) -> Any:
        return types.DateTime(timezone=False)

    def analyst_bytes(self) -> int:
        return 40

    def bounds(self) -> list[object]:
        usual: list[object] = ["0001-01-01T00:00:00.000000", "9999-12-31T23:59:59.999999"]
        return [*usual, *FAR] if self.non_finite else usual

    def invalid(self) -> list[tuple[object, str]]:
        texts = ["", "2026-01-31", "2026-02-29T12:00:00", "2026-01-31T12:00:00Z", "now"]
        texts += ["2026-01-31T12:00:00+01:00", "2026-01-31T12:00", "0000-01-01T00:00:00"]
        texts += [] if self.non_finite else FAR
        return [(5, "type"), ([], "type"), *((text, "invalid") for text in texts)]

    def sample(self, n: int) -> object:
        moment = FIRST_SAMPLE + timedelta(minutes=n - 1)
        return moment.isoformat(timespec="microseconds")

    @property
    def _pattern(self) -> str:
        return TIME_PATTERN if self.non_finite else f"^{LOCAL.pattern}$"

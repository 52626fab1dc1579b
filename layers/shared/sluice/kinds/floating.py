"""Float and Real: binary floating-point numbers of 8 and of 4 bytes."""

import math
import re
import struct
from decimal import Decimal
from typing import ClassVar, Unpack

from sluice.kinds.field import Field, FieldOptions, Schema, or_null, reject

NUMBER = re.compile(r"[+-]?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,4})?", re.ASCII)
NON_FINITE = ("NaN", "Infinity", "-Infinity")


class Float(Field):
    """A number that is rounded to about 15 digits, between two bounds, which are included.

    non_finite: whether it may be NaN or infinite. JSON has the strings of NON_FINITE then.

    -0 becomes 0, because most JSON parsers read -0 as a whole number.
    """

    sql_type: str = "double precision"
    graphql_type: str = "Double"
    orm_type: ClassVar[str] = "Double"
    splits_at_commas: bool = True
    largest: ClassVar[float] = 1.7976931348623157e308
    smallest: ClassVar[float] = 5e-324

    def __init__(
        self,
        name: str,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
        non_finite: bool = False,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(name, **options)
        self.minimum = -self.largest if minimum is None else minimum
        self.maximum = self.largest if maximum is None else maximum
        self.non_finite = non_finite
        self._stored_bounds = (
            self._rounded(Decimal(repr(self.minimum))),
            self._rounded(Decimal(repr(self.maximum))),
        )

    def read_value(self, value: object, pointer: str) -> object:
        if self.non_finite and isinstance(value, str) and value in NON_FINITE:
            return float(value)
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            reject(pointer, "type", "must be a number")
        try:
            number = self._rounded(Decimal(repr(value) if isinstance(value, float) else value))
        except (OverflowError, ValueError):
            number = math.nan
        lowest, highest = self._stored_bounds
        if not lowest <= number <= highest:
            reject(pointer, "out_of_range", f"must be from {self.minimum} to {self.maximum}")
        return number

    def parse(self, text: str) -> object:
        if self.non_finite and text in NON_FINITE:
            return float(text)
        if not NUMBER.fullmatch(text):
            raise ValueError("must be a number")
        try:
            return self._rounded(Decimal(text))
        except (OverflowError, ValueError):
            raise ValueError(f"must be a number from {-self.largest} to {self.largest}") from None

    def parse_csv(self, text: str) -> object:
        stripped = text.strip()
        return Decimal(stripped) if NUMBER.fullmatch(stripped) else text

    def trusted(self, column: str) -> str:
        pattern = f"{column} ~ '^(0|-?[1-9][0-9]{{0,14}})([.][0-9]{{1,15}})?$'"  # without -0
        if (self.minimum, self.maximum) == (-self.largest, self.largest):
            return pattern
        between = self._between(f"CAST({column} AS {self.sql_type})")
        return f"CASE WHEN {pattern} THEN {between} ELSE false END"

    def check(self, column: str) -> str:
        between = self._between(column)  # false for NaN, which is greater than all numbers
        if not self.non_finite:
            return between
        others = ", ".join(f"'{text}'" for text in NON_FINITE)
        return f"({between} OR {column} IN ({others}))"

    def body_schema(self) -> Schema:
        number = {"type": "number", "minimum": self.minimum, "maximum": self.maximum}
        return self._with_texts(number)

    def row_schema(self) -> Schema:
        return self._with_texts({"type": "number"})

    def filter_schema(self) -> Schema:
        number = {"type": "number", "minimum": -self.largest, "maximum": self.largest}
        return {"anyOf": [number, {"enum": list(NON_FINITE)}]} if self.non_finite else number

    def analyst_bytes(self) -> int:
        return 24

    def bounds(self) -> list[object]:
        others: list[object] = [*NON_FINITE] if self.non_finite else []
        small = (self.smallest, -self.smallest, 0.1, 0)
        inside = [n for n in small if self.minimum <= n <= self.maximum]
        return [self.minimum, self.maximum, *inside, *others]

    def invalid(self) -> list[tuple[object, str]]:
        below = Decimal(self.minimum) - Decimal(abs(self.minimum) or 1)
        above = Decimal(self.maximum) + Decimal(abs(self.maximum) or 1)
        others: tuple[object, ...] = ("1.5", "", "nan", "inf", True, [], {})
        texts = () if self.non_finite else NON_FINITE
        return [
            *((n, "out_of_range") for n in (below, above, Decimal("1e-400"), Decimal("1e400"))),
            *((other, "type") for other in (*others, *texts)),
        ]

    def sample(self, n: int) -> object:
        return min(max(self.minimum, n + 0.5), self.maximum)

    def _rounded(self, exact: Decimal) -> float:
        """Return the nearest value of the type.

        Raise OverflowError or ValueError for a number that PostgreSQL rejects, because it would
        become infinite or 0, and for one above the largest that the schema has.
        """
        if exact.copy_abs() > Decimal(repr(self.largest)):
            raise ValueError("out of range")
        number = float(exact) + 0.0  # -0 becomes 0
        if math.isinf(number) or (number == 0 and exact != 0):
            raise ValueError("out of range")
        return number

    def _between(self, number: str) -> str:
        lowest, highest = (
            f"CAST({bound!r} AS {self.sql_type})" for bound in (self.minimum, self.maximum)
        )
        return f"{number} BETWEEN {lowest} AND {highest}"

    def _with_texts(self, number: Schema) -> Schema:
        if not self.non_finite:
            return or_null(number, nullable=self.nullable)
        null = [{"type": "null"}] if self.nullable else []
        return {"anyOf": [number, {"enum": list(NON_FINITE)}, *null]}


class Real(Float):
    """A number that is rounded to about 6 digits. A rule gets the rounded value."""

    sql_type: str = "real"
    orm_type: ClassVar[str] = "REAL"
    largest: ClassVar[float] = 3.4028235e38
    smallest: ClassVar[float] = 1e-45

    def _rounded(self, exact: Decimal) -> float:
        number = super()._rounded(exact)
        stored: float = struct.unpack("f", struct.pack("f", number))[0]  # or OverflowError
        if stored == 0 and number != 0:
            raise ValueError("out of range")
        return stored

"""SmallInt, Integer and BigInt: whole numbers of 2, 4 and 8 bytes."""

import re
from decimal import Decimal
from typing import ClassVar, Unpack

from sluice.errors import FieldError, InvalidParameter, NotFound
from sluice.kinds.field import Field, FieldOptions, Schema, or_null, reject

DIGITS = re.compile(r"\d+", re.ASCII)
NUMBER = re.compile(r"-?\d+", re.ASCII)
CSV_NUMBER = re.compile(r"[+-]?\d{1,20}", re.ASCII)


class BigInt(Field):
    """A whole number between two bounds, which are included.

    A filter on one value, or on a range, accepts every value of the type: a number outside the
    bounds finds no row. Only the lowest value of the type must be within the bounds, as all values
    of a list must be.
    """

    sql_type: str = "bigint"
    graphql_type: str = "BigInt"
    orm_type: ClassVar[str] = "BigInteger"
    is_key: ClassVar[bool] = True
    splits_at_commas: bool = True
    largest: ClassVar[int] = 2**63 - 1

    def __init__(
        self,
        name: str,
        *,
        minimum: int | None = None,
        maximum: int | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(name, **options)
        self._has_minimum = minimum is not None
        self.minimum = -self.largest - 1 if minimum is None else minimum
        self.maximum = self.largest if maximum is None else maximum

    def read_value(self, value: object, pointer: str) -> object:
        if isinstance(value, Decimal) and _is_whole(value):  # JSON Schema counts 3.0 as an integer
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            reject(pointer, "type", "must be a whole number")
        if not self.minimum <= value <= self.maximum:
            reject(pointer, "out_of_range", f"must be from {self.minimum} to {self.maximum}")
        return value

    def parse(self, text: str) -> object:
        return parse_whole_number(text, self._lowest, self.largest)

    def parse_item(self, text: str) -> object:
        return parse_whole_number(text, self.minimum, self.maximum)

    def parse_id(self, text: str) -> object:
        if not self._key_form.fullmatch(text):
            raise ValueError("must be a whole number")
        return parse_whole_number(text, self._lowest, self.largest)

    def parse_path(self, text: str) -> object:
        if not self._key_form.fullmatch(text):
            invalid = FieldError("invalid", "must be a whole number", parameter=self.name)
            raise InvalidParameter(errors=[invalid])
        if len(text.lstrip("-")) > len(str(self.largest)):
            raise NotFound
        number = int(text)
        if not self._lowest <= number <= self.largest:
            raise NotFound
        return number

    def parse_csv(self, text: str) -> object:
        return int(text) if CSV_NUMBER.fullmatch(text.strip()) else text

    def trusted(self, column: str) -> str:
        digits = len(str(self.largest)) - 1  # every number of so many digits is of the type
        highest = 10**digits - 1
        if self.minimum == 1:
            lowest, pattern = 1, f"{column} ~ '^[1-9][0-9]{{0,{digits - 1}}}$'"
        elif self.minimum < 0:
            lowest, pattern = -highest, f"{column} ~ '^-?[0-9]{{1,{digits}}}$'"
        else:
            lowest, pattern = 0, f"{column} ~ '^[0-9]{{1,{digits}}}$'"
        if self.minimum <= lowest and highest <= self.maximum:
            return pattern  # each such text is within the bounds
        bounds = f"CAST({column} AS {self.sql_type}) BETWEEN {self.minimum} AND {self.maximum}"
        return f"CASE WHEN {pattern} THEN {bounds} ELSE false END"

    def check(self, column: str) -> str:
        if self.maximum < self.largest:
            return f"{column} BETWEEN {self.minimum} AND {self.maximum}"
        return f"{column} >= {self.minimum}" if self.minimum >= -self.largest else ""

    def body_schema(self) -> Schema:
        schema = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return or_null(schema, nullable=self.nullable)

    def row_schema(self) -> Schema:
        return or_null({"type": "integer"}, nullable=self.nullable)

    def filter_schema(self) -> Schema:
        return {"type": "integer", "minimum": self._lowest, "maximum": self.largest}

    def path_schema(self) -> Schema:
        lowest = self._lowest if self.minimum < 0 else 0
        return {"type": "integer", "minimum": lowest, "maximum": self.largest}

    def list_item_schema(self) -> Schema:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}

    def analyst_bytes(self) -> int:
        return 20

    def bounds(self) -> list[object]:
        """Return the bounds. The table may have a lowest number that is not declared."""
        return [self.minimum, self.maximum] if self._has_minimum else [self.maximum]

    def invalid(self) -> list[tuple[object, str]]:
        outside = (self.minimum - 1, self.maximum + 1)
        others: tuple[object, ...] = (1.5, "1", "", True, [], {})
        return [*((n, "out_of_range") for n in outside), *((other, "type") for other in others)]

    def sample(self, n: int) -> object:
        if self.maximum < 1:
            return self.maximum - (n - 1) % (self.maximum - self.minimum + 1)
        first = max(self.minimum, 1)
        return first + (n - 1) % (self.maximum - first + 1)

    @property
    def _lowest(self) -> int:
        """The lowest number that a filter or a key accepts."""
        return min(self.minimum, -self.largest)

    @property
    def _key_form(self) -> re.Pattern[str]:
        return NUMBER if self.minimum < 0 else DIGITS


class Integer(BigInt):
    """A whole number of 4 bytes."""

    sql_type: str = "integer"
    graphql_type: str = "Int"
    orm_type: ClassVar[str] = "Integer"
    largest: ClassVar[int] = 2**31 - 1


class SmallInt(BigInt):
    """A whole number of 2 bytes."""

    sql_type: str = "smallint"
    graphql_type: str = "Int"
    orm_type: ClassVar[str] = "SmallInteger"
    largest: ClassVar[int] = 2**15 - 1


def parse_whole_number(text: str, minimum: int, maximum: int) -> int:
    """Return the number. Raise ValueError if it is no number, or not within the bounds."""
    is_number = re.fullmatch(r"-?\d{1,19}", text, re.ASCII)
    if not is_number or not minimum <= int(text) <= maximum:
        raise ValueError(f"must be a whole number from {minimum} to {maximum}")
    return int(text)


def _is_whole(number: Decimal) -> bool:
    # The magnitude is checked first, because arithmetic on 1e1000000 overflows.
    return number.adjusted() < 19 and number == number.to_integral_value()

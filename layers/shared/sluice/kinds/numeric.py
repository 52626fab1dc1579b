"""Numeric: exact decimal numbers. Their JSON value is a string, as most clients read floats."""

import re
from decimal import Context, Decimal
from typing import Any, ClassVar, Unpack

from sluice.kinds.field import Field, FieldOptions, Schema, or_null, reject

AMOUNT = re.compile(r"-?(\d+)(?:\.(\d+))?", re.ASCII)
MAX_DIGITS = 20  # before and after the point of an amount in a body, if the type has no more
CENTS = Decimal("0.99")  # of the samples
FEW = ("no decimals", "one decimal", "two decimals")


class Numeric(Field):
    """A number with `precision` digits, `scale` of them after the point; both bounds included."""

    sql_type: str = "numeric"
    graphql_type: str = "Decimal"
    orm_type: ClassVar[str] = "Numeric"

    def __init__(
        self,
        name: str,
        *,
        precision: int,
        scale: int,
        minimum: int | None = None,
        maximum: int | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(name, **options)
        self.precision = precision
        self.scale = scale
        self.largest = Decimal((0, (9,) * precision, -scale))  # of the type
        self.minimum = self.largest.copy_negate() if minimum is None else Decimal(minimum)
        self.maximum = self.largest if maximum is None else Decimal(maximum)
        self._step = Decimal((0, (1,), -scale))
        # A result that needs more digits than the context has is an error, by default after 28.
        self._context = Context(precision + 1)

    def read_value(self, value: object, pointer: str) -> object:
        if isinstance(value, str) and self._is_amount(value.strip()):
            value = Decimal(value.strip())
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            reject(pointer, "type", 'must be an amount such as "19.99"')
        number = Decimal(value)
        if not self.minimum <= number <= self.maximum:
            reject(pointer, "out_of_range", f"must be from {self.minimum} to {self.maximum}")
        rounded = self._round(number)
        if number != rounded:
            few = FEW[self.scale] if self.scale < len(FEW) else f"{self.scale} decimals"
            reject(pointer, "invalid", f"must have at most {few}")
        return rounded

    def parse(self, text: str) -> object:
        if not re.fullmatch(r"-?\d{1,15}(\.\d{1,10})?", text, re.ASCII):
            raise ValueError("must be an amount such as 19.99")
        return Decimal(text)

    def select(self, column: str) -> str:
        return f"{column}::text"

    def trusted(self, column: str) -> str:
        digits = max(self.precision - self.scale, 1)
        fraction = f"([.][0-9]{{1,{self.scale}}})?" if self.scale else ""
        pattern = f"{column} ~ '^[0-9]{{1,{digits}}}{fraction}$'"
        if self.minimum <= 0 and self.maximum == self.largest and self.precision > self.scale:
            return pattern  # each such text is within the bounds of the type
        bounds = f"CAST({column} AS numeric) BETWEEN {self.minimum} AND {self.maximum}"
        return f"CASE WHEN {pattern} THEN {bounds} ELSE false END"

    def ddl(self) -> str:
        return f"numeric({self.precision}, {self.scale})"

    def check(self, column: str) -> str:
        if self.maximum < self.largest:
            return f"{column} BETWEEN {self.minimum} AND {self.maximum}"
        is_number = f"{column} <> 'NaN'"  # NaN is greater than all numbers
        if self.minimum == self.largest.copy_negate():
            return is_number
        return f"{column} >= {self.minimum} AND {is_number}"

    def body_schema(self) -> Schema:
        number = {
            "type": "number",
            "minimum": _json_number(self.minimum),
            "maximum": _json_number(self.maximum),
            "multipleOf": 10.0**-self.scale,
        }
        digits = max(self.precision - self.scale, 1)
        fraction = rf"(\.[0-9]{{1,{self.scale}}})?" if self.scale else ""
        text = {"type": "string", "pattern": f"^{self._sign}[0-9]{{1,{digits}}}{fraction}$"}
        null = [{"type": "null"}] if self.nullable else []
        return {"anyOf": [text, number, *null]}

    def row_schema(self) -> Schema:
        fraction = rf"\.[0-9]{{{self.scale}}}" if self.scale else ""
        schema = {"type": "string", "pattern": f"^{self._sign}[0-9]+{fraction}$"}
        return or_null(schema, nullable=self.nullable)

    def filter_schema(self) -> Schema:
        return {"type": "string", "pattern": r"^-?[0-9]{1,15}(\.[0-9]{1,10})?$"}

    def orm(self, types: Any) -> Any:
        return types.Numeric(self.precision, self.scale)

    def analyst_bytes(self) -> int:
        return max(self.precision + 2, 20)  # with a sign and a point

    def bounds(self) -> list[object]:
        lowest = [] if self.minimum == self.largest.copy_negate() else [self.minimum]
        return [f"{self._round(number):f}" for number in (*lowest, self.maximum)]

    def invalid(self) -> list[tuple[object, str]]:
        exact = Context(self.precision + 2)
        below = exact.subtract(self.minimum, self._step)
        above = exact.add(self.maximum, self._step)
        finer = exact.subtract(self.maximum, self._step.scaleb(-1))
        others: tuple[object, ...] = ("", "free", "1e2", "1,50", "٣", True, [], {})
        return [
            *((f"{number:f}", "out_of_range") for number in (below, above)),
            (f"{finer:f}", "invalid"),
            *((other, "type") for other in others),
        ]

    def sample(self, n: int) -> object:
        """Return 19.99 as the first amount, or another one if that is not within the bounds."""
        lowest = self.minimum if self.maximum < 0 else max(self.minimum, Decimal(0))
        steps = int(self.maximum - lowest) + 1
        number = lowest + (n + 18) % steps + CENTS
        return f"{self._round(min(number, self.maximum)):f}"

    @property
    def _sign(self) -> str:
        return "" if self.minimum >= 0 else "-?"

    def _is_amount(self, text: str) -> bool:
        parts = AMOUNT.fullmatch(text)
        longest = max(MAX_DIGITS, self.precision)
        if parts is None:
            return False
        whole, fraction = parts.groups("")
        return len(whole) <= longest and len(fraction) <= longest

    def _round(self, number: Decimal) -> Decimal:
        return number.quantize(self._step, context=self._context)


def _json_number(number: Decimal) -> int | float:
    return int(number) if number == int(number) else float(number)

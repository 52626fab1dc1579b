"""Numeric: exact decimal numbers. Their JSON value is a string, as most clients read floats."""

import re
from decimal import Context, Decimal
from typing import Any, ClassVar, Unpack

from sluice.kinds.field import DeclarationError, Field, FieldOptions, Schema, or_null, reject
from sluice.kinds.text import MAX_REPETITION

AMOUNT = re.compile(r"-?(\d+)(?:\.(\d+))?", re.ASCII)
MAX_DIGITS = 20  # before and after the point of an amount in a body, if the type has no more
MAX_FREE_DIGITS = 1_000  # of a number without precision; PostgreSQL has 131,072
MAX_TEXT_BYTES = 147_457  # of a number without precision, in PostgreSQL
CENTS = Decimal("0.99")  # of the samples
FEW = ("no decimals", "one decimal", "two decimals")
INFINITY = Decimal("Infinity")


class Numeric(Field):
    """A number with `precision` digits, `scale` of them after the point; both bounds included.

    Without `precision` a number keeps the digits with which it was sent. A negative scale rounds
    before the point. It needs PostgreSQL 15, as a scale above the precision does.
    non_finite: whether it may be NaN, and without `precision` also infinite.
    """

    sql_type: str = "numeric"
    graphql_type: str = "Decimal"
    orm_type: ClassVar[str] = "Numeric"
    splits_at_commas: bool = True

    def __init__(
        self,
        name: str,
        *,
        precision: int | None = None,
        scale: int | None = None,
        minimum: int | None = None,
        maximum: int | None = None,
        non_finite: bool = False,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(name, **options)
        if precision is None and scale is not None:
            raise DeclarationError(f"{self!r}: a `scale` needs a `precision`")
        self.precision = precision
        self.scale = (scale or 0) if precision is not None else None
        self.largest = INFINITY  # of the type
        if precision is not None:
            self.largest = Decimal((0, (9,) * precision, -(scale or 0)))
        self.minimum = self.largest.copy_negate() if minimum is None else Decimal(minimum)
        self.maximum = self.largest if maximum is None else Decimal(maximum)
        self.non_finite: tuple[str, ...] = ()
        if non_finite:
            self.non_finite = ("NaN", "Infinity", "-Infinity") if precision is None else ("NaN",)
        is_long = precision is None or max(precision - (scale or 0), scale or 0) > MAX_DIGITS
        if is_long or non_finite:
            self.graphql_type = "ExtendedDecimal"
        self._step = Decimal((0, (1,), -(scale or 0)))
        # A result that needs more digits than the context has is an error, by default after 28.
        self._context = Context((precision or MAX_FREE_DIGITS) + 1)

    def read_value(self, value: object, pointer: str) -> object:
        if isinstance(value, str):
            text = value.strip()
            if text in self.non_finite:
                return Decimal(text)
            value = Decimal(text) if self._is_amount(text) else value
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            reject(pointer, "type", 'must be an amount such as "19.99"')
        number = Decimal(value)
        if not self.minimum <= number <= self.maximum:
            reject(pointer, "out_of_range", f"must be from {self.minimum} to {self.maximum}")
        if self.scale is None:
            return self._with_all_digits(number, pointer)
        rounded = self._round(number)
        if number != rounded:
            reject(pointer, "invalid", f"must {self._wanted}")
        return rounded

    def parse(self, text: str) -> object:
        if text in self.non_finite:
            return Decimal(text)
        if not re.fullmatch(self._filter_form, text, re.ASCII):
            raise ValueError("must be an amount such as 19.99")
        return Decimal(text)

    def select(self, column: str) -> str:
        return f"{column}::text"

    def trusted(self, column: str) -> str:
        if self.precision is None or self.scale is None:
            pattern = f"{column} ~ '^[0-9]{{1,255}}([.][0-9]{{1,255}})?$'"
            if self.minimum <= 0 and self.maximum == INFINITY:
                return pattern
        else:
            if self.scale < 0 or self.precision > MAX_REPETITION or self.scale > MAX_REPETITION:
                return "false"
            digits = max(self.precision - self.scale, 1)
            pattern = f"{column} ~ '^[0-9]{{1,{digits}}}{self._fraction('[.]')}$'"
            if self.minimum <= 0 and self.maximum == self.largest and self.precision > self.scale:
                return pattern  # each such text is within the bounds of the type
        number = f"CAST({column} AS numeric)"
        between = f"{number} BETWEEN {_literal(self.minimum)} AND {_literal(self.maximum)}"
        return f"CASE WHEN {pattern} THEN {between} ELSE false END"

    def ddl(self) -> str:
        if self.precision is None:
            return "numeric"
        return f"numeric({self.precision}, {self.scale})"

    def check(self, column: str) -> str:
        has_minimum = self.minimum > self.largest.copy_negate()
        has_maximum = self.maximum < self.largest
        conditions = []
        if has_minimum:
            conditions.append(f"{column} >= {self.minimum:f}")
        elif self.precision is None and not self.non_finite:
            conditions.append(f"{column} > '-Infinity'")
        if has_maximum:
            conditions.append(f"{column} <= {self.maximum:f}")
        elif not self.non_finite:  # NaN is greater than all numbers, and than infinity
            above = "< 'Infinity'" if self.precision is None else "<> 'NaN'"
            conditions.append(f"{column} {above}")
        check = " AND ".join(conditions)
        texts = ", ".join(f"'{text}'" for text in self.non_finite)
        return f"({check} OR {column} IN ({texts}))" if check and texts else check

    def body_schema(self) -> Schema:
        number: Schema = {"type": "number"}
        if self.minimum.is_finite():
            number["minimum"] = _json_number(self.minimum)
        if self.maximum.is_finite():
            number["maximum"] = _json_number(self.maximum)
        digits = MAX_FREE_DIGITS
        if self.precision is not None and self.scale is not None:
            number["multipleOf"] = 10.0**-self.scale if self.scale > 0 else 10**-self.scale
            digits = max(self.precision - self.scale, 1)
        pattern = f"^{self._sign}[0-9]{{1,{digits}}}{self._fraction()}$"
        texts = [{"enum": list(self.non_finite)}] if self.non_finite else []
        null = [{"type": "null"}] if self.nullable else []
        return {"anyOf": [{"type": "string", "pattern": pattern}, number, *texts, *null]}

    def row_schema(self) -> Schema:
        fraction = r"(\.[0-9]+)?" if self.scale is None else ""
        if self.scale is not None and self.scale > 0:
            fraction = rf"\.[0-9]{{{self.scale}}}"
        number = f"{self._sign}[0-9]+{fraction}"
        if self.non_finite:
            number = f"({'|'.join([number, *self.non_finite])})"
        return or_null({"type": "string", "pattern": f"^{number}$"}, nullable=self.nullable)

    def filter_schema(self) -> Schema:
        number = {"type": "string", "pattern": f"^{self._filter_form}$"}
        return {"anyOf": [number, {"enum": list(self.non_finite)}]} if self.non_finite else number

    def orm(self, types: Any) -> Any:
        return types.Numeric(self.precision, self.scale)

    def analyst_bytes(self) -> int:
        if self.precision is None or self.scale is None:
            return MAX_TEXT_BYTES
        digits = max(self.precision, self.precision - self.scale, self.scale + 1)
        return max(digits + 2, 20)  # with a sign and a point

    def bounds(self) -> list[object]:
        if self.scale is None:
            return self._free_bounds()
        lowest = [] if self.minimum == self.largest.copy_negate() else [self.minimum]
        numbers = [f"{self._round(number):f}" for number in (*lowest, self.maximum)]
        return [*numbers, *self.non_finite]

    def _free_bounds(self) -> list[object]:
        """Return bounds of a number without precision, which has as many digits as it was given."""
        declared = [f"{n:f}" for n in (self.minimum, self.maximum) if n.is_finite()]
        digits = "9" * MAX_FREE_DIGITS
        large = [f"-{digits}.{digits}", f"{digits}.{digits}", "0.10", "-1.000"]
        inside = [text for text in large if self.minimum <= Decimal(text) <= self.maximum]
        return [*declared, *inside, *self.non_finite]

    def invalid(self) -> list[tuple[object, str]]:
        others: tuple[object, ...] = ("", "free", "1e2", "1,50", "٣", "infinity", True, [], {})
        infinite = [text for text in ("NaN", "Infinity") if text not in self.non_finite]
        wrong = [(other, "type") for other in (*others, *infinite)]
        if self.scale is None:
            return [*self._free_invalid(), *wrong]
        exact = Context((self.precision or 0) + 2)
        below = exact.subtract(self.minimum, self._step)
        above = exact.add(self.maximum, self._step)
        finer = exact.subtract(self.maximum, self._step.scaleb(-1))
        outside = [(f"{number:f}", "out_of_range") for number in (below, above)]
        return [*outside, (f"{finer:f}", "invalid"), *wrong]

    def _free_invalid(self) -> list[tuple[object, str]]:
        outside = [
            *([self.minimum - 1] if self.minimum.is_finite() else []),
            *([self.maximum + 1] if self.maximum.is_finite() else []),
        ]
        return [
            *((f"{number:f}", "out_of_range") for number in outside),
            ("9" * (MAX_FREE_DIGITS + 1), "type"),
        ]

    def sample(self, n: int) -> object:
        """Return 19.99 as the first amount, or another one if that is not within the bounds."""
        lowest = self.minimum if self.maximum < 0 else max(self.minimum, Decimal(0))
        if lowest.is_infinite():
            lowest = self.maximum - 1_000
        highest = min(self.maximum, lowest + 1_000_000)
        if self._step > 1 or highest - lowest < 1:
            count = int((highest - lowest) / self._step)
            return f"{self._round(lowest + (n - 1) % max(count, 1) * self._step):f}"
        steps = int(highest - lowest) + 1
        number = lowest + (n + 18) % steps + CENTS
        return f"{self._round(min(number, self.maximum)):f}"

    @property
    def _sign(self) -> str:
        return "" if self.minimum >= 0 else "-?"

    @property
    def _filter_form(self) -> str:
        """The regular expression of a filter. It has room for each value of the type."""
        whole, fraction = 15, 10
        if self.precision is None or self.scale is None:
            whole = fraction = MAX_FREE_DIGITS
        else:
            whole, fraction = max(whole, self.precision - self.scale), max(fraction, self.scale)
        return rf"-?[0-9]{{1,{whole}}}(\.[0-9]{{1,{fraction}}})?"

    @property
    def _wanted(self) -> str:
        """What the digits of a number must be, for an error."""
        scale = self.scale or 0
        if scale < 0:
            return f"be a multiple of {self._step:f}"
        return f"have at most {FEW[scale] if scale < len(FEW) else f'{scale} decimals'}"

    def _fraction(self, point: str = r"\.") -> str:
        """Return the regular expression of the point and what is after it."""
        digits = MAX_FREE_DIGITS if self.scale is None else self.scale
        return f"({point}[0-9]{{1,{digits}}})?" if digits > 0 else ""

    def _is_amount(self, text: str) -> bool:
        parts = AMOUNT.fullmatch(text)
        if parts is None:
            return False
        longest = MAX_FREE_DIGITS
        if self.precision is not None:
            longest = max(MAX_DIGITS, self.precision, self.precision - (self.scale or 0))
        whole, fraction = parts.groups("")
        return len(whole) <= longest and len(fraction) <= longest

    def _round(self, number: Decimal) -> Decimal:
        return number if self.scale is None else number.quantize(self._step, context=self._context)

    def _with_all_digits(self, number: Decimal, pointer: str) -> Decimal:
        """Return a number without precision. A JSON number such as 1e9999 has too many digits."""
        _, digits, exponent = number.as_tuple()
        whole = len(digits) + int(exponent)
        if number and not (whole <= MAX_FREE_DIGITS and -int(exponent) <= MAX_FREE_DIGITS):
            limit = f"{MAX_FREE_DIGITS} digits before and after the point"
            reject(pointer, "out_of_range", f"must have at most {limit}")
        return number


def _literal(bound: Decimal) -> str:
    return f"'{bound}'" if bound.is_infinite() else f"{bound:f}"


def _json_number(number: Decimal) -> int | float:
    return int(number) if number == int(number) else float(number)

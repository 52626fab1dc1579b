"""Ranges of numbers, days and times."""

import copy
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final, NamedTuple, Unpack

from sluice.errors import ValidationFailed
from sluice.kinds.array import quote
from sluice.kinds.boolean import Boolean
from sluice.kinds.date import Date
from sluice.kinds.field import Field, FieldOptions, Operator, Schema, or_null, reject
from sluice.kinds.local_timestamp import LocalTimestamp
from sluice.kinds.objects import json_of, object_schema, parse_json, read_object
from sluice.kinds.timestamp import Timestamp, place_of

TYPES: Final = {
    "integer": "int4range",
    "bigint": "int8range",
    "numeric": "numrange",
    "date": "daterange",
    "timestamp": "tsrange",
    "timestamptz": "tstzrange",
}
DISCRETE = ("int4range", "int8range", "daterange")  # PostgreSQL changes the form of their bounds
ONE_DAY = timedelta(days=1)


class Bounds(NamedTuple):
    """The value of a range. A bound that is None is unbounded, which is not `infinity`."""

    lower: Any = None
    upper: Any = None
    lower_inclusive: bool = True
    upper_inclusive: bool = False
    empty: bool = False


FLAGS: Final = {name: Boolean(name) for name in ("lower_inclusive", "upper_inclusive", "empty")}
EMPTY: Final = Bounds(lower_inclusive=False, empty=True)


class Range(Field):
    """An object with the bounds of a range: `lower`, `upper`, and whether it includes them.

    PostgreSQL stores a range of whole numbers or days with its lower bound and without its upper
    one: from 1 to 3 becomes from 1 to 4 without 4. Both must be values of the kind `of`.

    of: the kind of the bounds.
    type: the type of the column, if it is not the range type that PostgreSQL has for that kind.
    """

    filter_operators: ClassVar[tuple[Operator, ...]] = ("equal", "is_null")

    def __init__(self, name: str, *, of: Field, **options: Unpack[FieldOptions]) -> None:
        self.of = of
        self.sql_type = options.get("type") or TYPES.get(of.sql_type, "")
        stem = self.sql_type.rpartition(".")[2].removesuffix("range")
        self.graphql_type = f"{''.join(word.capitalize() for word in stem.split('_'))}Range"
        self.members = {"lower": _bound(of, "lower"), "upper": _bound(of, "upper"), **FLAGS}
        super().__init__(name, **options)

    def _contradictions(self) -> Iterator[str]:
        yield from super()._contradictions()
        if not self.sql_type:
            yield f"PostgreSQL has no range of {self.of.sql_type}: name its `type`"

    def read_value(self, value: object, pointer: str) -> object:
        read = read_object(value, pointer, self.members, required=(), ignored=())
        bounds = Bounds(**read)
        if bounds.empty:
            if bounds.lower is not None or bounds.upper is not None:
                reject(pointer, "invalid", "an empty range has no bounds")
            return EMPTY
        bounds = self._in_order(bounds, pointer)
        if bounds.empty or self.sql_type not in DISCRETE:
            return bounds
        return self._with_lower_bound(bounds, pointer)

    def _with_lower_bound(self, bounds: Bounds, pointer: str) -> Bounds:
        """Return the bounds as PostgreSQL stores them: with the lower and without the upper one."""
        lower, upper, with_lower, with_upper, _ = bounds
        if not with_lower and self._has_next(lower):
            lower, with_lower = self._next(lower, f"{pointer}/lower"), True
        if with_upper and self._has_next(upper):
            upper, with_upper = self._next(upper, f"{pointer}/upper"), False
        return self._in_order(Bounds(lower, upper, with_lower, with_upper), pointer)

    def _in_order(self, bounds: Bounds, pointer: str) -> Bounds:
        """Return the bounds. If nothing is between them, PostgreSQL stores an empty range."""
        lower, upper, with_lower, with_upper, _ = bounds
        if lower is None or upper is None:
            return bounds._replace(
                lower_inclusive=with_lower and lower is not None,
                upper_inclusive=with_upper and upper is not None,
            )
        first, last = self._place(lower), self._place(upper)
        if first is None or last is None:
            return bounds  # only PostgreSQL can compare them
        if first > last:
            reject(pointer, "invalid", "the lower bound must not be above the upper one")
        return EMPTY if first == last and not (with_lower and with_upper) else bounds

    def _place(self, bound: Any) -> Any:
        """Return what puts a bound in the order of PostgreSQL, or None if Python has nothing."""
        if isinstance(self.of, Date | LocalTimestamp | Timestamp):
            return place_of(bound)
        if isinstance(bound, Decimal):
            return (1, 0) if bound.is_nan() else (0, bound)
        return None if isinstance(bound, str) else bound

    def _has_next(self, bound: object) -> bool:
        """Return whether PostgreSQL stores the next value instead, which is within `of`, too."""
        is_last = bound == date.max and getattr(self.of, "non_finite", False)
        return isinstance(bound, int | date) and not is_last

    def _next(self, bound: Any, pointer: str) -> object:
        """Return the next number or day."""
        try:
            return bound + ONE_DAY if isinstance(bound, date) else self.of.read(bound + 1, pointer)
        except (OverflowError, ValidationFailed):
            reject(pointer, "out_of_range", "must be below the largest value")

    def parse(self, text: str) -> object:
        return parse_json(self, text)

    def parse_csv(self, text: str) -> object:
        return json_of(text)

    def to_sql(self, value: Any) -> object:
        if value.empty:
            return "empty"
        lower, upper = (
            "" if bound is None else quote(self.of.to_sql(bound)) for bound in value[:2]
        )
        start, end = "[" if value.lower_inclusive else "(", "]" if value.upper_inclusive else ")"
        return f"{start}{lower},{upper}{end}"

    def select(self, column: str) -> str:
        members = {
            "lower": self.of.select(f"lower({column})"),
            "upper": self.of.select(f"upper({column})"),
            "lower_inclusive": f"lower_inc({column})",
            "upper_inclusive": f"upper_inc({column})",
            "empty": f"isempty({column})",
        }
        pairs = ", ".join(f"'{name}', {sql}" for name, sql in members.items())
        return f"CASE WHEN {column} IS NOT NULL THEN json_build_object({pairs}) END"

    @property
    def graphql_input_type(self) -> str:
        return f"{self.graphql_type}Input"

    def body_schema(self) -> Schema:
        properties = {name: field.body_schema() for name, field in self.members.items()}
        schema = object_schema(properties, required=(), ignored=())
        return or_null(schema, nullable=self.nullable)

    def row_schema(self) -> Schema:
        properties = {name: field.row_schema() for name, field in self.members.items()}
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        return or_null(schema, nullable=self.nullable)

    def filter_schema(self) -> Schema:
        return {"type": "string", "contentMediaType": "application/json"}

    def bounds(self) -> list[object]:
        bounds = [*self.of.bounds(), self.of.sample(1)]
        read = [(self.of.read(bound, ""), n) for n, bound in enumerate(bounds)]
        places = [n for value, n in sorted(each for each in read if _is_finite(each[0]))]
        lowest, highest = bounds[places[0]], bounds[places[-1]]
        return [
            _shown(lowest, highest, lower_inclusive=True),
            _shown(lowest, None, lower_inclusive=True),
            _shown(None, None, lower_inclusive=False),
            _shown(None, None, lower_inclusive=False, empty=True),
        ]

    def invalid(self) -> list[tuple[object, str]]:
        reverse = {"lower": self.of.sample(3), "upper": self.of.sample(1)}
        full = {"lower": self.of.sample(1), "empty": True}
        objects: list[tuple[object, str]] = [(reverse, "invalid"), (full, "invalid")]
        return [(5, "type"), ("a", "type"), ([], "type"), *objects]

    def sample(self, n: int) -> object:
        return _shown(self.of.sample(n), self.of.sample(n + 3), lower_inclusive=True)


def _bound(of: Field, name: str) -> Field:
    """Return the field of a bound, which may be null."""
    field = copy.copy(of)
    field.name, field.nullable = name, True
    return field


def _is_finite(bound: object) -> bool:
    """Return whether a bound is neither a text, such as `infinity`, nor NaN."""
    return not isinstance(bound, str) and not (isinstance(bound, Decimal) and bound.is_nan())


def _shown(
    lower: object, upper: object, *, lower_inclusive: bool, empty: bool = False
) -> dict[str, object]:
    """Return a range as a response shows it, without its upper bound."""
    flags = {"lower_inclusive": lower_inclusive, "upper_inclusive": False, "empty": empty}
    return {"lower": lower, "upper": upper, **flags}

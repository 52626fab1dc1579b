"""Json: any JSON value, in a column of type jsonb."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar, Final, Unpack

from sluice.kinds.field import Field, FieldFilter, FieldOptions, Operator, Schema, reject
from sluice.kinds.objects import json_of, parse_json

MAX_BYTES = 65_536
MAX_DEPTH = 100
MAX_DIGITS = 1_000  # before and after the point of a number
TYPES = ("object", "array", "string", "number", "boolean")


class JsonNull:
    """The null of JSON, which a column that is NOT NULL stores for null."""


JSON_NULL: Final = JsonNull()


class Json(Field):
    """Any JSON of at most `max_bytes`. A write replaces the whole value.

    A nullable column stores null as NULL, another one as the null of JSON. PostgreSQL keeps
    neither the order of names nor the form of numbers: 1e2 becomes 100.
    """

    sql_type: str = "jsonb"
    graphql_type: str = "JSON"
    filter_operators: ClassVar[tuple[Operator, ...]] = ("contains", "is_null")

    def __init__(
        self, name: str, *, max_bytes: int = MAX_BYTES, **options: Unpack[FieldOptions]
    ) -> None:
        super().__init__(name, **options)
        self.max_bytes = max_bytes

    def _contradictions(self) -> Iterator[str]:
        yield from super()._contradictions()
        if self.sort:
            yield "lists cannot be sorted by JSON: remove `sort`"

    @property
    def accepts_null(self) -> bool:
        return True

    def read(self, value: object, pointer: str) -> object:
        if value is None:
            return None if self.nullable else JSON_NULL
        return self.read_value(value, pointer)

    def read_value(self, value: object, pointer: str) -> object:
        try:
            size = len(dumps(value).encode())
        except ValueError as error:
            reject(pointer, "invalid", str(error))
        if size > self.max_bytes:
            reject(pointer, "too_long", f"must have at most {self.max_bytes} bytes, not {size}")
        return value

    def parse(self, text: str) -> object:
        return parse_json(self, text)

    def parse_csv(self, text: str) -> object:
        return json_of(text)

    def filters_of(self, operator: Operator) -> dict[str, FieldFilter]:
        if operator != "contains":
            return super().filters_of(operator)
        name = f"{self.filter_name}_contains"
        return {name: self._filter(f"{{column}} @> {self.bind(name)}")}

    def to_sql(self, value: Any) -> object:
        return dumps(value)

    def body_schema(self) -> Schema:
        return {"type": [*TYPES, "null"]}

    def row_schema(self) -> Schema:
        return self.body_schema()

    def filter_schema(self) -> Schema:
        return {"type": "string", "contentMediaType": "application/json"}

    def bounds(self) -> list[object]:
        deepest: object = []
        for _ in range(MAX_DEPTH - 1):
            deepest = [deepest]
        numbers = [0, -1, 10**MAX_DIGITS - 1, 1.25]
        longest = "x" * (self.max_bytes - 2)
        return [{}, [], "", 0, False, {"": {"a b": [None, 'é"\\\n😀', *numbers]}}, deepest, longest]

    def invalid(self) -> list[tuple[object, str]]:
        deep: object = []
        for _ in range(MAX_DEPTH):
            deep = [deep]
        values = (deep, "half \0", {"\0": 1}, ["\ud83d"], 10**MAX_DIGITS)
        bad: list[tuple[object, str]] = [(value, "invalid") for value in values]
        return [*bad, ("x" * (self.max_bytes - 1), "too_long")]

    def sample(self, n: int) -> object:
        return {"name": f"{self.name} {n}", "numbers": [n, None], "even": n % 2 == 0}


def dumps(value: object, depth: int = 0) -> str:
    """Return the JSON of a value, with each digit of its Decimals.

    Raise ValueError with the reason if PostgreSQL cannot store it.
    """
    match value:
        case dict() | list() if depth == MAX_DEPTH:
            raise ValueError(f"must not be nested more than {MAX_DEPTH} times")
        case dict():
            pairs = (f"{_text(name)}:{dumps(of, depth + 1)}" for name, of in value.items())
            return f"{{{','.join(pairs)}}}"
        case list():
            return f"[{','.join(dumps(item, depth + 1) for item in value)}]"
        case str():
            return _text(value)
        case bool() | None:
            return json.dumps(value)
        case JsonNull():
            return "null"
        case int() | float() | Decimal():
            return _number(value)
    raise ValueError("must be JSON")


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain unpaired surrogates") from None
    return json.dumps(text, ensure_ascii=False)


def _number(number: int | float | Decimal) -> str:
    exact = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    if not exact.is_finite():
        raise ValueError("must not contain NaN or Infinity")
    if exact.adjusted() >= MAX_DIGITS or int(exact.as_tuple().exponent) < -MAX_DIGITS:
        raise ValueError(f"must not contain a number of more than {MAX_DIGITS} digits")
    return f"{exact:f}"  # as PostgreSQL shows it, so that `max_bytes` counts each digit

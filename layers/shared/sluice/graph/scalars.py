"""Coerce input: read scalars from literals, and convert the values of variables to literals.

So a value is accepted or rejected in the same way, with the same message, in every position. The
numbers of JSON and GraphQL differ (in JSON, `2.0` can be an integer), and JSON has no enum values:
`literal_of` converts both.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLFloat,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    IntValueNode,
    ListValueNode,
    NameNode,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    print_ast,
)

from sluice.http.request import JsonDecimal

MAX_NESTING = 50  # levels of lists and objects in one variable
MAX_JSON_NESTING = 100  # of a JSON value, as in REST
MAX_SHOWN = 100  # characters of a rejected value in a message
MAX_INT = 2**31 - 1
MIN_INT = -(2**31)

ENUM_VALUE = re.compile(r"(?!(true|false|null)$)[A-Za-z_]\w*", re.ASCII)
BIG_INT = re.compile(r"-?\d{1,19}", re.ASCII)
MAX_BIG_INT = 2**63 - 1
MIN_BIG_INT = -(2**63)
DECIMAL = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# RFC 3339, section 5.6: the offset is required.
# PostgreSQL stores microseconds, so more digits would be lost.
DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?"
    r"([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)

NON_FINITE = ("NaN", "Infinity", "-Infinity")
MAX_DIGITS = 4_000  # of a whole number: Python converts no longer ones

JSON = "JSON"

LiteralParser = Callable[[ValueNode], Any]


class ReplacementScalar(GraphQLScalarType):
    """A scalar with the name of a built-in one, which graphql-core otherwise forbids."""

    reserved_types: Mapping[str, Any] = {}


def literal_of(value: object, type_: Any = None, depth: int = 0) -> ValueNode:
    """Return `value`, which was read from JSON, as a literal of the input type `type_`.

    Raises GraphQLError if it is nested too deeply.
    """
    if depth > MAX_NESTING:
        raise GraphQLError(f"A variable has at most {MAX_NESTING} levels of lists and objects.")
    if isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    if isinstance(type_, GraphQLScalarType) and type_.name == JSON:
        depth = MAX_NESTING - MAX_JSON_NESTING
    if isinstance(value, dict):
        fields = type_.fields if isinstance(type_, GraphQLInputObjectType) else {}
        types = {name: field.type for name, field in fields.items()}
        return ObjectValueNode(
            fields=tuple(
                ObjectFieldNode(
                    name=NameNode(value=name), value=literal_of(item, types.get(name), depth + 1)
                )
                for name, item in value.items()
            )
        )
    item_type = type_.of_type if isinstance(type_, GraphQLList) else None
    if isinstance(value, list):
        return ListValueNode(
            values=tuple([literal_of(item, item_type, depth + 1) for item in value])
        )
    if item_type is not None:  # one value is accepted as a list of one
        return literal_of(value, item_type, depth + 1)
    return _scalar_literal(value, type_)


def _scalar_literal(value: object, type_: Any) -> ValueNode:
    if value is None:
        return NullValueNode()
    if isinstance(value, bool):
        return BooleanValueNode(value=value)
    if isinstance(value, int):
        return IntValueNode(value=str(value))
    if isinstance(value, (Decimal, float)):
        return FloatValueNode(value=getattr(value, "text", str(value)))
    text = str(value)
    if isinstance(type_, GraphQLEnumType) and ENUM_VALUE.fullmatch(text):
        return EnumValueNode(value=text)
    return StringValueNode(value=text)


def make_scalar(name: str, parse_literal: LiteralParser, **options: Any) -> GraphQLScalarType:
    """Return a scalar that reads variables like literals."""
    return ReplacementScalar(
        name,
        coerce_input_value=lambda value: parse_literal(literal_of(value)),
        coerce_input_literal=parse_literal,
        **options,
    )


def _parse_int(node: ValueNode) -> int:
    number = _number(node)
    if number is None or not _is_whole(number):
        raise GraphQLError(f"Int cannot represent non-integer value: {_shown(node)}", node)
    if number.adjusted() > 10 or not MIN_INT <= number <= MAX_INT:
        raise GraphQLError(
            f"Int cannot represent non 32-bit signed integer value: {_shown(node)}", node
        )
    return int(number)


def _parse_big_int(node: ValueNode) -> int:
    text = node.value if isinstance(node, (IntValueNode, StringValueNode)) else ""
    if not BIG_INT.fullmatch(text) or not MIN_BIG_INT <= int(text) <= MAX_BIG_INT:
        raise GraphQLError(
            f"BigInt cannot represent value: {_shown(node)}. "
            f"It must be a whole number from {MIN_BIG_INT} to {MAX_BIG_INT}.",
            node,
        )
    return int(text)


def _parse_float(node: ValueNode) -> float:
    number = _number(node)
    if number is None or not math.isfinite(float(number)):
        raise GraphQLError(f"Float cannot represent non numeric value: {_shown(node)}", node)
    return float(number)


def _parse_decimal(node: ValueNode) -> Decimal:
    text = node.value.strip() if isinstance(node, StringValueNode) else ""
    number = _number(node)
    if number is not None and -20 <= number.adjusted() <= 20:
        text = format(number, "f")
    elif number == 0:
        text = "0"  # the exponent does not matter
    if not DECIMAL.fullmatch(text):
        raise GraphQLError(
            f"Decimal cannot represent value: {_shown(node)}. "
            'It must be an amount such as "19.99", '
            "with at most 20 digits before the point and 20 after it.",
            node,
        )
    return Decimal(text)


def _parse_double(node: ValueNode) -> Decimal | str:
    if isinstance(node, (IntValueNode, FloatValueNode)) and _number(node) is not None:
        return JsonDecimal(node.value)
    if isinstance(node, StringValueNode) and node.value in NON_FINITE:
        return node.value
    raise GraphQLError(
        f"Double cannot represent value: {_shown(node)}. "
        'It must be a number, "NaN", "Infinity" or "-Infinity".',
        node,
    )


def _parse_extended_decimal(node: ValueNode) -> Decimal | str:
    if isinstance(node, (IntValueNode, FloatValueNode)) and _number(node) is not None:
        return JsonDecimal(node.value)
    return _parse_text("ExtendedDecimal", "19.99")(node)


def _parse_json(node: ValueNode) -> Any:
    """Return the value of a literal, with each number as REST reads it."""
    match node:
        case NullValueNode():
            return None
        case BooleanValueNode(value=value) | StringValueNode(value=value):
            return value
        case IntValueNode(value=value) if len(value) <= MAX_DIGITS:
            return int(value)
        case FloatValueNode(value=value) if _number(node) is not None:
            return JsonDecimal(value)
        case ListValueNode():
            return [_parse_json(item) for item in node.values]
        case ObjectValueNode():
            return {field.name.value: _parse_json(field.value) for field in node.fields}
    raise GraphQLError(f"JSON cannot represent value: {_shown(node)}", node)


def _parse_text(name: str, example: str) -> Callable[[ValueNode], str]:
    """Return the parser of a scalar whose texts are judged by the kind of the field alone."""

    def parse(node: ValueNode) -> str:
        if isinstance(node, StringValueNode):
            return node.value
        raise GraphQLError(
            f"{name} cannot represent value: {_shown(node)}. "
            f'It must be a string such as "{example}".',
            node,
        )

    return parse


def _parse_date(node: ValueNode) -> str:
    if isinstance(node, StringValueNode) and DATE.fullmatch(node.value):
        try:
            return date.fromisoformat(node.value).isoformat()
        except ValueError:
            pass  # no such day: rejected below
    raise GraphQLError(
        f"Date cannot represent value: {_shown(node)}. It must be a day "
        'such as "2026-01-31" (RFC 3339 full-date).',
        node,
    )


def _parse_datetime(node: ValueNode) -> datetime:
    if isinstance(node, StringValueNode) and DATE_TIME.fullmatch(node.value):
        try:
            return datetime.fromisoformat(node.value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # no such day, or outside the years 1 to 9999 in UTC: rejected below
    raise GraphQLError(
        f"DateTime cannot represent value: {_shown(node)}. It must be a time with its zone, "
        'such as "2026-01-31T12:00:00Z" (RFC 3339 date-time).',
        node,
    )


def _number(node: ValueNode) -> Decimal | None:
    """Return the number of a literal, or None for other literals and for huge exponents."""
    if not isinstance(node, (IntValueNode, FloatValueNode)):
        return None
    try:
        return Decimal(node.value)
    except ArithmeticError:
        return None


def _is_whole(number: Decimal) -> bool:
    """Return whether the number has no fraction.

    The size is checked first, because arithmetic on 1e1000000 overflows.
    """
    if number.adjusted() > 20:
        return True  # "out of range" is the better message
    return number == number.to_integral_value()


def _shown(node: ValueNode) -> str:
    """Return the value as it was sent, shortened to MAX_SHOWN characters."""
    text = print_ast(node, MAX_SHOWN).replace("{  }", "{}")
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


# Built-in scalars with another parser. graphql-core already reads ID, String and Boolean literals
# as the specification requires. String and Boolean could not be replaced, because introspection and
# directives refer to them.
REPLACED_SCALARS = {
    "Int": make_scalar(
        "Int",
        _parse_int,
        description=GraphQLInt.description,
        coerce_output_value=GraphQLInt.coerce_output_value,
    ),
    "Float": make_scalar(
        "Float",
        _parse_float,
        description=GraphQLFloat.description,
        coerce_output_value=GraphQLFloat.coerce_output_value,
    ),
}
CUSTOM_SCALARS: Mapping[str, LiteralParser] = {
    "BigInt": _parse_big_int,
    "Decimal": _parse_decimal,
    "Date": _parse_date,
    "DateTime": _parse_datetime,
    "Double": _parse_double,
    "LocalDateTime": _parse_text("LocalDateTime", "2026-01-31T12:00:00"),
    "LocalTime": _parse_text("LocalTime", "12:34:56"),
    "Duration": _parse_text("Duration", "P1DT2H"),
    "ExtendedDecimal": _parse_extended_decimal,
    "ExtendedDate": _parse_text("ExtendedDate", "2026-01-31"),
    "ExtendedDateTime": _parse_text("ExtendedDateTime", "2026-01-31T12:00:00Z"),
    "JSON": _parse_json,
}

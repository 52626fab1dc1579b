"""Input coercion: read each scalar from a literal, and write each variable's value as a literal first.

So a value is accepted or refused alike wherever it stands, with the same message. JSON and GraphQL have different
numbers (in JSON, `2.0` may be an integer), and JSON has no enum values; `literal_of` bridges both.
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

MAX_NESTING = 50  # levels of lists and objects in one variable
MAX_SHOWN = 100  # characters of a refused value in a message
MAX_INT = 2**31 - 1
MIN_INT = -(2**31)

NAME = re.compile(r"(?!(true|false|null)$)[A-Za-z_]\w*", re.ASCII)  # of an enum value
AMOUNT = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# RFC 3339, section 5.6: the zone is required. PostgreSQL keeps microseconds; more digits would be cut.
MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)

Reader = Callable[[ValueNode], Any]


class OwnScalar(GraphQLScalarType):
    """A scalar that may have the name of a built-in one."""

    reserved_types: Mapping[str, Any] = {}


def literal_of(value: object, type_: Any = None, depth: int = 0) -> ValueNode:
    """Return the literal that says what `value`, read from JSON, says as an input of `type_`.

    GraphQLError if it is nested too deeply.
    """
    if depth > MAX_NESTING:
        raise GraphQLError(f"A variable has at most {MAX_NESTING} levels of lists and objects.")
    if isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    if isinstance(value, dict):
        known = type_.fields if isinstance(type_, GraphQLInputObjectType) else {}
        types = {name: field.type for name, field in known.items()}
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
    if item_type is not None:  # a list accepts one value for a list of one
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
    if isinstance(type_, GraphQLEnumType) and NAME.fullmatch(text):
        return EnumValueNode(value=text)
    return StringValueNode(value=text)


def scalar(name: str, read: Reader, **kept: Any) -> GraphQLScalarType:
    """Make a scalar that reads variables as it reads literals."""
    return OwnScalar(
        name,
        coerce_input_value=lambda value: read(literal_of(value)),
        coerce_input_literal=read,
        **kept,
    )


def _read_int(node: ValueNode) -> int:
    number = _number(node)
    if number is None or not _is_whole(number):
        raise GraphQLError(f"Int cannot represent non-integer value: {_shown(node)}", node)
    if number.adjusted() > 10 or not MIN_INT <= number <= MAX_INT:
        raise GraphQLError(
            f"Int cannot represent non 32-bit signed integer value: {_shown(node)}", node
        )
    return int(number)


def _read_float(node: ValueNode) -> float:
    number = _number(node)
    if number is None or not math.isfinite(float(number)):
        raise GraphQLError(f"Float cannot represent non numeric value: {_shown(node)}", node)
    return float(number)


def _read_decimal(node: ValueNode) -> Decimal:
    text = node.value.strip() if isinstance(node, StringValueNode) else ""
    number = _number(node)
    if number is not None and -20 <= number.adjusted() <= 20:
        text = format(number, "f")
    elif number == 0:
        text = "0"  # its exponent may be of any size
    if not AMOUNT.fullmatch(text):
        raise GraphQLError(
            f'Decimal cannot represent value: {_shown(node)}. It must be an amount such as "19.99", '
            "with at most 20 digits before the point and 20 after it.",
            node,
        )
    return Decimal(text)


def _read_date(node: ValueNode) -> str:
    if isinstance(node, StringValueNode) and DAY.fullmatch(node.value):
        try:
            return date.fromisoformat(node.value).isoformat()
        except ValueError:
            pass  # there is no such day; refused below
    raise GraphQLError(
        f'Date cannot represent value: {_shown(node)}. It must be a day such as "2026-01-31" (RFC 3339 full-date).',
        node,
    )


def _read_datetime(node: ValueNode) -> datetime:
    if isinstance(node, StringValueNode) and MOMENT.fullmatch(node.value):
        try:
            return datetime.fromisoformat(node.value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # refused below: no such day, or outside the years 1 to 9999 in UTC
    raise GraphQLError(
        f"DateTime cannot represent value: {_shown(node)}. It must be a time with its zone, "
        'such as "2026-01-31T12:00:00Z" (RFC 3339 date-time).',
        node,
    )


def _number(node: ValueNode) -> Decimal | None:
    """The number that a literal says; None if it is no number, or its exponent is beyond all use."""
    if not isinstance(node, (IntValueNode, FloatValueNode)):
        return None
    try:
        return Decimal(node.value)
    except ArithmeticError:
        return None


def _is_whole(number: Decimal) -> bool:
    """Whether it has no fraction. The size is looked at first: arithmetic on 1e1000000 overflows."""
    if number.adjusted() > 20:
        return True  # out of range in any case, which is the better message
    return number == number.to_integral_value()


def _shown(node: ValueNode) -> str:
    """The value as it was sent, cut where it is long."""
    text = print_ast(node, MAX_SHOWN).replace("{  }", "{}")
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


# The built-in scalars that need a reader of their own. graphql-core reads ID, String and Boolean literals as the
# specification says; introspection and directives refer to its String and Boolean, so that they could not be replaced.
BUILT_IN = {
    "Int": scalar(
        "Int",
        _read_int,
        description=GraphQLInt.description,
        coerce_output_value=GraphQLInt.coerce_output_value,
    ),
    "Float": scalar(
        "Float",
        _read_float,
        description=GraphQLFloat.description,
        coerce_output_value=GraphQLFloat.coerce_output_value,
    ),
}
CUSTOM: Mapping[str, Reader] = {
    "Decimal": _read_decimal,
    "Date": _read_date,
    "DateTime": _read_datetime,
}

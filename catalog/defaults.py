"""The default of a column: a constant that a declaration can have, or what the database sets."""

import json
import math
import re
from decimal import Decimal
from typing import Literal

from catalog.expression import Expression, evaluate
from catalog.printed_sql import (
    SqlArray,
    SqlCall,
    SqlCast,
    SqlLiteral,
    SqlNode,
    SqlOperation,
    UnreadableExpression,
    parse,
    without_casts,
)
from sluice.errors import ValidationFailed
from sluice.kinds.field import Field

NOW = frozenset(
    {
        *("now", "current_timestamp", "current_date", "localtimestamp", "clock_timestamp"),
        *("statement_timestamp", "transaction_timestamp", "timezone", "current_time", "localtime"),
    }
)
KEYS = re.compile(r"(uuid_generate_v\d\w*|gen_random_uuid|uuidv[47]|gen_ulid|uuid_\w+)", re.ASCII)
NUMBERS = ("SmallInt", "Integer", "BigInt", "Float", "Real")
Generated = Literal["", "sequence", "uuid", "now"]


class NoConstant(Exception):
    """The default is no constant, or one that a client could not send."""


def generated_by(expression: str) -> Generated:
    """Return what makes the value of a default, if it is a sequence, a uuid or the clock."""
    try:
        node = without_casts(parse(expression))
    except UnreadableExpression:
        return "now" if re.match(r"\(?(now\(\)|CURRENT_TIMESTAMP)", expression) else ""
    if not isinstance(node, SqlCall):
        return ""
    if node.name == "nextval":
        return "sequence"
    if node.name in NOW:
        return "now"
    return "uuid" if KEYS.fullmatch(node.name) else ""


def constant(expression: str, kind: Expression) -> object:
    """Return the JSON value of a default, which a field of the kind can read.

    Raise NoConstant if it is another expression, or a value that a client could not send.
    """
    try:
        value = _json(parse(expression), kind)
    except (UnreadableExpression, ValueError, ArithmeticError) as error:
        raise NoConstant(expression) from error
    field = evaluate(Expression(kind.target, ("value",), kind.options))
    if value is None or not isinstance(field, Field):
        raise NoConstant(expression)
    try:
        field.read(value, "")
    except ValidationFailed as error:
        raise NoConstant(expression) from error
    return value


def is_null(expression: str) -> bool:
    """Return whether a default is NULL, as if there were none."""
    try:
        node = without_casts(parse(expression))
    except UnreadableExpression:
        return False
    return isinstance(node, SqlLiteral) and node.value is None


def _json(node: SqlNode, kind: Expression) -> object:
    """Return a constant as the JSON value of the kind. Raise NoConstant, or ValueError."""
    name = kind.target.name
    if name == "Array":
        return _array(node, kind)
    text = _constant(node)
    if isinstance(text, bool) or text is None:
        if name != "Boolean":
            raise NoConstant(name)
        return text
    if name == "Boolean":
        raise NoConstant(name)
    if name in NUMBERS:
        number = float(text)
        if not math.isfinite(number):
            raise NoConstant(name)
        return number if name in ("Float", "Real") else int(text)
    if name == "Json":
        return _without_floats(text)
    if name in ("Interval", "Range", "Timestamp", "LocalTimestamp", "Inet", "Cidr"):
        raise NoConstant(name)  # PostgreSQL's text is another one than that of JSON
    if name == "Char":
        return text.rstrip(" ")
    if text != text.strip():
        raise NoConstant(name)  # a client could not send it
    scale = kind.options.get("scale")
    if name == "Numeric" and isinstance(scale, int):
        return f"{Decimal(text):.{max(scale, 0)}f}"
    return text


def _constant(node: SqlNode) -> str | bool | None:
    """Return the text of a constant. Raise NoConstant if it is something else."""
    match node:
        case SqlLiteral(value):
            return value
        case SqlCast(value, type_) if "(" not in type_:
            return _constant(value)
        case SqlOperation("-", (operand,)):
            return f"-{_constant(operand)}"
    raise NoConstant(str(node))


def _array(node: SqlNode, kind: Expression) -> object:
    below = without_casts(node)
    of = kind.options["of"]
    if not isinstance(of, Expression):
        raise NoConstant("of")
    if isinstance(below, SqlArray):
        return [_json(item, of) for item in below.items]
    if isinstance(below, SqlLiteral) and below.value == "{}":
        return []
    raise NoConstant("array")


def _without_floats(text: str) -> object:
    """Return the value of a JSON text. Raise NoConstant if Python would round a number in it."""

    def reject(number: str) -> object:
        raise NoConstant(number)

    return json.loads(text, parse_float=reject)

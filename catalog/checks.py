"""CHECK expressions as the bounds of a field. What is not understood stays a Constraint.

Understood are comparisons of a column with a constant, BETWEEN, IN, lengths of texts, and numbers
of items, joined by AND. A regular expression is not: PostgreSQL and Python read some differently.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation

from catalog.expression import Expression, Name
from catalog.kinds import INTEGERS
from catalog.printed_sql import (
    COMPARISONS,
    SqlArray,
    SqlCall,
    SqlCast,
    SqlColumn,
    SqlLiteral,
    SqlNode,
    SqlOperation,
    UnreadableExpression,
    parse,
    without_casts,
)

CHOICE = Name("sluice.kinds.choice", "Choice")
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
LENGTHS = ("length", "char_length", "character_length")
# Casts of a column that change no comparison: to a wider number, or to another text.
WIDENING = ("numeric", "double precision", "text", "character varying", "bpchar")
LARGEST = {"SmallInt": 2**15 - 1, "Integer": 2**31 - 1, "BigInt": 2**63 - 1}
WHOLE_TYPES = ("smallint", "integer", "bigint")
FLOATS = ("Float", "Real")


def conditions(expression: str) -> list[SqlNode]:
    """Return the conditions that AND joins. Empty if the expression cannot be read."""
    try:
        node = parse(expression)
    except UnreadableExpression:
        return []
    is_several = isinstance(node, SqlOperation) and node.operator == "AND"
    return list(_and(node)) if is_several else [node]


def columns_in(node: SqlNode) -> set[str]:
    """Return the names of the columns in a condition."""
    match node:
        case SqlColumn(name):
            return {name}
        case SqlCast(value):
            return columns_in(value)
        case SqlArray(parts) | SqlCall(_, parts) | SqlOperation(_, parts):
            return {name for part in parts for name in columns_in(part)}
    return set()


def _and(node: SqlNode) -> Iterator[SqlNode]:
    if isinstance(node, SqlOperation) and node.operator == "AND":
        for operand in node.operands:
            yield from _and(operand)
    else:
        yield node


@dataclass
class FieldBounds:
    """The bounds of a field of this kind. `add` reads a condition into them."""

    kind: Expression
    options: dict[str, object] = field(default_factory=dict)
    choices: tuple[str, ...] = ()

    def add(self, node: SqlNode) -> bool:
        """Return whether the bounds now say all that the condition says about the column."""
        match node:
            case SqlOperation("OR", operands):
                return self._add_disjunction(operands)
            case SqlOperation("ANY", (left, values)):
                return self._add_choices(left, _texts(values))
            case SqlOperation(operator, (left, right)) if operator in COMPARISONS:
                if isinstance(without_casts(left), SqlLiteral):
                    return self._add_comparison(right, MIRRORED[operator], left)
                return self._add_comparison(left, operator, right)
        return False

    def expression(self) -> Expression:
        """Return the kind with the bounds."""
        if self.choices:
            return Expression(CHOICE, (), {"choices": self.choices})
        lowest, highest = self.options.get("minimum"), self.options.get("maximum")
        if isinstance(lowest, int | float) and isinstance(highest, int | float):
            is_possible = lowest <= highest
            return self.kind.having(**self.options) if is_possible else self.kind
        return self.kind.having(**self.options) if self.options else self.kind

    def _add_disjunction(self, operands: tuple[SqlNode, ...]) -> bool:
        """Read `x IS NULL OR …`, and `x = 'a' OR x = 'b'`."""
        rest = [each for each in operands if not _is_null_test(each)]
        if len(rest) == 1:
            understood = [self.add(condition) for condition in _and(rest[0])]
            return all(understood)
        values: list[str] = []
        for each in rest:
            match each:
                case SqlOperation("=", (left, right)) if _is_plain(left):
                    values += _texts(right)
                case _:
                    return False
        return len(values) == len(rest) and self._add_choices(_left_side(rest[0]), values)

    def _add_choices(self, left: SqlNode, values: list[str]) -> bool:
        if not values or not _is_plain(left):
            return False
        name = self.kind.target.name
        if name in INTEGERS:
            return self._add_numbers(values)
        length = self.kind.options.get("max_length")
        is_padded = name == "Char" and any(len(value) != length for value in values)
        if name not in ("Text", "Char") or is_padded or any(v != v.strip() for v in values):
            return False
        known = self.choices or values
        self.choices = tuple(dict.fromkeys(value for value in values if value in known))
        return bool(self.choices)

    def _add_numbers(self, values: list[str]) -> bool:
        try:
            numbers = {int(value) for value in values}
        except ValueError:
            return False
        self._at_least(Decimal(min(numbers)))
        self._at_most(Decimal(max(numbers)))
        return len(numbers) == max(numbers) - min(numbers) + 1

    def _add_comparison(self, left: SqlNode, operator: str, right: SqlNode) -> bool:
        value = _literal(right)
        if value is None:
            return False
        match without_casts(left):
            case SqlCall(name, (of,)) if name in LENGTHS and _is_text_of_column(of):
                return self._add_size("length", operator, value)
            case SqlCall("cardinality", (of,)) if _is_plain(of):
                return self._add_size("items", operator, value)
            case SqlCall("array_length", (of, SqlLiteral("1"))) if _is_plain(of):
                return operator in ("<", "<=") and self._add_size("items", operator, value)
        if operator == "<>" and value == "" and _is_text_of_column(left):
            return self._add_size("length", ">=", "1")
        if not _is_plain(left):
            return False
        if operator == "=":
            return self._add_choices(left, [value])
        return self._add_bound(operator, value)

    def _add_bound(self, operator: str, value: str) -> bool:
        number = _number(value)
        kind = self.kind.target.name
        if number is None or operator == "<>" or kind not in (*INTEGERS, *FLOATS, "Numeric"):
            return False
        is_whole = kind in INTEGERS or self.kind.options.get("scale") == 0
        if operator in ("<", ">") and is_whole:
            whole = number.to_integral_value(ROUND_FLOOR if operator == ">" else ROUND_CEILING)
            number, operator = whole + (1 if operator == ">" else -1), f"{operator}="
        if operator in (">", ">="):
            return self._at_least(number) and operator == ">="
        return self._at_most(number) and operator == "<="

    def _at_least(self, number: Decimal) -> bool:
        """Set the minimum. Return whether it is the number itself."""
        bound, is_exact = self._bound(number, ROUND_CEILING if self._is_integer else ROUND_FLOOR)
        known = self.options.get("minimum")
        if bound is not None and (not isinstance(known, int | float) or bound > known):
            self.options["minimum"] = bound
        return is_exact

    def _at_most(self, number: Decimal) -> bool:
        bound, is_exact = self._bound(number, ROUND_FLOOR if self._is_integer else ROUND_CEILING)
        known = self.options.get("maximum")
        if bound is not None and (not isinstance(known, int | float) or bound < known):
            self.options["maximum"] = bound
        return is_exact

    @property
    def _is_integer(self) -> bool:
        return self.kind.target.name in INTEGERS

    def _bound(self, number: Decimal, rounding: str) -> tuple[int | float | None, bool]:
        """Return the number as the kind's option has it, and whether it is as exact.

        None: all values of the type are within it, or no bound can say it.
        """
        kind = self.kind.target.name
        if kind in FLOATS:
            return float(number), True
        whole = int(number.to_integral_value(rounding))
        if abs(whole) > self._largest:
            return None, False
        return whole, whole == number or self._is_integer

    @property
    def _largest(self) -> Decimal:
        """The largest number of the type."""
        kind, precision = self.kind.target.name, self.kind.options.get("precision")
        if kind in LARGEST:
            return Decimal(LARGEST[kind])
        if not isinstance(precision, int):
            return Decimal("Infinity")
        scale = self.kind.options.get("scale")
        return Decimal((0, (9,) * precision, -scale if isinstance(scale, int) else 0))

    def _add_size(self, what: str, operator: str, value: str) -> bool:
        """Set the least or the greatest length, or number of items."""
        number = _number(value)
        kind = self.kind.target.name
        is_of_kind = kind == "Array" if what == "items" else kind in ("Text", "Citext", "Char")
        if number is None or number != int(number) or not is_of_kind or operator == "<>":
            return False
        size = int(number) + {">": 1, "<": -1}.get(operator, 0)
        least, greatest = self._size(f"min_{what}", 0), self._size(f"max_{what}", None)
        if operator in (">", ">=", "=") and size > (least or 0):
            least = size
        if operator in ("<", "<=", "=") and (greatest is None or size < greatest):
            greatest = size
        if greatest is not None and greatest < max(least or 0, 1):
            return False
        if least:
            self.options[f"min_{what}"] = least
        if greatest is not None:
            self.options[f"max_{what}"] = greatest
        return True

    def _size(self, name: str, default: int | None) -> int | None:
        found = self.options.get(name, self.kind.options.get(name, default))
        return found if isinstance(found, int) else default


def _left_side(node: SqlNode) -> SqlNode:
    """Return the left side of a comparison."""
    return node.operands[0] if isinstance(node, SqlOperation) else node


def _is_plain(node: SqlNode) -> bool:
    """Return whether it is a column, at most with a cast that changes no comparison."""
    while isinstance(node, SqlCast) and node.type in WIDENING:
        node = node.value
    return isinstance(node, SqlColumn)


def _is_text_of_column(node: SqlNode) -> bool:
    """Return whether it is a column, also without the spaces around, which `read` removes."""
    below = without_casts(node)
    if isinstance(below, SqlCall) and below.name in ("btrim", "trim") and len(below.args) == 1:
        node = below.args[0]
    return _is_plain(node)


def _is_null_test(node: SqlNode) -> bool:
    return isinstance(node, SqlOperation) and node.operator == "IS NULL"


def _literal(node: SqlNode) -> str | None:
    """Return the text of a constant, which may have a sign."""
    match node:
        case SqlCast(value, type_):
            text = _literal(value)
            is_rounded = type_ in WHOLE_TYPES and text is not None and "." in text
            return None if is_rounded else text
        case SqlLiteral(str() as text):
            return text
        case SqlOperation("-", (operand,)):
            text = _literal(operand)
            return None if text is None else f"-{text}"
    return None


def _texts(node: SqlNode) -> list[str]:
    """Return the constants of an array. Empty if there is another value."""
    below = without_casts(node)
    items = below.items if isinstance(below, SqlArray) else (below,)
    texts = [_literal(item) for item in items]
    found = [text for text in texts if text is not None]
    return found if len(found) == len(texts) else []


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None

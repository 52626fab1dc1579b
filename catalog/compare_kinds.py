"""Compare the kind of a declared field with that of its column: type, bounds and values."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from catalog.columns import ColumnKind
from catalog.expression import Expression, evaluate
from catalog.findings import REMOVED
from catalog.kinds import named
from sluice.kinds.array import Array
from sluice.kinds.choice import Choice
from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt
from sluice.kinds.numeric import Numeric
from sluice.kinds.range import Range
from sluice.kinds.text import Email, Text

UPPER = {"max_length": "length", "maximum": "value", "max_items": "number of items"}
LOWER = {"min_length": "length", "minimum": "value", "min_items": "number of items"}
SHORTEST_EMAIL = "a@b"


class KindChange(NamedTuple):
    """What a declared field should be: the options to set, or another kind."""

    message: str
    options: Mapping[str, object] = {}
    kind: Expression | None = None


def expected_field(kind: ColumnKind, name: str) -> Field | None:
    """Return the field of a column, without options. None if it has no kind."""
    if kind.expression is None:
        return None
    found = evaluate(named(kind.expression, name))
    return found if isinstance(found, Field) else None


def changes(declared: Field, kind: ColumnKind, *, is_written: bool) -> Iterator[KindChange]:
    """Yield what differs. A field that clients write has to keep the bounds of its column."""
    expected = expected_field(kind, declared.name)
    if expected is None:
        yield KindChange(f"its type is {kind.sql}, and {kind.reason}")
    elif not fits(declared, expected):
        yield KindChange(_type_message(declared, expected, kind), kind=kind.expression)
    else:
        yield from _values(declared, expected, kind)
        if declared.reference is None:
            yield from _precision(declared, expected)
        if is_written and declared.reference is None:
            yield from _bounds(declared, kind)


def fits(declared: Field, expected: Field) -> bool:
    """Return whether values of the column are those of the declared kind."""
    if isinstance(declared, Array) and isinstance(expected, Array):
        return fits(declared.of, expected.of)
    if isinstance(declared, Range) and isinstance(expected, Range):
        return declared.sql_type == expected.sql_type
    if declared.reference is not None and isinstance(declared, BigInt):
        return isinstance(expected, BigInt)
    if declared.sql_type != expected.sql_type:
        return False
    is_text = isinstance(declared, Text | Choice) and isinstance(expected, Text | Choice)
    return is_text or isinstance(declared, type(expected))


def wider(declared: Field, now: ColumnKind, then: ColumnKind) -> dict[str, object]:
    """Return the bounds of the declaration that were those of the column, which has wider ones."""
    if now.expression is None or then.expression is None:
        return {}
    if now.expression.target != then.expression.target:
        return {}
    found: dict[str, object] = {}
    present: Mapping[str, Any] = now.expression.options
    for name in (*UPPER, *LOWER, "precision"):
        before: Any = then.expression.options.get(name)
        bound = present.get(name)
        if before is None or getattr(declared, name, None) != before or bound == before:
            continue
        if bound is None or (bound < before if name in LOWER else bound > before):
            found[name] = REMOVED if bound is None else bound
    return found


def _type_message(declared: Field, expected: Field, kind: ColumnKind) -> str:
    if declared.sql_type != expected.sql_type:
        return f"its type is {kind.sql}, and the declaration is for {declared.sql_type}"
    return f"its type is {kind.sql}, which is {type(expected).__name__}"


def _values(declared: Field, expected: Field, kind: ColumnKind) -> Iterator[KindChange]:
    """Yield the values of an enum, or of a CHECK, that one of both does not have."""
    if not isinstance(expected, Choice):
        return
    if not isinstance(declared, Choice):
        values = ", ".join(expected.choices)
        yield KindChange(f"its values can only be {values}", kind=kind.expression)
        return
    new = [value for value in expected.choices if value not in declared.choices]
    gone = [value for value in declared.choices if value not in expected.choices]
    if new or gone:
        parts = [f"it has the new value {each!r}" for each in new]
        parts += [f"the value {each!r} is gone" for each in gone]
        yield KindChange("; ".join(parts), {"choices": expected.choices})


def _precision(declared: Field, expected: Field) -> Iterator[KindChange]:
    if not isinstance(declared, Numeric) or not isinstance(expected, Numeric):
        return
    if expected.precision is None or declared.scale != expected.scale:
        if (declared.precision, declared.scale) != (expected.precision, expected.scale):
            yield _other_precision(expected)
    elif declared.precision is None or declared.precision > expected.precision:
        yield _other_precision(expected)


def _other_precision(expected: Numeric) -> KindChange:
    if expected.precision is None:
        options: dict[str, object] = {"precision": REMOVED, "scale": REMOVED}
        return KindChange("it has numbers of any precision", options)
    options = {"precision": expected.precision, "scale": expected.scale}
    return KindChange(f"its type is numeric({expected.precision},{expected.scale})", options)


def _bounds(declared: Field, kind: ColumnKind) -> Iterator[KindChange]:
    """Yield the bounds of the column that the declaration goes beyond."""
    limits: Mapping[str, Any] = kind.expression.options if kind.expression else {}
    for name, what in (UPPER | LOWER).items():
        limit, bound = limits.get(name), _bound(declared, name)
        is_upper = name in UPPER
        if limit is None or not hasattr(declared, name):
            continue
        if bound is None or (bound > limit if is_upper else bound < limit):
            word = "largest" if is_upper else "smallest"
            yield KindChange(f"its {word} {what} is {limit}", {name: limit})


def _bound(declared: Field, name: str) -> Any:
    """Return a bound. That of an email address is its shortest form."""
    if isinstance(declared, Email) and name == "min_length":
        return len(SHORTEST_EMAIL)
    return getattr(declared, name, None)

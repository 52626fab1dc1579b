"""Check the literals of a query: numbers, strings, patterns, type names and identifiers."""

import re
import unicodedata
from dataclasses import replace

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.estimate import Estimate, estimate_string
from sluice.adhoc_sql.parser import Node, Number
from sluice.adhoc_sql.rejection import reject

MAX_DIGITS = 40
MAX_PATTERN_LENGTH = 100  # characters of a regular expression or a format
MAX_REPEATS = 50  # all bounds of a regular expression, multiplied
MAX_SCALE = 100  # decimals to round to, digits of a type
MAX_INTERVAL_FIELDS = 0x7FFF  # one bit for each field of an interval
MAX_NAME_BYTES = 63
DIGITS = f"{{1,{MAX_DIGITS}}}"
NUMBER = re.compile(rf"-?(\d{DIGITS}(\.\d*)?|\.\d{DIGITS})([eE][+-]?\d{{1,2}})?", re.ASCII)
BOUND = re.compile(r"\{(\d*)(?:,(\d*))?\}", re.ASCII)
BACKREFERENCE = re.compile(r"\\[1-9]", re.ASCII)
# query_runner.py uses these names in the SQL that it wraps around a query.
RESERVED_NAMES = frozenset({"%bytes", "%found", "%rows", "%row"})
JOINERS = "\u200c\u200d"  # the invisible characters that names may contain, for some scripts
INVISIBLE_CLASSES = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})


def estimate_literal(node: Node) -> Estimate:
    """Return the estimate of a constant. Raises QueryRejected for a number that is too long."""
    value = node["value"]
    if isinstance(value, Number):
        if not NUMBER.fullmatch(value) or len(value) > MAX_DIGITS:
            reject(
                f"a number has at most {MAX_DIGITS} digits and a two-digit exponent,"
                f" not {value[:60]}",
                node,
            )
        return replace(estimate_string(value), text=False)
    if isinstance(value, str):
        return estimate_string(value)
    return Estimate(12, literal=True, distinct=1, expansion=0)


def check_name(name: str, node: Node) -> None:
    """Raise QueryRejected for a name that is too long, reserved, or has invisible characters.

    PostgreSQL would truncate a longer name.
    """
    if not name or len(name.encode()) > MAX_NAME_BYTES:
        reject(f"a name has 1 to {MAX_NAME_BYTES} bytes, not {name[:63]!r}", node)
    if name in RESERVED_NAMES or any(map(_is_invisible, name)):
        reject(f"the name {name!r} is reserved or has invisible characters", node)


def _is_invisible(character: str) -> bool:
    is_invisible = unicodedata.category(character) in INVISIBLE_CLASSES
    return is_invisible and character not in JOINERS


def string_literal(node: Node | None) -> str | None:
    """Return the value of a string literal, or None for anything else."""
    value = node["value"] if node is not None and node.kind == "A_Const" else None
    return value if isinstance(value, str) and not isinstance(value, Number) else None


def check_short(node: Node | None, what: str, of: Node) -> str:
    """Return the value of a string literal. Raises QueryRejected for other or too long values.

    `what` names the operation in the message; `of` is its node.
    """
    text = string_literal(node)
    if text is None or len(text) > MAX_PATTERN_LENGTH:
        reject(f"{what} needs a string literal of at most {MAX_PATTERN_LENGTH} characters", of)
    return text


def check_pattern(node: Node | None, what: str, of: Node) -> None:
    """Raise QueryRejected for a regular expression that is slow to compile or to match."""
    text = check_short(node, what, of)
    repeats = 1
    for lower, upper in BOUND.findall(text):
        repeats *= max(1, int(upper or lower or 1))
    if repeats > MAX_REPEATS or BACKREFERENCE.search(text):
        reject(
            f"the pattern of {what} must not have a back-reference, and its bounds,"
            f" multiplied, must not exceed {MAX_REPEATS}",
            of,
        )


def check_type(node: Node) -> None:
    """Raise QueryRejected for a type name that is not on the allowlist."""
    names = [part["sval"] for part in node.list("names")]
    name = names[-1]
    is_keyword = (
        len(names) == 2 and names[0] == "pg_catalog" and name not in allowlist.UNQUALIFIED_TYPES
    )
    if not (len(names) == 1 or is_keyword) or name not in allowlist.TYPES:
        reject(f"the type {name[:63]} is not allowed", node)
    limit = MAX_INTERVAL_FIELDS if name == "interval" else MAX_SCALE
    for modifier in node.list("typmods"):
        number = modifier["value"] if modifier.kind == "A_Const" else None
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= limit:
            reject(f"the precision or length of a type is a number up to {MAX_SCALE}", node)

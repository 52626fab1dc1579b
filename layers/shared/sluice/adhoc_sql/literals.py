"""What is written out in a statement: numbers, texts, patterns, types and names, and how long each may be."""

import re
import unicodedata
from dataclasses import replace

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.estimate import Value, of_text
from sluice.adhoc_sql.parser import Node, Number
from sluice.adhoc_sql.rejection import refuse

MAX_DIGITS = 40
MAX_PATTERN = 100  # characters of a regular expression, or of a format
MAX_REPEATS = 50  # that bounds of a regular expression may multiply to
MAX_SCALE = 100  # decimals to round to, digits of a type
DIGITS = f"{{1,{MAX_DIGITS}}}"
NUMBER = re.compile(rf"-?(\d{DIGITS}(\.\d*)?|\.\d{DIGITS})([eE][+-]?\d{{1,2}})?", re.ASCII)
BOUND = re.compile(r"\{(\d*)(?:,(\d*))?\}", re.ASCII)
BACKREFERENCE = re.compile(r"\\[1-9]", re.ASCII)
INTERNAL = frozenset(
    {"%bytes", "%found", "%rows", "%row"}
)  # adhoc_sql/query_runner.py puts these around a statement
JOINERS = (
    "\u200c\u200d"  # of emojis and scripts: the only invisible characters that a name may have
)
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})


def literal_of(node: Node) -> Value:
    """The value of a constant. QueryRejected for a number that is too long."""
    value = node["value"]
    if isinstance(value, Number):
        if not NUMBER.fullmatch(value) or len(value) > MAX_DIGITS:
            refuse(
                f"a number has at most {MAX_DIGITS} digits and an exponent of two, not {value[:60]}",
                node,
            )
        return replace(of_text(value), text=False)
    return of_text(value) if isinstance(value, str) else Value(12, fixed=True, distinct=1, growth=0)


def check_name(name: str, node: Node) -> None:
    """QueryRejected for a name that PostgreSQL would cut, or that shows something else than it is."""
    if not name or len(name.encode()) > 63:
        refuse(f"a name has 1 to 63 bytes, not {name[:63]!r}", node)
    if name in INTERNAL or any(
        unicodedata.category(c) in INVISIBLE and c not in JOINERS for c in name
    ):
        refuse(
            f"a name has no invisible characters, and is not one that is used here: {name!r}", node
        )


def text_of(node: Node | None) -> str | None:
    """The text that is written out; None where it is none, or something else."""
    value = node["value"] if node is not None and node.kind == "A_Const" else None
    return value if isinstance(value, str) and not isinstance(value, Number) else None


def check_short(node: Node | None, what: str, of: Node) -> str:
    """The text of a literal. QueryRejected where it is none, or long."""
    text = text_of(node)
    if text is None or len(text) > MAX_PATTERN:
        refuse(
            f"the pattern of {what} is a string of at most {MAX_PATTERN} characters, written out",
            of,
        )
    return text


def check_pattern(node: Node | None, what: str, of: Node) -> None:
    """QueryRejected for a regular expression that takes PostgreSQL long to compile, or to match."""
    text = check_short(node, what, of)
    repeats = 1
    for least, most in BOUND.findall(text):
        repeats *= max(1, int(most or least or 1))
    if repeats > MAX_REPEATS or BACKREFERENCE.search(text):
        refuse(
            f"{what} has no \\1, and repeats nothing more than {MAX_REPEATS} times, all bounds multiplied",
            of,
        )


def check_type(node: Node) -> None:
    """QueryRejected for the name of a type that is not allowed."""
    names = [part["sval"] for part in node.list("names")]
    bare = len(names) == 1 or (
        len(names) == 2 and names[0] == "pg_catalog" and names[1] not in allowlist.UNQUALIFIED
    )
    if not bare or names[-1] not in allowlist.TYPES:
        refuse(f"the type {names[-1][:63]} is not allowed", node)
    for modifier in node.list("typmods"):
        number = modifier["value"] if modifier.kind == "A_Const" else None
        most = 0x7FFF if names[-1] == "interval" else MAX_SCALE  # fields of an interval are bits
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= most:
            refuse(f"a type takes numbers up to {MAX_SCALE}", node)

"""An analyst's text as PostgreSQL's own parser reads it: a tree of nodes, each of which allowlist.py allows.

The parser (pgparse, which wraps libpg_query) takes linear time and is C; what is done with its tree here is bounded by
the number of nodes and by a clock, because the function that checks has others to serve.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pgparse

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.rejection import refusal, refuse

MAX_TOKENS = 4_000
MAX_NESTING = 30  # parentheses and brackets within each other
LONGEST = 63  # bytes of a name: PostgreSQL would cut a longer one
SIGNS = frozenset({"-", "+", "not"})
MAX_DEPTH = 90  # nodes within each other
MAX_SECONDS = 1.0  # that checking may take

# The lexical structure of PostgreSQL, as far as it decides where a text, a name or a comment ends.
TOKEN = re.compile(
    r"""--[^\n\r]*|/\*|[uU]&['"]|[eEbBxXnN]'|'[^']*'|"[^"]*"|\$\w*\$|[^\W\d][\w$]*|\d[\w.]*|\s+|.""",
    re.DOTALL,
)
COMMENT = re.compile(r"/\*|\*/")
REFUSED_TEXTS = re.compile(r"""(?:[uU]&['"]|[eEbBxXnN]'|\$\w*\$)\Z""")
# The parts of a node that hold one of a known kind, which the parser does not name again.
EMBEDDED = {
    "alias": "Alias",
    "typeName": "TypeName",
    "over": "WindowDef",
    "withClause": "WithClause",
}
IGNORED = frozenset(
    {
        "location",
        "stmt_location",
        "stmt_len",
        "funcformat",
        "row_format",
        "relpersistence",
        "argnumber",
    }
)
TYPE_PARTS = frozenset({"typemod"})


class Node:
    """A node of PostgreSQL's parse tree. `at` is its place in the text, in bytes; -1 where there is none."""

    __slots__ = ("at", "kind", "parts")

    def __init__(self, kind: str, parts: dict[str, Any], at: int = -1) -> None:
        self.kind = kind
        self.parts = parts
        self.at = at

    def __getitem__(self, part: str) -> Any:
        return self.parts.get(part)

    def list(self, part: str) -> list["Node"]:
        """The nodes of a part that is a list; none where it is absent."""
        return [node for node in self.parts.get(part) or () if node is not None]

    def children(self) -> Iterator["Node"]:
        for value in self.parts.values():
            if isinstance(value, Node):
                yield value
            elif isinstance(value, list):
                yield from (item for item in value if item is not None)

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, the upper ones first."""
        yield self
        for child in self.children():
            yield from child.walk()

    def same(self) -> Any:
        """What two trees have equal that mean the same, wherever they stand."""
        return self.kind, {part: _same(value) for part, value in self.parts.items()}


def _same(value: Any) -> Any:
    if isinstance(value, Node):
        return value.same()
    return [_same(item) for item in value] if isinstance(value, list) else value


def read(text: str, clock: Callable[[], float] = time.monotonic) -> Node:
    """The one SELECT in `text`. QueryRejected where it is none, or has what allowlist.py does not."""
    _check_tokens(text)
    return read_written(text, clock)


def read_written(text: str, clock: Callable[[], float] = time.monotonic) -> Node:
    """As `read`, of a text that writer.py has made: its tokens need no check."""
    statements = _parse(text)
    if len(statements) != 1:
        refuse(f"send one statement, not {len(statements)}")
    reader = _Reader(clock, clock() + MAX_SECONDS)
    tree = reader.node(statements[0]["stmt"], 0)
    if tree is None or tree.kind != "SelectStmt" or tree["valuesLists"]:
        refuse("only SELECT may be run")
    return tree


def _check_tokens(text: str) -> None:
    """QueryRejected for what the parser would read, but an analyst does not need; or what would take it long."""
    if "\0" in text:
        refuse("it holds NUL")
    count = depth = signs = at = 0
    while found := TOKEN.match(text, at):
        word, at = found[0], found.end()
        if word == "/*":
            at = _end_of_comment(text, at)
        if word.isspace() or word.startswith(("/*", "--")):
            continue
        if REFUSED_TEXTS.match(word):
            refuse(f"a text or a name is written in plain quotes, not with {word}")
        if (
            word[0] != "'"
            and len(word.strip('"').replace('""', '"').encode(errors="replace")) > LONGEST
        ):
            refuse(f"a name has at most {LONGEST} bytes, not {word[:63]}")
        count += 1
        depth += (word in ("(", "[")) - (word in (")", "]"))
        signs = signs + 1 if word.lower() in SIGNS else 0
        if count > MAX_TOKENS:
            refuse(f"it has more than {MAX_TOKENS:,} words and signs")
        if max(depth, signs) > MAX_NESTING:
            refuse(f"it is nested more than {MAX_NESTING} deep")


def _end_of_comment(text: str, at: int) -> int:
    """Where the comment ends that began before `at`: they nest."""
    depth = 1
    while found := COMMENT.search(text, at):
        depth += 1 if found[0] == "/*" else -1
        at = found.end()
        if not depth:
            return at
    raise refusal("it cannot be read: a comment in it has no end")


def _parse(text: str) -> Any:
    try:
        return pgparse.parse(text)
    except UnicodeEncodeError:
        refuse("it holds half of a character")
    except RecursionError:
        refuse("it is nested too deeply")
    except pgparse.PGQueryError as error:
        _refuse_syntax(text, int(error.position or 0))


def _refuse_syntax(text: str, position: int) -> NoReturn:
    before = text[: max(0, position - 1)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    near = text[len(before) : len(before) + 40].split("\n")[0].strip()
    place = f" at line {line}, column {column}" if position else ""
    refuse(f"it cannot be read{place}" + (f", near {near}" if near and position else ""))


class _Reader:
    """Makes nodes of what the parser gives, and looks each one up."""

    def __init__(self, clock: Callable[[], float], until: float) -> None:
        self._clock = clock
        self._until = until

    def node(self, raw: dict[str, Any], depth: int, kind: str = "") -> Node | None:
        """A node; None for one that PostgreSQL leaves empty, as that of a bare DISTINCT."""
        if not kind:
            if not raw:
                return None
            ((kind, raw),) = raw.items()
        node = Node(kind, {}, raw.get("location", -1))
        if depth > MAX_DEPTH:
            refuse("it is nested too deeply")
        if self._clock() > self._until:
            refuse("it takes too long to check")
        allowed = allowlist.GRAMMAR.get(kind)
        if allowed is None:
            refuse(f"{allowlist.words(kind)} is not allowed", node)
        if kind == "A_Const":
            node.parts["value"] = _constant(raw, node)
            return node
        for part, value in raw.items():
            if part in IGNORED:
                continue
            if part not in allowed:
                refuse(f"{allowlist.words(part)} is not allowed", node)
            node.parts[part] = self._part(kind, part, value, depth + 1)
        return node

    def _part(self, kind: str, part: str, value: Any, depth: int) -> Any:
        if isinstance(value, list):
            return [self.node(item, depth) for item in value]
        if not isinstance(value, dict):
            return value
        if kind == "SelectStmt" and part in ("larg", "rarg"):
            return self.node(value, depth, "SelectStmt")
        return self.node(value, depth, EMBEDDED.get(part, ""))


def _constant(raw: dict[str, Any], node: Node) -> Any:
    """An int, a str, a bool or None; a number that is no int is a Number."""
    if "ival" in raw:
        return int(raw["ival"].get("ival", 0))
    if "fval" in raw:
        return Number(raw["fval"]["fval"])
    if "sval" in raw:
        return str(raw["sval"].get("sval", ""))
    if "boolval" in raw:
        return bool(raw["boolval"].get("boolval", False))
    if not raw.get("isnull"):
        refuse("a text of b'' or x'' is not allowed", node)
    return None


class Number(str):
    """A number as it was written, which is not an int of four bytes."""

    __slots__ = ()

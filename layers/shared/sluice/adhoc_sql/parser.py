"""Parse a query with PostgreSQL's own parser into a tree of nodes that are on the allowlist.

The parser (pgparse, which wraps libpg_query) is C code and takes linear time. The checks here are
bounded by the number of nodes and by a clock, because one request must not block the function.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pgparse

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.rejection import reject, rejection

MAX_TOKENS = 4_000
MAX_NESTING = 30  # of parentheses, brackets and unary operators
MAX_NAME_BYTES = 63  # PostgreSQL would truncate a longer name
MAX_DEPTH = 90  # of the parse tree
MAX_SECONDS = 1.0  # for building the tree
UNARY_OPERATORS = frozenset({"-", "+", "not"})

# The part of PostgreSQL's lexical structure that decides where a string, name or comment ends.
TOKEN = re.compile(
    r"""--[^\n\r]*|/\*|[uU]&['"]|[eEbBxXnN]'|'[^']*'|"[^"]*"|\$\w*\$|[^\W\d][\w$]*|\d[\w.]*|\s+|.""",
    re.DOTALL,
)
COMMENT = re.compile(r"/\*|\*/")
# The first characters of strings and names that are not in plain quotes.
SPECIAL_QUOTES = re.compile(r"""(?:[uU]&['"]|[eEbBxXnN]'|\$\w*\$)\Z""")
# Fields that always contain one kind of node. The parser's output omits that kind.
EMBEDDED_KINDS = {
    "alias": "Alias",
    "typeName": "TypeName",
    "over": "WindowDef",
    "withClause": "WithClause",
}
IGNORED_FIELDS = frozenset(
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


class Node:
    """A node of PostgreSQL's parse tree.

    `position` is its place in the query in bytes, or -1 if it has none.
    """

    __slots__ = ("fields", "kind", "position")

    def __init__(self, kind: str, fields: dict[str, Any], position: int = -1) -> None:
        self.kind = kind
        self.fields = fields
        self.position = position

    def __getitem__(self, field: str) -> Any:
        return self.fields.get(field)

    def list(self, field: str) -> list["Node"]:
        """Return the nodes of a field that is a list; an empty list if it is absent."""
        return [node for node in self.fields.get(field) or () if node is not None]

    def children(self) -> Iterator["Node"]:
        """Yield the nodes directly below this one."""
        for value in self.fields.values():
            if isinstance(value, Node):
                yield value
            elif isinstance(value, list):
                yield from (item for item in value if item is not None)

    def walk(self) -> Iterator["Node"]:
        """Yield this node and all nodes below it, parents first."""
        yield self
        for child in self.children():
            yield from child.walk()

    def comparable(self) -> Any:
        """Return a value that is equal for trees that differ only in positions."""
        fields = {field: _comparable(value) for field, value in self.fields.items()}
        return self.kind, fields


def _comparable(value: Any) -> Any:
    if isinstance(value, Node):
        return value.comparable()
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    return value


class Number(str):
    """The text of a number that is not an integer of four bytes."""

    __slots__ = ()


def parse(text: str, clock: Callable[[], float] = time.monotonic) -> Node:
    """Return the tree of the one SELECT in `text`.

    Raises QueryRejected if it is not one SELECT, or if a part of it is not on the allowlist.
    """
    _check_tokens(text)
    return parse_deparsed(text, clock)


def parse_deparsed(text: str, clock: Callable[[], float] = time.monotonic) -> Node:
    """Parse a text that deparser.py wrote: like `parse`, without checking its tokens."""
    statements = _parse(text)
    if len(statements) != 1:
        reject(f"send one statement, not {len(statements)}")
    builder = _TreeBuilder(clock, clock() + MAX_SECONDS)
    tree = builder.node(statements[0]["stmt"], 0)
    if tree is None or tree.kind != "SelectStmt" or tree["valuesLists"]:
        reject("only a SELECT is allowed")
    return tree


def _check_tokens(text: str) -> None:
    """Raise QueryRejected for texts that are slow to parse, and for syntax that is not needed."""
    if "\0" in text:
        reject("it contains a NUL character")
    count = depth = unary = position = 0
    while found := TOKEN.match(text, position):
        lexeme, position = found[0], found.end()
        if lexeme == "/*":
            position = _end_of_comment(text, position)
        if lexeme.isspace() or lexeme.startswith(("/*", "--")):
            continue
        _check_token(lexeme)
        count += 1
        depth += (lexeme in ("(", "[")) - (lexeme in (")", "]"))
        unary = unary + 1 if lexeme.lower() in UNARY_OPERATORS else 0
        if count > MAX_TOKENS:
            reject(f"it has more than {MAX_TOKENS:,} tokens")
        if max(depth, unary) > MAX_NESTING:
            reject(f"it is nested more than {MAX_NESTING} levels deep")


def _check_token(lexeme: str) -> None:
    if SPECIAL_QUOTES.match(lexeme):
        reject(f"strings and names must be in plain quotes, not begin with {lexeme}")
    if lexeme[0] == "'":
        return
    name = lexeme.strip('"').replace('""', '"')
    if len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        reject(f"a name has at most {MAX_NAME_BYTES} bytes, not {lexeme[:63]}")


def _end_of_comment(text: str, position: int) -> int:
    """Return the end of the comment that begins before `position`. Comments nest."""
    depth = 1
    while found := COMMENT.search(text, position):
        depth += 1 if found[0] == "/*" else -1
        position = found.end()
        if not depth:
            return position
    raise rejection("it cannot be parsed: a comment does not end")


def _parse(text: str) -> Any:
    try:
        return pgparse.parse(text)
    except UnicodeEncodeError:
        reject("it contains half of a surrogate pair")
    except RecursionError:
        reject("it is nested too deeply")
    except pgparse.PGQueryError as error:
        _reject_syntax(text, int(error.position or 0))


def _reject_syntax(text: str, position: int) -> NoReturn:
    if not position:
        reject("it has a syntax error")
    before = text[: max(0, position - 1)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    near = text[len(before) : len(before) + 40].split("\n")[0].strip()
    place = f" at line {line}, column {column}" + (f", near {near}" if near else "")
    reject(f"it has a syntax error{place}")


class _TreeBuilder:
    """Turns the parser's output into nodes, and checks each one against the allowlist."""

    def __init__(self, clock: Callable[[], float], deadline: float) -> None:
        self._clock = clock
        self._deadline = deadline

    def node(self, raw: dict[str, Any], depth: int, kind: str = "") -> Node | None:
        """Return a node, or None if the parser's output is empty, as in a DISTINCT without ON."""
        if not kind:
            if not raw:
                return None
            ((kind, raw),) = raw.items()
        node = Node(kind, {}, raw.get("location", -1))
        if depth > MAX_DEPTH:
            reject("it is nested too deeply")
        if self._clock() > self._deadline:
            reject("it takes too long to check")
        allowed = allowlist.NODE_FIELDS.get(kind)
        if allowed is None:
            reject(f"{allowlist.describe(kind)} is not allowed", node)
        if kind == "A_Const":
            node.fields["value"] = _constant(raw, node)
            return node
        for field, value in raw.items():
            if field in IGNORED_FIELDS:
                continue
            if field not in allowed:
                reject(f"{allowlist.describe(field)} is not allowed", node)
            node.fields[field] = self._field(kind, field, value, depth + 1)
        return node

    def _field(self, kind: str, field: str, value: Any, depth: int) -> Any:
        if isinstance(value, list):
            return [self.node(item, depth) for item in value]
        if not isinstance(value, dict):
            return value
        if kind == "SelectStmt" and field in ("larg", "rarg"):
            return self.node(value, depth, "SelectStmt")
        return self.node(value, depth, EMBEDDED_KINDS.get(field, ""))


def _constant(raw: dict[str, Any], node: Node) -> Any:
    """Return an int, a str, a bool or None. Other numbers are returned as a Number."""
    if "ival" in raw:
        return int(raw["ival"].get("ival", 0))
    if "fval" in raw:
        return Number(raw["fval"]["fval"])
    if "sval" in raw:
        return str(raw["sval"].get("sval", ""))
    if "boolval" in raw:
        return bool(raw["boolval"].get("boolval", False))
    if not raw.get("isnull"):
        reject("a bit string (b'' or x'') is not allowed", node)
    return None

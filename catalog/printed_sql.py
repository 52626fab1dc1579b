"""Read expressions as PostgreSQL prints them (pg_get_expr), as far as a declaration can use them.

PostgreSQL prints a stored expression in one form: it has parentheses around each operation, types
are after `::`, and BETWEEN and IN are written as `>= AND <=` and `= ANY (ARRAY[…])`. So a small
reader is enough. Whatever it does not know is UnreadableExpression, never a guess.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>E?'(?:[^']|'')*')
        | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
        | (?P<quoted>"(?:[^"]|"")+")
        | (?P<word>[^\W\d][\w$]*)
        | (?P<symbol>::|<=|>=|<>|[-+*/%^~!@#&|<>=]+|[()\[\],.])
    )""",
    re.VERBOSE,
)
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
TYPE_WORDS = frozenset({"varying", "precision", "with", "without", "time", "zone", "to"})


class UnreadableExpression(Exception):
    """The expression is of another form than a declaration can use."""


@dataclass(frozen=True)
class SqlColumn:
    """A column, or VALUE of a domain."""

    name: str


@dataclass(frozen=True)
class SqlLiteral:
    """A constant: the text of a number or a string, True, False, or None."""

    value: str | bool | None


@dataclass(frozen=True)
class SqlArray:
    """ARRAY[…]."""

    items: "tuple[SqlNode, ...]"


@dataclass(frozen=True)
class SqlCall:
    """A function, or a keyword such as CURRENT_TIMESTAMP, without its schema."""

    name: str
    args: "tuple[SqlNode, ...]" = ()


@dataclass(frozen=True)
class SqlCast:
    """A value as another type."""

    value: "SqlNode"
    type: str


@dataclass(frozen=True)
class SqlOperation:
    """An operator: a comparison, AND, OR, NOT, ANY (`= ANY`), IS NULL, IS NOT NULL, -."""

    operator: str
    operands: "tuple[SqlNode, ...]"


SqlNode = SqlColumn | SqlLiteral | SqlArray | SqlCall | SqlCast | SqlOperation
KEYWORD_VALUES = {"true": True, "false": False, "null": None}
KEYWORD_CALLS = frozenset(
    {"current_timestamp", "current_date", "current_time", "localtimestamp", "localtime"}
)


@cache
def parse(expression: str) -> SqlNode:
    """Return the tree of a printed expression. Raise UnreadableExpression."""
    reader = _Reader(expression)
    node = reader.disjunction()
    reader.expect_end()
    return node


def without_casts(node: SqlNode) -> SqlNode:
    """Return the value below casts."""
    while isinstance(node, SqlCast):
        node = node.value
    return node


class _Reader:
    """Read the tokens of an expression from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            found = TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise UnreadableExpression(text)
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self._at = 0

    def disjunction(self) -> SqlNode:
        return self._several("OR", self._conjunction)

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise UnreadableExpression(self._peek())

    def _conjunction(self) -> SqlNode:
        return self._several("AND", self._negation)

    def _several(self, word: str, operand: Callable[[], SqlNode]) -> SqlNode:
        operands = [operand()]
        while self._take_word(word):
            operands.append(operand())
        return operands[0] if len(operands) == 1 else SqlOperation(word, tuple(operands))

    def _negation(self) -> SqlNode:
        if self._take_word("NOT"):
            return SqlOperation("NOT", (self._negation(),))
        return self._comparison()

    def _comparison(self) -> SqlNode:
        left = self._value()
        if self._take_word("IS"):
            is_not = self._take_word("NOT")
            self._require_word("NULL")
            return SqlOperation("IS NOT NULL" if is_not else "IS NULL", (left,))
        kind, text = self._next_token()
        if kind != "symbol" or text not in COMPARISONS:
            return left
        self._at += 1
        if not self._take_word("ANY"):
            return SqlOperation(text, (left, self._value()))
        if text != "=":
            raise UnreadableExpression(text)
        self._require("(")
        values = self.disjunction()
        self._require(")")
        return SqlOperation("ANY", (left, values))

    def _value(self) -> SqlNode:
        if self._take("-"):
            return SqlOperation("-", (self._value(),))
        node = self._primary()
        while self._take("::"):
            node = SqlCast(node, self._type())
        return node

    def _primary(self) -> SqlNode:
        kind, text = self._next_token()
        self._at += 1
        if kind == "text":
            return SqlLiteral(_text(text))
        if kind == "number":
            return SqlLiteral(text)
        if text == "(":
            node = self.disjunction()
            self._require(")")
            return node
        if kind in ("word", "quoted"):
            return self._named(kind, text)
        raise UnreadableExpression(text)

    def _named(self, kind: str, text: str) -> SqlNode:
        name = _name(text)
        if kind == "word":
            if text.lower() in KEYWORD_VALUES:
                return SqlLiteral(KEYWORD_VALUES[text.lower()])
            if text.lower() in KEYWORD_CALLS:
                has_precision = self._next_token()[1] == "("
                return SqlCall(text.lower(), self._list("(", ")") if has_precision else ())
            if text == "ARRAY":
                return SqlArray(self._list("[", "]"))
            if text == "TRIM":
                return self._trim()
            if text in ("CASE", "COALESCE", "ROW", "EXTRACT", "NULLIF", "INTERVAL"):
                raise UnreadableExpression(text)
        while self._take("."):
            name = _name(self._take_name())
        if self._next_token()[1] == "(":
            return SqlCall(name, self._list("(", ")"))
        return SqlColumn(name)

    def _trim(self) -> SqlNode:
        """Read `TRIM(BOTH FROM x)`, as newer versions print btrim(x)."""
        self._require("(")
        self._require_word("BOTH")
        self._require_word("FROM")
        node = self.disjunction()
        self._require(")")
        return SqlCall("btrim", (node,))

    def _list(self, start: str, end: str) -> tuple[SqlNode, ...]:
        self._require(start)
        if self._take(end):
            return ()
        items = [self.disjunction()]
        while self._take(","):
            items.append(self.disjunction())
        self._require(end)
        return tuple(items)

    def _type(self) -> str:
        """Read a type, such as `character varying(20)[]` or `crm.stage`."""
        words = [self._take_name()]
        while self._take("."):
            words[-1] += "." + self._take_name()
        while self._next_token()[0] == "word" and self._next_token()[1] in TYPE_WORDS:
            words.append(self._take_name())
        name = " ".join(words)
        if self._take("("):
            while not self._take(")"):
                name += f"({self._next_token()[1]}"
                self._at += 1
        while self._take("["):
            self._require("]")
            name += "[]"
        while self._next_token()[0] == "word" and self._next_token()[1] in TYPE_WORDS:
            name += f" {self._take_name()}"  # timestamp(3) with time zone
        return name

    def _next_token(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _peek(self) -> str:
        return self._next_token()[1]

    def _take(self, symbol: str) -> bool:
        found = self._next_token() == ("symbol", symbol)
        self._at += found
        return found

    def _require(self, symbol: str) -> None:
        if not self._take(symbol):
            raise UnreadableExpression(self._peek())

    def _take_word(self, word: str) -> bool:
        found = self._next_token() == ("word", word)
        self._at += found
        return found

    def _require_word(self, word: str) -> None:
        if not self._take_word(word):
            raise UnreadableExpression(self._peek())

    def _take_name(self) -> str:
        kind, text = self._next_token()
        if kind not in ("word", "quoted"):
            raise UnreadableExpression(text)
        self._at += 1
        return text


def _name(text: str) -> str:
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def _text(literal: str) -> str:
    if literal.startswith("E"):
        if re.search(r"\\[^\\]", literal[2:-1].replace("\\\\", "")):
            raise UnreadableExpression(literal)
        return literal[2:-1].replace("''", "'").replace("\\\\", "\\")
    return literal[1:-1].replace("''", "'")

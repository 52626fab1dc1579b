"""May this statement be run? It is taken apart, every part of it looked up, and written anew from what was understood.

What is run is never the caller's text: where sqlglot and PostgreSQL read a text differently, PostgreSQL gets what
sqlglot has read and this module has allowed. Nothing is forbidden by name; what vocabulary.py does not have is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.tokenizer_core import TokenType

from sluice.analyst import vocabulary
from sluice.analyst.dialect import Analyst
from sluice.analyst.names import resolve
from sluice.analyst.refusal import refuse
from sluice.analyst.series import check_series

MAX_TOKENS = 4_000
MAX_DEPTH = 30  # parentheses within each other
MAX_TABLES = 12  # PostgreSQL tries their orders
MAX_COLUMNS = 200
MAX_DIGITS = 40
MAX_PATTERN = 100  # characters of a regular expression, or of a format
MAX_SCALE = 100  # decimals to round to, digits of a type
MAX_GROWTH = 64  # times as long as what it is made of may a text become

OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.CASE)
CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.END)
NAME = re.compile(r"[^\W\d][\w ]*")
KEYWORDS = re.compile(r"[A-Za-z ]{1,40}")  # of a join, a frame, a unit: sqlglot writes them as they came
DIGITS = f"{{1,{MAX_DIGITS}}}"
NUMBER = re.compile(rf"\d{DIGITS}(\.\d*)?([eE][+-]?\d{{1,2}})?|\.\d{DIGITS}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that may be run: its SQL, written anew, and what its columns are called."""

    sql: str
    columns: tuple[str, ...]
    growth: int  # a text in it may become so many times as long as what it is made of
    gathers: int | None  # where an aggregate makes one value of many rows: the bytes that each has of literals


def check(text: str) -> Statement:
    """The statement in `text`. QueryRefused says what of it cannot be read, or is not allowed, and where."""
    try:
        tree = _parse(text)
        for node in tree.walk():
            _check_node(node)
        _check_size(tree)
        columns = resolve(tree)
        if len(columns) > MAX_COLUMNS:
            refuse(f"the result has {len(columns)} columns; {MAX_COLUMNS} are the most")
        for table in tree.find_all(exp.Table):
            _pin(table)
        return Statement(tree.sql(Analyst, identify=True, comments=False), columns, *_growth(tree))
    except RecursionError:
        refuse("it is nested too deeply")
    except SqlglotError as error:
        _refuse_syntax(error)


def _parse(text: str) -> exp.Expr:
    if "\0" in text:
        refuse("it holds NUL")
    dialect = Analyst()
    tokens = dialect.tokenize(text)
    if len(tokens) > MAX_TOKENS:
        refuse(f"it has {len(tokens):,} words and signs; {MAX_TOKENS:,} are the most")
    depth, before = 0, ""
    for token in tokens:
        if token.token_type == TokenType.L_BRACKET and before != "ARRAY":
            refuse("[ may stand after ARRAY alone")
        before = token.text.upper()
        depth += (token.token_type in OPENING) - (token.token_type in CLOSING)
        if depth > MAX_DEPTH:
            refuse(f"it is nested more than {MAX_DEPTH} deep")
    statements = [statement for statement in dialect.parser().parse(tokens, text) if statement is not None]
    if len(statements) != 1:
        refuse(f"send one statement, not {len(statements)}")
    tree = normalize_identifiers(statements[0], dialect=Analyst)
    if not isinstance(tree, (exp.Select, exp.SetOperation, exp.Subquery)):
        refuse("only SELECT may be run")
    return tree


def _refuse_syntax(error: SqlglotError) -> NoReturn:
    where = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    place = f" at line {where['line']}, column {where['col']}" if where.get("line") else ""
    near = str(where.get("highlight") or "").strip()[:40]
    if isinstance(error, TokenError):
        refuse("it cannot be read: a string, a name or a comment in it has no end")
    refuse(f"it cannot be read{place}" + (f", near {near}" if near else ""))


def _check_node(node: exp.Expr) -> None:
    kind = type(node).__name__
    allowed = vocabulary.GRAMMAR.get(kind)
    if allowed is None:
        refuse(f"{_words(node)} is not allowed", node)
    for part, value in node.args.items():
        if value in (None, [], False):
            continue
        if part not in allowed:
            refuse(f"{_words(value[0] if isinstance(value, list) else value, part)} is not allowed", node)
        if isinstance(value, str) and part != "this" and not KEYWORDS.fullmatch(value):
            refuse(f"{value[:40]} is not allowed", node)
    check_kind = _CHECKS.get(kind)
    if check_kind is not None:
        check_kind(node)


def _check_identifier(node: exp.Expr) -> None:
    if not NAME.fullmatch(node.name) or len(node.name.encode()) > 63:
        refuse(f"a name is letters, digits, _ and spaces, at most 63 bytes, not {node.name[:63]!r}", node)


def _check_literal(node: exp.Expr) -> None:
    if not node.is_string and not (NUMBER.fullmatch(node.this) and len(node.this) <= MAX_DIGITS):
        refuse(f"a number has at most {MAX_DIGITS} digits and an exponent of two, not {node.this[:60]}", node)


def _check_word(node: exp.Expr) -> None:
    if not isinstance(node.this, str) or not KEYWORDS.fullmatch(node.this):
        refuse(f"{str(node.this)[:40]} is not allowed", node)


def _check_call(node: exp.Expr) -> None:
    name = str(node.this).lower()
    if name == vocabulary.SERIES:
        if not isinstance(node.parent, exp.Table):
            refuse("generate_series may stand in FROM alone", node)
        check_series(node)
    elif name not in vocabulary.FUNCTIONS:
        refuse(f"the function {name[:63]} is not allowed", node)
    for place in vocabulary.LITERAL_ARGUMENTS.get(name, ()):
        _require_short_literal(node.expressions[place] if place < len(node.expressions) else None, name, node)
    if name in vocabulary.ROUNDING and len(node.expressions) > 1:
        decimals = node.expressions[1]
        if not decimals.is_int or abs(int(decimals.to_py())) > MAX_SCALE:
            refuse(f"{name} takes a number of decimals up to {MAX_SCALE}, written out", node)


def _check_star(node: exp.Expr) -> None:
    call = node.parent
    counted = isinstance(call, exp.Anonymous) and call.name.lower() == "count" and len(call.expressions) == 1
    if not counted and not isinstance(call, (exp.Select, exp.Column)):
        refuse("* may stand in a SELECT list, or in count(*)", node)


def _check_type(node: exp.Expr) -> None:
    if not isinstance(node.this, exp.DataType.Type) or node.this.name not in vocabulary.TYPES:
        refuse(f"the type {node.sql(Analyst)[:63]} is not allowed", node)
    for parameter in node.expressions:
        if not parameter.this.is_int or int(parameter.this.name) > MAX_SCALE:
            refuse(f"a type takes numbers up to {MAX_SCALE}", node)


def _check_pattern(node: exp.Expr) -> None:
    _require_short_literal(node.expression, "a regular expression", node)


def _check_table(node: exp.Expr) -> None:
    schema = node.args.get("db")
    if schema is not None and schema.name != "public":
        refuse(f"there is no schema {schema.name[:63]} here", node)
    if isinstance(node.this, exp.Anonymous) and node.this.name.lower() != vocabulary.SERIES:
        refuse(f"the function {node.this.name[:63]} may not stand in FROM", node)


def _check_values(node: exp.Expr) -> None:
    widths = {len(row.expressions) if isinstance(row, exp.Tuple) else 0 for row in node.expressions}
    if len(widths) != 1 or 0 in widths:
        refuse("the rows of VALUES are lists of the same length", node)


def _check_alias(node: exp.Expr) -> None:
    if not node.this:  # sqlglot would invent one
        refuse("a list of columns needs a name before it", node)


_CHECKS = {
    "Identifier": _check_identifier,
    "Literal": _check_literal,
    "Var": _check_word,
    "Anonymous": _check_call,
    "Star": _check_star,
    "DataType": _check_type,
    "RegexpLike": _check_pattern,
    "RegexpILike": _check_pattern,
    "Table": _check_table,
    "TableAlias": _check_alias,
    "Values": _check_values,
}


def _require_short_literal(node: exp.Expr | None, what: str, of: exp.Expr) -> None:
    if not isinstance(node, exp.Literal) or not node.is_string or len(node.this) > MAX_PATTERN:
        refuse(f"the pattern of {what} is a string of at most {MAX_PATTERN} characters, written out", of)


def _check_size(tree: exp.Expr) -> None:
    tables = sum(1 for _ in tree.find_all(exp.Table))
    if tables > MAX_TABLES:
        refuse(f"it names {tables} tables; {MAX_TABLES} are the most")


def _pin(table: exp.Table) -> None:
    """Say whose table it is, where it is one of the shop's and not a name of WITH: whatever search_path says."""
    if isinstance(table.this, exp.Identifier) and table.name in vocabulary.TABLES and not _is_of_with(table):
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("db", exp.to_identifier("public"))


def _is_of_with(table: exp.Table) -> bool:
    if table.args.get("db"):
        return False
    return any(cte.alias == table.name for with_ in table.root().find_all(exp.With) for cte in with_.expressions)


def _growth(tree: exp.Expr) -> tuple[int, int | None]:
    """How much longer than what it reads may a text become? A query adds, and a query upon it multiplies.

    What gathers many rows into one value is told by how much each has of literals; there numbers count as well.
    """
    calls = {call.name.lower() for call in tree.find_all(exp.Anonymous)}
    gathers = bool(calls & vocabulary.AGGREGATES_OF_ALL)
    if gathers and (calls & vocabulary.POWERS or tree.find(exp.Pow)):
        refuse("string_agg and array_agg do not go with powers, which have numbers of 100,000 digits")
    growth = 1
    for query in tree.find_all(exp.Select):
        growth *= 1 + sum(_growing(query, numbers=gathers))
        if growth > MAX_GROWTH:
            refuse(f"it joins so many texts that they could grow {growth}-fold; {MAX_GROWTH} is the most")
    literals = sum(len(literal.name.encode()) for literal in tree.find_all(exp.Literal))
    return growth, literals if gathers else None


def _growing(query: exp.Select, *, numbers: bool) -> Iterator[int]:
    for node in query.find_all(exp.DPipe, exp.Mul, exp.Anonymous):
        if node.find_ancestor(exp.Select) is not query:
            continue
        name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        if name in vocabulary.AGGREGATES_OF_ALL and node.find_ancestor(exp.Window, exp.Select) is not query:
            refuse(f"{name} may not be a window function", node)
        if name == "replace":
            yield max(1, len(node.expressions[2].name))
        elif name in vocabulary.GROWING:
            yield max(1, len(node.expressions) - 1)
        elif isinstance(node, exp.DPipe) or (numbers and isinstance(node, exp.Mul)):
            yield 1


def _words(found: object, part: str = "") -> str:
    """What to call a node, or what else fills that part of one, for somebody who writes SQL."""
    if isinstance(found, exp.Command):
        return str(found.this)[:40].upper()
    if isinstance(found, str):
        return found[:40]
    name = type(found).__name__ if isinstance(found, exp.Expr) else part
    return vocabulary.WORDS.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name).strip().upper()

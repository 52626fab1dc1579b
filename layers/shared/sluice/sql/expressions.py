"""Read SQL that is written by hand: its columns, and whether it needs parentheses."""

import re

from sluice.sql.identifiers import quoted

LITERAL = re.compile(r"'(?:[^']|'')*'")
NAME_OR_NUMBER = re.compile(r'[\w."]+')
OR = re.compile(r"\bor\b", re.IGNORECASE)


def operand(sql: str) -> str:
    """Return an expression that any operator or cast may follow."""
    return sql if NAME_OR_NUMBER.fullmatch(sql) or _is_in_parentheses(sql) else f"({sql})"


def conjunct(sql: str) -> str:
    """Return a condition that AND may join with others."""
    return operand(sql) if OR.search(sql) else sql


def columns_in(sql: str, alias: str) -> list[str]:
    """Return the columns of the rows `alias`, as SQL names them; `*` if it names the whole row."""
    without_literals = LITERAL.sub("''", sql)
    name = r'"(?:[^"]|"")+"|[\w$]+|\*'
    found = re.findall(rf'(?<![\w.":$]){alias}\b(?!")(?:\s*\.\s*({name}))?', without_literals)
    return [_as_quoted(column) for column in found]


def _as_quoted(name: str) -> str:
    """Return the name of a column in its usual form; `*` for none."""
    if name in ("", "*"):
        return "*"
    return quoted(name[1:-1].replace('""', '"') if name.startswith('"') else name.lower())


def _is_in_parentheses(sql: str) -> bool:
    """Return whether one pair of parentheses encloses all of it. Those in literals count, too."""
    text = sql.strip()
    depth = 0
    for n, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return n > 0 and n == len(text) - 1
    return False

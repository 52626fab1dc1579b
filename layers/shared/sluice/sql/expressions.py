"""Put SQL that is written by hand in parentheses, where the SQL around it would split it."""

import re

NAME_OR_NUMBER = re.compile(r'[\w."]+')
OR = re.compile(r"\bor\b", re.IGNORECASE)


def operand(sql: str) -> str:
    """Return an expression that any operator or cast may follow."""
    return sql if NAME_OR_NUMBER.fullmatch(sql) or _is_in_parentheses(sql) else f"({sql})"


def conjunct(sql: str) -> str:
    """Return a condition that AND may join with others."""
    return operand(sql) if OR.search(sql) else sql


def _is_in_parentheses(sql: str) -> bool:
    """Return whether one pair of parentheses encloses all of it. Those in literals count, too."""
    text = sql.strip()
    depth = 0
    for n, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return n > 0 and n == len(text) - 1
    return False

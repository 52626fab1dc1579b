"""How a statement is refused: in words of ours, with the place in what the caller wrote."""

from typing import NoReturn

from sqlglot import exp

from sluice.errors import QueryRefused


def refuse(reason: str, node: exp.Expr | None = None) -> NoReturn:
    """QueryRefused, with the line and column of `node`, or of the first name in it, where sqlglot knows them."""
    raise QueryRefused(reason + _place(node))


def _place(node: exp.Expr | None) -> str:
    for found in node.walk() if node is not None else ():
        line, column, name = (found.meta.get(key) for key in ("line", "col", "end"))
        if line and column and name is not None:
            start = column - (name - found.meta.get("start", name))
            return f" (line {line}, column {start})"
    return ""

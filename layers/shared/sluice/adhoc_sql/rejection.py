"""Reject a query, with the line and the column of the part that is not allowed."""

from contextvars import ContextVar
from typing import TYPE_CHECKING, NoReturn

from sluice.errors import QueryRejected

if TYPE_CHECKING:
    from sluice.adhoc_sql.parser import Node

# The query that is being validated, in UTF-8, because the parser counts positions in bytes.
QUERY_TEXT: ContextVar[bytes] = ContextVar("QUERY_TEXT", default=b"")


def reject(reason: str, node: "Node | None" = None) -> NoReturn:
    """Raise QueryRejected with the reason, and with the position of `node` if it has one."""
    raise rejection(reason, node)


def rejection(reason: str, node: "Node | None" = None) -> QueryRejected:
    """Return the exception that `reject` raises."""
    return QueryRejected(reason + _place(node.position if node is not None else -1))


def _place(position: int) -> str:
    text = QUERY_TEXT.get()
    if not 0 <= position < len(text):
        return ""
    before = text[:position].decode(errors="ignore")
    line = before.count("\n") + 1
    column = len(before) - before.rfind("\n")
    return f" (line {line}, column {column})"

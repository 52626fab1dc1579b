"""How a statement is refused: in words of ours, with the place in what the caller wrote."""

from contextvars import ContextVar
from typing import NoReturn, Protocol

from sluice.errors import QueryRejected

TEXT: ContextVar[bytes] = ContextVar(
    "TEXT", default=b""
)  # what is being checked, in UTF-8, as the parser counts


class Placed(Protocol):
    @property
    def at(self) -> int: ...


def refuse(reason: str, node: Placed | None = None) -> NoReturn:
    """QueryRejected, with the line and column of `node` where it has a place."""
    raise refusal(reason, node)


def refusal(reason: str, node: Placed | None = None) -> QueryRejected:
    """What `refuse` raises."""
    return QueryRejected(reason + _place(node.at if node is not None else -1))


def _place(at: int) -> str:
    text = TEXT.get()
    if not 0 <= at < len(text):
        return ""
    before = text[:at].decode(errors="ignore")
    return f" (line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))})"

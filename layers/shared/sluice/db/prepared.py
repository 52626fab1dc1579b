"""Which statements does the server keep parsed and planned for one connection, so that it need not do that each time?

Parsing and planning is over half of what a small read takes. A statement is named when it is sent for the second time,
and named after its text: so a pooler that hands the session to somebody else, or gives us somebody else's, can at worst
not know the name, or know it already, and never run another statement for us. Where that happens the connection goes
on without names. See docs/decisions/0017-prepared-statements.md.
"""

import hashlib
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from pg8000.core import Context

from sluice.db import protocol

# SQLSTATE and, where that alone does not tell, the server's routine: what says that a name is of no use any more.
_UNKNOWN, _TAKEN, _OUTDATED = "26000", "42P05", ("0A000", "RevalidateCachedQuery")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PreparedStatement:
    """`name` is empty until the server is to know it; `columns` and `readers` are of no use until it is `known`."""

    text: str
    name: bytes = b""
    known: bool = False  # to the server
    columns: list[dict[str, Any]] | None = None
    readers: list[Any] = field(default_factory=list)  # of each column, from its text

    def message(self, texts: list[str | None], encoding: str) -> bytes:
        """Bind and Execute, and what must go before them."""
        if self.known:
            return protocol.bind(texts, encoding, self.name) + protocol.EXECUTE_AND_SYNC
        parse = protocol.parse(self.text, (), encoding, self.name)
        return parse + protocol.bind(texts, encoding, self.name) + protocol.FINISH

    def context(self) -> Context:
        """Where the answer is gathered: a server that knows the statement does not describe it again."""
        return Context(self.text, columns=self.columns, input_funcs=self.readers)

    def learn(self, context: Context) -> None:
        """It was answered."""
        if self.name and not self.known:
            self.known, self.columns, self.readers = True, context.columns, context.input_funcs


class PreparedStatementCache:
    """At most `most`; of more, that one goes which has not been asked for the longest. 0: none is ever named."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, PreparedStatement] = OrderedDict()
        self._farewell = b""

    def find(self, text: str) -> PreparedStatement:
        if not self._most or len(text) > protocol.KEPT_LENGTH:
            return PreparedStatement(text)
        statement = self._kept.get(text)
        if statement is None:
            statement = self._kept[text] = PreparedStatement(text)
            if len(self._kept) > self._most:
                self._close(self._kept.popitem(last=False)[1])
            return statement
        self._kept.move_to_end(text)
        if not statement.name:
            statement.name = b"sluice_" + hashlib.sha256(text.encode()).hexdigest()[:32].encode()
        return statement

    def farewell(self) -> bytes:
        """What is to be said to the server ahead of the next statement: which ones it may forget."""
        farewell, self._farewell = self._farewell, b""
        return farewell

    def failed(self, statement: PreparedStatement, report: dict[str, str]) -> bool:
        """Is it the name that failed, so that nothing was run, and the statement may be sent again without one?"""
        if not statement.name:
            return False
        state = report.get("C")
        lost = state in (_UNKNOWN, _TAKEN)
        if lost:
            _log.warning(
                "the server lost a prepared statement (%s); is there a pooler? Going on without",
                state,
            )
            self._most = 0
            self._kept.clear()
        outdated = (state, report.get("R")) == _OUTDATED  # a migration has changed what it returns
        if (
            outdated or not statement.known
        ):  # in the latter case it may or may not have come to be known
            self._kept.pop(statement.text, None)
            self._close(statement)
        return lost or outdated

    def _close(self, statement: PreparedStatement) -> None:
        if statement.name:
            self._farewell += protocol.close(statement.name)

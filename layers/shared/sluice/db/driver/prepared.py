"""Cache prepared statements on one connection, so that the server keeps their plans.

Parsing and planning take over half of the time of a small read. A statement gets a name when it is
sent for the second time. The name is derived from its text. If a pooler assigns a session to
several clients, the server may not know the name, or may know it already. But it never runs
another statement under that name. After such an error, the connection continues without names.
See docs/decisions/0017-prepared-statements.md.
"""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from pg8000.core import Context

from sluice.db.driver import protocol

# Errors after which a name cannot be used any more: SQLSTATEs, one with the server's routine.
_UNKNOWN_NAME = "26000"
_DUPLICATE_NAME = "42P05"
_RESULT_TYPE_CHANGED = ("0A000", "RevalidateCachedQuery")

_log = logging.getLogger(__name__)


class PreparedStatement:
    """A statement that the server may know by `name`, which is empty until its second use.

    `columns` and `decoders` describe the result, and are set once the statement `is_prepared`.
    A plain class, because a cold start defines it: a dataclass takes 1 ms.
    """

    __slots__ = ("columns", "decoders", "is_prepared", "name", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.name = b""
        self.is_prepared = False
        self.columns: list[dict[str, Any]] | None = None
        self.decoders: list[Any] = []  # one for each column, from its text

    def message(self, texts: Sequence[str | None], encoding: str) -> bytes:
        """Return the messages that execute it, and those that prepare it unless it is prepared."""
        if self.is_prepared:
            return protocol.bind(texts, encoding, self.name) + protocol.EXECUTE_SYNC
        parse = protocol.parse(self.text, (), encoding, self.name)
        return parse + protocol.bind(texts, encoding, self.name) + protocol.DESCRIBE_EXECUTE_SYNC

    def message_before(self, texts: Sequence[str | None], encoding: str) -> bytes:
        """Return the messages that execute it before another statement, if it returns no rows."""
        parse = b"" if self.is_prepared else protocol.parse(self.text, (), encoding, self.name)
        return parse + protocol.bind(texts, encoding, self.name) + protocol.EXECUTE

    def context(self) -> Context:
        """Return pg8000's context of an execution. A prepared statement is not described again."""
        return Context(self.text, columns=self.columns, input_funcs=self.decoders)

    def mark_prepared(self, context: Context) -> None:
        """Keep the description of the result after the first execution by name."""
        if self.name and not self.is_prepared:
            self.is_prepared = True
            self.columns = context.columns
            self.decoders = context.input_funcs


class PreparedStatementCache:
    """The LRU cache of one connection. With a `max_size` of 0, no statement gets a name."""

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._cache: OrderedDict[str, PreparedStatement] = OrderedDict()
        self._pending_close = b""

    def find(self, text: str) -> PreparedStatement:
        """Return the statement with this text. At its second use it gets a name."""
        if not self._max_size or len(text) > protocol.MAX_CACHED_LENGTH:
            return PreparedStatement(text)
        statement = self._cache.get(text)
        if statement is None:
            statement = self._cache[text] = PreparedStatement(text)
            if len(self._cache) > self._max_size:
                self._close(self._cache.popitem(last=False)[1])
            return statement
        self._cache.move_to_end(text)
        if not statement.name:
            statement.name = b"sluice_" + hashlib.sha256(text.encode()).hexdigest()[:32].encode()
        return statement

    def take_close_messages(self) -> bytes:
        """Return the Close messages of evicted statements, to send with the next statement."""
        messages, self._pending_close = self._pending_close, b""
        return messages

    def invalidate(self, report: dict[str, str], *statements: PreparedStatement | None) -> bool:
        """Forget the statements of a flush that failed, if one of their names may be the cause.

        Return True if a name is the cause, so that nothing ran and they may be sent again.
        """
        causes = [each is not None and self._is_cause(report, each) for each in statements]
        return any(causes)

    def _is_cause(self, report: dict[str, str], statement: PreparedStatement) -> bool:
        if not statement.name:
            return False
        state = report.get("C")
        is_lost = state in (_UNKNOWN_NAME, _DUPLICATE_NAME)
        if is_lost and self._max_size:  # logged once
            _log.warning(
                "the server lost a prepared statement (%s), probably because of a pooler; "
                "this connection continues without prepared statements",
                state,
            )
            self._max_size = 0
            self._cache.clear()
        is_outdated = (state, report.get("R")) == _RESULT_TYPE_CHANGED  # by a migration
        if is_outdated or not statement.is_prepared:  # not prepared: the server may know it
            self._cache.pop(statement.text, None)
            self._close(statement)
        return is_lost or is_outdated

    def _close(self, statement: PreparedStatement) -> None:
        if statement.name:
            self._pending_close += protocol.close(statement.name)

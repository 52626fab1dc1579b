"""What a function printed and which SQL statements it ran during one invocation.

The memory of a trace is limited. What did not fit is counted, and the console shows the number.
"""

import json
from dataclasses import dataclass, field
from typing import Any

MAX_LOG_BYTES = 64 * 1024  # of the lines of one invocation
MAX_STATEMENTS = 200  # of one invocation
MAX_STATEMENT_BYTES = 64 * 1024  # of the text and the parameters of one statement


@dataclass(frozen=True, slots=True)
class TracedStatement:
    """One SQL statement, as statement_trace.py reports it.

    Times are in seconds. `params` is None if the parameters were too large to keep.
    """

    sql: str
    params: tuple[str | None, ...] | None
    seconds: float
    round_trips: int
    rows: int  # -1: the statement returns none, and changes none
    user: str  # the role of the session
    tenant: str | None  # None: the session sets no tenant
    error: str  # the SQLSTATE; empty: no error

    @classmethod
    def from_line(cls, line: bytes) -> "TracedStatement | None":
        """Return the statement in a line of the trace, or None for any other line."""
        try:
            record: dict[str, Any] = json.loads(line)
            params = record.pop("params")
            return cls(params=None if params is None else tuple(params), **record)
        except (ValueError, TypeError, KeyError, AttributeError):  # a function may write anything
            return None

    @property
    def size(self) -> int:
        """The approximate memory of the statement, in bytes."""
        return 400 + len(self.sql) + sum(len(text or "") + 60 for text in self.params or ())


@dataclass(slots=True)
class InvocationTrace:
    """The log lines and the statements of one invocation, each in its order."""

    lines: list[str] = field(default_factory=list)
    statements: list[TracedStatement] = field(default_factory=list)
    dropped_lines: int = 0
    dropped_statements: int = 0
    size: int = 0  # of the lines and the statements, in bytes
    _log_bytes: int = 0

    def add_line(self, line: str) -> None:
        """Add a line of the log, or count it if the lines would exceed MAX_LOG_BYTES."""
        if self._log_bytes + len(line) > MAX_LOG_BYTES:
            self.dropped_lines += 1
            return
        self._log_bytes += len(line)
        self.size += len(line) + 60
        self.lines.append(line)

    def add_statement(self, statement: TracedStatement) -> None:
        """Add a statement, or count it if there are MAX_STATEMENTS."""
        if len(self.statements) >= MAX_STATEMENTS:
            self.dropped_statements += 1
            return
        self.size += statement.size
        self.statements.append(statement)

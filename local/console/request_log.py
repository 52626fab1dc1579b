"""Keep the last requests of each route, with their log lines and SQL statements, for the console.

They are kept in memory only, and never written to a file. Their number and their size are limited:
the oldest requests are dropped first.
"""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.console.metrics import route_label
from local.gateway import AccessRecord
from local.invocation_trace import InvocationTrace

MAX_REQUESTS = 100  # of each route
MAX_BYTES = 32 * 1024 * 1024  # of all requests
ENTRY_BYTES = 1000  # of a request without its trace
NO_TRACE = InvocationTrace()


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request, when it ended (Unix time), and what its line in the access log says."""

    at: float
    route: str
    access: AccessRecord
    line: dict[str, Any]

    @property
    def trace(self) -> InvocationTrace:
        return self.access.trace or NO_TRACE

    @property
    def size(self) -> int:
        return ENTRY_BYTES + len(self.access.target) + self.trace.size


class RequestLog:
    """The last MAX_REQUESTS of each route, newest first; together at most `max_bytes`."""

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._by_id: dict[str, LoggedRequest] = {}  # oldest first
        self._by_route: dict[str, deque[str]] = {}

    def record(self, access: AccessRecord, now: float) -> None:
        """Add a request, and drop the oldest ones that exceed a limit."""
        if not access.request_id:
            return
        logged = LoggedRequest(now, route_label(access), access, _access_line(access))
        self._by_id[access.request_id] = logged
        self._size += logged.size
        ids = self._by_route.setdefault(logged.route, deque())
        ids.append(access.request_id)
        if len(ids) > MAX_REQUESTS:
            self._drop(ids[0])
        while self._size > self._max_bytes and len(self._by_id) > 1:
            self._drop(next(iter(self._by_id)))

    def newest(self, route: str, limit: int) -> Iterator[LoggedRequest]:
        """Return the newest requests of a route, or of all routes if it is empty."""
        ids = list(self._by_route.get(route, ()) if route else self._by_id)
        return (self._by_id[each] for each in ids[: -limit - 1 : -1])

    def find(self, request_id: str) -> LoggedRequest | None:
        return self._by_id.get(request_id)

    def _drop(self, request_id: str) -> None:
        dropped = self._by_id.pop(request_id)
        self._size -= dropped.size
        ids = self._by_route[dropped.route]
        ids.remove(request_id)
        if not ids:
            del self._by_route[dropped.route]


def _access_line(access: AccessRecord) -> dict[str, Any]:
    """Return the function's line in the access log (sluice/http/access_log.py), empty if absent."""
    if access.trace is None:
        return {}
    for line in reversed(access.trace.lines):
        if '"duration_ms":' not in line:
            continue
        try:
            document = json.loads(line[line.index("{") :])
        except ValueError:  # a function may print anything
            continue
        if isinstance(document, dict) and document.get("request_id") == access.request_id:
            return document
    return {}


def summary(logged: LoggedRequest) -> dict[str, object]:
    """Return a request as a row of the console's list. Times are in seconds."""
    access, line = logged.access, logged.line
    return {
        "id": access.request_id,
        "at": logged.at,
        "route": logged.route,
        "method": access.method,
        "target": access.target,
        "status": access.status,
        "seconds": access.duration,
        "cold_seconds": access.init,
        "function": access.function,
        "client": line.get("client_id"),
        "tenant": line.get("tenant"),
        "code": line.get("code"),
        "statements": line.get("statements", len(logged.trace.statements)),
        "round_trips": line.get("round_trips"),
        "database_seconds": line["db_ms"] / 1000 if "db_ms" in line else None,
    }


def detail(logged: LoggedRequest) -> dict[str, object]:
    """Return a request with its log lines and statements."""
    trace = logged.trace
    return {
        **summary(logged),
        "error": logged.access.error,
        "access_line": logged.line,
        "log": trace.lines,
        "dropped_lines": trace.dropped_lines,
        "traced": [statement_row(each) for each in trace.statements],
        "dropped_statements": trace.dropped_statements,
    }


def statement_row(statement: Any) -> dict[str, object]:
    """Return a statement for the console's page."""
    return {
        "sql": statement.sql,
        "params": statement.params,
        "seconds": statement.seconds,
        "round_trips": statement.round_trips,
        "rows": statement.rows,
        "user": statement.user,
        "tenant": statement.tenant,
        "error": statement.error,
    }

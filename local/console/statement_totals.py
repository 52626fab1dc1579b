"""Sum the times of SQL statements by their text: from what the console saw, and from the server.

The embedded server counts all statements with pg_stat_statements. Its times are those of the
server. The console's times are those of the function, so they include the network and the driver.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from local.invocation_trace import TracedStatement
from sluice.db.connector import connector
from sluice.settings import DatabaseSettings

MAX_TEXTS = 300
MAX_ROUTES = 5  # named for each text
LIMIT = 50  # statements of the server
CREATE = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"
STATEMENTS = f"""
    SELECT s.query, r.rolname, s.calls, s.total_exec_time / 1000, s.mean_exec_time / 1000,
        s.max_exec_time / 1000, s.rows, s.shared_blks_read
    FROM pg_stat_statements s
    JOIN pg_database d ON d.oid = s.dbid
    JOIN pg_roles r ON r.oid = s.userid
    WHERE d.datname = $1 AND r.rolname = ANY (CAST($2 AS text[])) AND s.query NOT LIKE 'EXPLAIN %'
    ORDER BY s.total_exec_time DESC
    LIMIT {LIMIT}
"""
COLUMNS = ("sql", "user", "calls", "total", "mean", "max", "rows", "blocks_read")


@dataclass(slots=True)
class StatementTotal:
    """The sums of one text. `slowest` is the execution that took longest. Times in seconds."""

    slowest: TracedStatement
    calls: int = 0
    total: float = 0.0
    round_trips: int = 0
    rows: int = 0
    errors: int = 0
    routes: dict[str, None] = field(default_factory=dict)


class StatementTotals:
    """The sums of at most MAX_TEXTS texts. The text with the smallest total is dropped first."""

    def __init__(self) -> None:
        self._totals: dict[str, StatementTotal] = {}
        self.dropped = 0

    def record(self, route: str, statements: Iterable[TracedStatement]) -> None:
        for statement in statements:
            total = self._totals.setdefault(statement.sql, StatementTotal(statement))
            total.calls += 1
            total.total += statement.seconds
            total.round_trips += statement.round_trips
            total.rows += max(0, statement.rows)
            total.errors += bool(statement.error)
            if statement.seconds > total.slowest.seconds:
                total.slowest = statement
            if len(total.routes) < MAX_ROUTES:
                total.routes[route] = None
            if len(self._totals) > MAX_TEXTS:
                others = (text for text in self._totals if text != statement.sql)
                del self._totals[min(others, key=lambda text: self._totals[text].total)]
                self.dropped += 1

    def find(self, sql: str) -> TracedStatement | None:
        """Return the slowest execution of a text."""
        total = self._totals.get(sql)
        return None if total is None else total.slowest

    def rows(self) -> list[dict[str, object]]:
        """Return the sums, the largest total first."""
        ordered = sorted(self._totals.items(), key=lambda item: -item[1].total)
        return [
            {
                "sql": sql,
                "user": total.slowest.user,
                "calls": total.calls,
                "total": total.total,
                "mean": total.total / total.calls,
                "max": total.slowest.seconds,
                "rows": total.rows,
                "round_trips": total.round_trips,
                "errors": total.errors,
                "routes": list(total.routes),
            }
            for sql, total in ordered
        ]


def server_statements(
    maintenance: DatabaseSettings, database: str, users: Iterable[str]
) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that fetches the statements of `users` in `database`, the slowest first.

    `maintenance` is a database where the extension may be created: the application's database
    remains as it is. The function raises the driver's errors.
    """
    names = "{" + ",".join(f'"{name}"' for name in users) + "}"

    def fetch() -> list[dict[str, Any]]:
        connection = connector(maintenance, "web").open()
        try:
            cursor = connection.cursor()
            cursor.execute(CREATE)
            cursor.paramstyle = "numbered"
            cursor.execute(STATEMENTS, (database, names))
            rows = [dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()]
            connection.commit()
        finally:
            connection.close()
        return rows

    return fetch

"""Explain a SQL statement that a function ran, as the role that ran it.

PostgreSQL executes a statement for EXPLAIN ANALYZE. So a statement is first explained without
ANALYZE. If its plan changes or locks rows, that plan is the result. Otherwise EXPLAIN ANALYZE runs
in a read-only transaction, which is rolled back. There PostgreSQL rejects the writes of functions
that the statement calls, and the first plan is the result, too.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pg8000.exceptions import Error as DriverError

from local.invocation_trace import TracedStatement
from sluice.db.connector import connector
from sluice.db.driver.protocol import NUMBERED
from sluice.settings import DatabaseSettings

TIMEOUT_MS = 5_000
EXPLAINABLE = re.compile(r"\s*(select|insert|update|delete|merge|with|values)\b", re.IGNORECASE)
READ_ONLY_TRANSACTION = "25006"
CHANGING_NODES = frozenset({"ModifyTable", "LockRows"})
TIMEOUT = f"SELECT set_config('statement_timeout', '{TIMEOUT_MS}', true)"
TENANT = "SELECT set_config('sluice.tenant', $1, true)"


class ExplainError(Exception):
    """The statement cannot be explained. The message says why."""


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """A plan as text. `analyzed`: the statement was executed, and the plan has measured times.

    Statements that change or lock rows are never analyzed.
    """

    text: str
    analyzed: bool


def is_explainable(statement: TracedStatement) -> bool:
    """Return whether PostgreSQL can explain the statement with the parameters that were kept."""
    return statement.params is not None and EXPLAINABLE.match(statement.sql) is not None


class Explainer:
    """Explains statements. `settings` has the connection settings of each role by its name."""

    def __init__(self, settings: Mapping[str, DatabaseSettings]) -> None:
        self._settings = settings

    def explain(self, statement: TracedStatement) -> QueryPlan:
        """Return the plan. Raise ExplainError."""
        if not is_explainable(statement):
            raise ExplainError(
                "PostgreSQL can explain SELECT, INSERT, UPDATE, DELETE and MERGE only, and needs "
                "all parameters"
            )
        settings = self._settings.get(statement.user)
        if settings is None:
            raise ExplainError(f"the console has no login as the role {statement.user}")
        try:
            connection = connector(settings, "web").open()
        except DriverError as error:
            raise ExplainError(f"the database cannot be reached: {_message(error)}") from error
        try:
            return _explain(connection, statement)
        except DriverError as error:
            raise ExplainError(_message(error)) from error
        finally:
            connection.close()


def _explain(connection: Any, statement: TracedStatement) -> QueryPlan:
    connection.read_only = True
    cursor = connection.cursor()
    cursor.paramstyle = NUMBERED
    cursor.execute(TIMEOUT, ())
    if statement.tenant is not None:
        cursor.execute(TENANT, (statement.tenant,))
    values = statement.params or ()
    document = _rows(cursor, f"EXPLAIN (FORMAT JSON) {statement.sql}", values)[0]
    plans = json.loads(document) if isinstance(document, str) else document
    planned = _rows(cursor, f"EXPLAIN {statement.sql}", values)
    try:
        if CHANGING_NODES.isdisjoint(_node_types(plans)):
            measured = _rows(cursor, f"EXPLAIN (ANALYZE, BUFFERS) {statement.sql}", values)
            return QueryPlan("\n".join(measured), analyzed=True)
    except DriverError as error:
        if _code(error) != READ_ONLY_TRANSACTION:
            raise
    finally:
        connection.rollback()
    return QueryPlan("\n".join(planned), analyzed=False)


def _rows(cursor: Any, sql: str, values: tuple[str | None, ...]) -> list[Any]:
    cursor.execute(sql, values)
    return [row[0] for row in cursor.fetchall()]


def _node_types(plan: object) -> Iterator[str]:
    if isinstance(plan, list):
        for each in plan:
            yield from _node_types(each)
    elif isinstance(plan, dict):
        if "Node Type" in plan:
            yield plan["Node Type"]
        for each in plan.values():
            yield from _node_types(each)


def _code(error: BaseException) -> str:
    report = error.args[0] if error.args else {}
    return str(report.get("C", "")) if isinstance(report, dict) else ""


def _message(error: BaseException) -> str:
    report = error.args[0] if error.args else ""
    return str(report.get("M", report)) if isinstance(report, dict) else str(report)

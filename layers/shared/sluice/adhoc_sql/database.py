"""Read-only transactions for ad-hoc SQL, as a database role that can only read.

The SQL was generated from the parse tree of the client's query. For safety, statements still use
the extended protocol, which rejects several statements in one text. The transaction is always
rolled back, and no state of a session is kept for the next query.
"""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from pg8000.exceptions import DatabaseError, InterfaceError

from sluice import errors, request_context
from sluice.db.database import Database
from sluice.db.driver.connection import CLIENT_TIMEOUT_MARGIN
from sluice.db.pool import Checkout, ConnectionPool
from sluice.db.sqlstate import translate
from sluice.query import Query
from sluice.sql import row_security

# The format of values, and settings that must not depend on the defaults of a deployment.
TRANSACTION_SETTINGS = (
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL IntervalStyle = 'postgres'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL hash_mem_multiplier = 1",  # the default is 2 since PostgreSQL 15
    # Above 8 tables, the planner tries only some join orders. To try all orders of 11 tables takes
    # 2.8 s and 480 MB.
    "SET LOCAL geqo = on",
    "SET LOCAL geqo_threshold = 9",
    "SET LOCAL from_collapse_limit = 8",
    "SET LOCAL join_collapse_limit = 8",
)
# The settings that `AdhocSqlTransaction.limit` may change.
LIMIT_SETTINGS = frozenset({"work_mem", "enable_hashjoin", "enable_hashagg"})

# The message for the client by SQLSTATE, or by the class of the SQLSTATE. PostgreSQL's own messages
# contain names and values.
REJECTION_REASONS: Mapping[str, str] = {
    "0A": "PostgreSQL does not support a feature in it",
    "21": "a subquery returns more than one row where one value is needed",
    "22": "a function in it does not accept one of its arguments",
    "22003": "a number in it is out of range",
    "22007": "a text cannot be read as a time",
    "22008": "a time in it is out of range",
    "22012": "it divides by zero",
    "22023": "a function in it does not accept one of its arguments",
    "22P02": "a text cannot be converted to the type it is cast to or compared with",
    "25006": "it may only read",
    "42": "PostgreSQL does not accept it",
    "42501": "it needs a privilege that the database role does not have",
    "42601": "PostgreSQL reports a syntax error",
    "42702": "a column name in it is ambiguous",
    "42703": "a column in it does not exist, or is not visible there",
    "42803": (
        "a column in it must be in GROUP BY or in an aggregate, and aggregates are not allowed"
        " in WHERE"
    ),
    "42804": "the types of values in it do not match",
    "42846": "a value in it cannot be cast to that type",
    "42883": "an operator or a function in it does not accept arguments of these types",
    "42P01": "a table in it does not exist, or is not visible there",
    "42P10": "ORDER BY, GROUP BY or DISTINCT ON in it names a column that cannot be used there",
    "42P20": "a window function in it is not allowed there",
    "54": "it exceeds a limit of PostgreSQL",
}
TOO_EXPENSIVE = {
    "53200": "The query needs more memory than is available",
    "53400": "The query needs more temporary disk space than is allowed",
    "57014": "The query took longer than its limit of {timeout:g} s",
}
# The names in the error if the replica lacks the function of the check (db/replica.py), or if the
# role may not call it. No query of a client can name them.
CHECK_NAMES = ("sluice", "require_lsn")
# In seconds. If the request has less time left than this when a statement is cancelled, the reason
# is its deadline. Otherwise the reason is the timeout of the query.
DEADLINE_MARGIN = CLIENT_TIMEOUT_MARGIN + 0.1
# The message of PostgreSQL's internal error for a value of more than a gigabyte.
OVERSIZE_MESSAGE = "invalid memory alloc request size"


class StatementResult(NamedTuple):
    """The names and type OIDs of the columns, and the values in PostgreSQL's text format."""

    columns: Sequence[tuple[str, int]]
    rows: Sequence[Sequence[str | None]]


class AdhocSqlTransaction:
    """A read-only transaction. All its statements together have `timeout` seconds.

    `before` is a statement that is sent before the first one; see db/replica.py.
    """

    def __init__(
        self,
        checkout: Checkout,
        timeout: float,
        before: tuple[str, list[object]] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checkout = checkout
        self._timeout = timeout
        self._before = before
        self._clock = clock
        self._deadline = clock() + timeout
        self._pending_settings: tuple[str, ...] = TRANSACTION_SETTINGS

    def limit(self, **settings: str | int) -> None:
        """Change settings for the next statements of this transaction.

        Raises ValueError for a setting that is not in LIMIT_SETTINGS.
        """
        for name, value in settings.items():
            if name not in LIMIT_SETTINGS or not re.fullmatch(r"\w+", str(value)):
                raise ValueError(f"{name} = {value}")
            self._pending_settings = (*self._pending_settings, f"SET LOCAL {name} = '{value}'")

    def _time_left(self) -> float:
        """Return the seconds that the next statement may take."""
        left = self._deadline - self._clock()
        if left <= 0:
            raise errors.QueryTooExpensive(TOO_EXPENSIVE["57014"].format(timeout=self._timeout))
        return request_context.cap(left + CLIENT_TIMEOUT_MARGIN) - CLIENT_TIMEOUT_MARGIN

    def run(self, sql: str) -> StatementResult:
        """Run one statement and return its rows.

        Raises QueryRejected or QueryTooExpensive if the query is the cause of an error, and other
        SluiceErrors of the database.
        """
        timeout_ms = max(1, round(self._time_left() * 1000))
        timeout = f"SET LOCAL statement_timeout = {timeout_ms}"
        try:
            cursor = self._checkout.cursor()
            # All of these, and BEGIN, are sent together with the statement, in one round trip.
            for statement in (timeout, *self._pending_settings):
                cursor.send_before(statement)
            if self._before is not None:
                cursor.send_before(*self._before)
            self._pending_settings = ()
            cursor.execute(sql)
            self._before = None
            if cursor.description is None:
                return StatementResult((), ())
            columns = [(column[0], column[1]) for column in cursor.description]
            return StatementResult(columns, cursor.fetchall())
        except Exception as error:
            # Read the error's fields first: `translate` removes those that must not be logged.
            query_error = None if self._is_of_check(error) else _query_error(error, self._timeout)
            translated = query_error or translate(error, connected=True)
            if translated is None:
                raise
            raise translated from error

    def _is_of_check(self, error: BaseException) -> bool:
        """Return whether the error is that of a check which the replica cannot run."""
        message = _report(error).get("M", "")
        return self._before is not None and any(name in message for name in CHECK_NAMES)


class AdhocSqlDatabase:
    """Opens transactions on the connections of a pool that `make_pool` makes with hooks."""

    def __init__(self, make_pool: Callable[..., ConnectionPool]) -> None:
        self._pool = make_pool(on_connect=_make_read_only, on_return=_discard_session)

    @contextmanager
    def transaction(
        self, *, timeout: float, before: Query | None = None
    ) -> Iterator[AdhocSqlTransaction]:
        """Open a READ ONLY transaction, which is rolled back at the end.

        The first statement raises ReplicaBehind if `before` fails. Raises NotFound if the driver
        is not the pipelined one, and other SluiceErrors of the database.
        """
        if not self._pool.pipelined:  # stock pg8000 would run several statements of one text
            raise errors.NotFound("SQL analytics needs the pipelined driver")
        checkout = self._pool.checkout()
        try:
            first = before and self._pool.positional(before)
            yield AdhocSqlTransaction(checkout, timeout, first)
        finally:
            checkout.close()  # the pool rolls back

    def unprotected(self, tables: Iterable[str]) -> list[row_security.Unprotected]:
        """Return what does not protect these tables of tenants from the role of analysts."""
        return row_security.unprotected(Database(self._pool), [f"public.{name}" for name in tables])

    def dispose(self) -> None:
        """Close the connections."""
        self._pool.dispose()


def _make_read_only(connection: Any) -> None:
    connection.read_only = True
    connection.pg_types = defaultdict(lambda: str)  # keep values in PostgreSQL's text format


def _discard_session(connection: Any) -> None:
    """Run DISCARD ALL. A rollback may keep settings, advisory locks and temporary tables."""
    if connection.closed:
        return
    try:
        connection.autocommit = True
        connection.cursor().execute("DISCARD ALL")
        connection.autocommit = False
    except (DatabaseError, InterfaceError):
        connection.close_socket()


def _query_error(error: BaseException, timeout: float) -> errors.SluiceError | None:
    """Return the error for the client if the query is its cause, else None."""
    report, state = _report(error), _sqlstate(error)
    if state == "57014" and request_context.cap(DEADLINE_MARGIN) < DEADLINE_MARGIN:
        return None  # the reason is the deadline of the request
    if state in TOO_EXPENSIVE:
        return errors.QueryTooExpensive(TOO_EXPENSIVE[state].format(timeout=timeout))
    if state == "XX000" and report.get("M", "").startswith(OVERSIZE_MESSAGE):
        return errors.QueryTooExpensive(TOO_EXPENSIVE["53200"])
    reason = REJECTION_REASONS.get(state) or REJECTION_REASONS.get(state[:2])
    return errors.QueryRejected(reason) if reason else None


def _sqlstate(error: BaseException) -> str:
    return _report(error).get("C", "")


def _report(error: BaseException) -> Mapping[str, str]:
    """Return the fields of PostgreSQL's ErrorResponse; an empty mapping for other errors."""
    return error.args[0] if error.args and isinstance(error.args[0], dict) else {}

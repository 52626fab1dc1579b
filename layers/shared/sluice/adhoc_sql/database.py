"""Where an analyst's statement is run: a connection as a role that may only read, one transaction, always undone.

The text was written anew from what was understood of the caller's (analyst/). Still it goes by the extended protocol,
which refuses a second statement; and nothing of a session outlives it, should anything have been made of one.
"""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from pg8000.exceptions import DatabaseError, InterfaceError
from sqlalchemy import Engine, PoolProxiedConnection, event, text

from sluice import deadline, errors
from sluice.db.connection import CLIENT_TIMEOUT_MARGIN
from sluice.db.database import PrecedingStatement
from sluice.db.sqlstate import translate

# What a value is written by; and UTC, which no deployment's default should change.
SESSION = (
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL IntervalStyle = 'postgres'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL hash_mem_multiplier = 1",  # 2 since PostgreSQL 15
    # The planner tries a part of the orders of more than 8 tables: all those of 11 take it 2.8 s and 480 MB.
    "SET LOCAL geqo = on",
    "SET LOCAL geqo_threshold = 9",
    "SET LOCAL from_collapse_limit = 8",
    "SET LOCAL join_collapse_limit = 8",
)
# What a statement's own memory is bounded by.
LIMITS = frozenset({"work_mem", "enable_hashjoin", "enable_hashagg"})
PIPELINED = "sluice"  # the driver; the stock one would run every statement of a text

# SQLSTATE, or its class → what is wrong with the statement, in words of ours: PostgreSQL's hold names and values.
REASONS: Mapping[str, str] = {
    "0A": "PostgreSQL does not do that",
    "21": "a subquery gives more than one row where one value is wanted",
    "22": "a function in it does not take one of the values it gets",
    "22003": "a number in it is out of range",
    "22007": "a text cannot be read as a time",
    "22008": "a time in it is out of range",
    "22012": "it divides by zero",
    "22023": "a function in it does not take one of the values it gets",
    "22P02": "a text cannot be read as the type it is cast to, or compared with",
    "25006": "it may only read",
    "42": "PostgreSQL does not accept it",
    "42501": "it asks for what an analyst may not read",
    "42601": "PostgreSQL cannot read it",
    "42702": "the name of a column in it may be that of several",
    "42703": "a column in it does not exist where it is named",
    "42803": "a column in it must stand in GROUP BY, or within an aggregate; and an aggregate not in WHERE",
    "42804": "the types of values in it do not match",
    "42846": "a value in it cannot be cast to that type",
    "42883": "an operator or a function in it does not take values of these types",
    "42P01": "a table is named in it where it cannot be seen",
    "42P10": "ORDER BY, GROUP BY or DISTINCT ON in it names a column that is not there for it",
    "42P20": "a window function stands in it where none may",
    "54": "it is more than the database can take at once",
}
TOO_EXPENSIVE = {
    "53200": "It would take more memory than there is",
    "53400": "It would write more to disk than it may",
    "57014": "It took longer than the {timeout:g} s that it may",
}
BEHIND = "2201W"  # what the guard of db/replica.py ends in
ALMOST_OVER = (
    CLIENT_TIMEOUT_MARGIN + 0.1
)  # seconds that are left of a request when its last statement was ended for it
OVERSIZE = (
    "invalid memory alloc request size"  # an internal error's words, for a value of over a gigabyte
)


class Result(NamedTuple):
    """`columns` are names and types' OIDs; values are PostgreSQL's texts."""

    columns: Sequence[tuple[str, int]]
    rows: Sequence[Sequence[str | None]]


class AdhocSqlTransaction:
    """One transaction that reads. All its statements have `timeout` seconds together; a `guard` precedes the first."""

    def __init__(
        self,
        pooled: PoolProxiedConnection,
        timeout: float,
        preceding: tuple[str, list[object]] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pooled = pooled
        self._timeout = timeout
        self._preceding = preceding
        self._clock = clock
        self._ends = clock() + timeout
        self._setup: tuple[str, ...] = SESSION

    def limit(self, **settings: str | int) -> None:
        """Change settings of this transaction for the statements that follow; LIMITS has those that may be."""
        for name, value in settings.items():
            if name not in LIMITS or not re.fullmatch(r"\w+", str(value)):
                raise ValueError(f"{name} = {value}")
            self._setup = (*self._setup, f"SET LOCAL {name} = '{value}'")

    def _seconds(self) -> float:
        """What is left of the time that all statements of this transaction have together."""
        left = self._ends - self._clock()
        if left <= 0:
            raise errors.QueryTooExpensive(TOO_EXPENSIVE["57014"].format(timeout=self._timeout))
        return deadline.cap(left + CLIENT_TIMEOUT_MARGIN) - CLIENT_TIMEOUT_MARGIN

    def run(self, sql: str) -> Result:
        """Run one statement. QueryRejected and QueryTooExpensive where it is at fault; other SluiceErrors."""
        connection: Any = self._pooled.dbapi_connection
        timeout = f"SET LOCAL statement_timeout = {max(1, round(self._seconds() * 1000))}"
        try:
            cursor = connection.cursor()
            for statement in (timeout, *self._setup):  # with BEGIN, in the flush of the first
                cursor.prepend(statement)
            if self._preceding is not None:
                cursor.prepend(*self._preceding)
            self._setup = ()
            cursor.execute(sql)
            self._preceding = None
            if cursor.description is None:
                return Result((), ())
            return Result(
                [(column[0], column[1]) for column in cursor.description], cursor.fetchall()
            )
        except Exception as error:
            # First: translating takes from the report what may not be logged. A LIMIT under 0 is the guard's before it
            # has let somebody pass, and later the caller's own.
            behind = self._preceding is not None and _state(error) == BEHIND
            fault = None if behind else _fault(error, self._timeout)
            ours = translate(error, connected=True)
            known = fault or ours
            if known is None:
                raise
            raise known from error


class AdhocSqlDatabase:
    """One for each engine, made before its first connection; NotFound where the driver is not ours."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        event.listen(engine, "connect", _only_read)
        event.listen(engine, "checkin", _forget)

    @contextmanager
    def transaction(
        self, *, timeout: float, preceding: PrecedingStatement | None = None
    ) -> Iterator[AdhocSqlTransaction]:
        """A READ ONLY transaction, undone at the end. Raises SluiceErrors; ReplicaBehind where `guard` says so."""
        if self._engine.driver != PIPELINED:
            raise errors.NotFound("Analytics by SQL needs the pipelined driver")
        try:
            pooled = self._engine.raw_connection()
        except Exception as error:
            ours = translate(error, connected=False)
            if ours is None:
                raise
            raise ours from error
        try:
            yield AdhocSqlTransaction(pooled, timeout, self._compiled(preceding))
        finally:
            pooled.close()  # the pool rolls back

    def _compiled(self, preceding: PrecedingStatement | None) -> tuple[str, list[object]] | None:
        if preceding is None:
            return None
        compiled = text(preceding[0]).compile(dialect=self._engine.dialect)
        return str(compiled), [preceding[1][name] for name in compiled.positiontup or ()]

    def dispose(self) -> None:
        self._engine.dispose()


def _only_read(connection: Any, record: object) -> None:
    connection.read_only = True
    connection.pg_types = defaultdict(lambda: str)  # values stay as PostgreSQL writes them


def _forget(connection: Any, record: object) -> None:
    """DISCARD ALL: settings, advisory locks and temporary tables would outlive a rollback."""
    if connection is None or connection.closed:
        return
    try:
        connection.autocommit = True
        connection.cursor().execute("DISCARD ALL")
        connection.autocommit = False
    except (DatabaseError, InterfaceError):
        connection.close_socket()


def _fault(error: BaseException, timeout: float) -> errors.SluiceError | None:
    """The caller's fault in what the server reports; None where it is none."""
    report, state = _report(error), _state(error)
    if state == "57014" and deadline.cap(ALMOST_OVER) < ALMOST_OVER:
        return None  # it was not the statement's own time that was up, but the request's
    if state in TOO_EXPENSIVE:
        return errors.QueryTooExpensive(TOO_EXPENSIVE[state].format(timeout=timeout))
    if state == "XX000" and report.get("M", "").startswith(OVERSIZE):
        return errors.QueryTooExpensive(TOO_EXPENSIVE["53200"])
    reason = REASONS.get(state) or REASONS.get(state[:2])
    return errors.QueryRejected(reason) if reason else None


def _state(error: BaseException) -> str:
    return _report(error).get("C", "")


def _report(error: BaseException) -> Mapping[str, str]:
    return error.args[0] if error.args and isinstance(error.args[0], dict) else {}

"""What repositories are given: `read` and `write`, each one statement, one implicit transaction, one round trip.

Statements go to the pool's connection directly, so the engine's cursor events do not fire for them. Measured on a
one-row read over loopback: 55 µs of CPU on the bare cursor, 105 here, 230 through SQLAlchemy's Connection and Result.
What needs several statements in one transaction asks for `transaction`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

from pg8000.exceptions import Error as DriverError
from sqlalchemy import Connection, Engine, PoolProxiedConnection, Row, text
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData

from sluice.db.breaker import CircuitBreaker
from sluice.db.pool import PoolMetrics, PoolMonitor
from sluice.db.retry import retry_transaction
from sluice.db.sqlstate import is_migrated, translate
from sluice.errors import ConnectionLost, DatabaseUnavailable, NotSetUp

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Rows: TypeAlias = Sequence[Row[*tuple[Any, ...]]]
Begin: TypeAlias = "Callable[[], AbstractContextManager[Transaction]]"
PrecedingStatement: TypeAlias = tuple[str, Mapping[str, object]]

_KEPT_STATEMENTS = 512


class Database:
    """One for each engine, made before its first connection. Safe to share between threads.

    `breaker` is the engine's own, for those who want to know its state. With `tells_positions` each write and each
    transaction tells who counts what is spent how far the log had come when it was committed, in the same flush.
    """

    def __init__(
        self, engine: Engine, breaker: CircuitBreaker | None = None, *, report_lsn: bool = False
    ) -> None:
        self.breaker = breaker or CircuitBreaker()
        self._tells_positions = report_lsn
        self._engine = engine
        self._watch = PoolMonitor(engine)
        self._migrated = is_migrated(engine)
        # Stock pg8000 sends Sync between Parse and Bind. Outside a transaction a pooler may then bind somebody
        # else's statement, and give us their rows: so it gets a real transaction.
        self.pipelined = engine.driver == "sluice"
        self._compiled = lru_cache(maxsize=_KEPT_STATEMENTS)(self._compile)

    def read(
        self,
        sql: str,
        params: Mapping[str, object] | None = None,
        *,
        preceding: PrecedingStatement | None = None,
        prepare: bool = False,
    ) -> Rows:
        """Rows of one SELECT with `:named` parameters (modulo is `mod()`; `%` is pg8000's); a `guard` goes ahead.

        Sent a second time, once, when the connection broke under it; so it must change nothing. With `prepare` the
        server may keep its plan, which must be good whatever the parameters. Raises SluiceErrors.
        """
        try:
            return self._run(sql, params or {}, preceding, prepare=prepare)
        except ConnectionLost:
            return self._run(sql, params or {}, preceding, prepare=prepare)

    def write(
        self,
        sql: str,
        params: Mapping[str, object] | None = None,
        *,
        preceding: PrecedingStatement | None = None,
        prepare: bool = False,
    ) -> Rows:
        """Run one INSERT, UPDATE or DELETE; the rows of its RETURNING. Committed when this returns.

        A `guard` gives no rows and goes ahead in the same flush: where it fails, the statement is not run. Sent again
        only where it was certainly undone (RolledBack); after `ConnectionLost` it may have happened or not. `prepare`
        as in `read`. Raises SluiceErrors; NotSetUp, without asking, where `make migrate` was not run.
        """
        self._check_migrated()
        return retry_transaction(
            lambda: self._run(sql, params or {}, preceding, prepare=prepare, writes=True)
        )

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Several statements in one transaction, undone unless it is committed. Raises SluiceErrors."""
        self._check_migrated()
        with self._engine.connect() as connection:
            self._watch.taken()
            connection.begin()  # in SQLAlchemy's books; the server's BEGIN rides with the first statement
            self._locate(connection.connection, writes=True)
            yield Transaction(self, connection)

    @contextmanager
    def connection(self) -> Iterator[Begin]:
        """One connection, for several transactions one after the other: `with begin() as transaction`."""
        self._check_migrated()
        with self._engine.connect() as connection:

            @contextmanager
            def begin() -> Iterator[Transaction]:
                with connection.begin() as books:
                    yield Transaction(self, connection)
                    if books.is_active:
                        books.rollback()

            yield begin

    def pool_metrics(self) -> PoolMetrics:
        return self._watch.metrics()

    def take_peak(self) -> tuple[PoolMetrics, float]:
        """The pool at its fullest since this was asked last, and how many percent of its connections were in use."""
        return self._watch.take_peak()

    def dispose(self) -> None:
        """Close idle connections. The next statement opens a new pool."""
        self._engine.dispose()

    def _check_migrated(self) -> None:
        """Raise NotSetUp before a write. A session behind a pooler cannot be made read-only, others are (engine.py)."""
        if not self._migrated:
            raise NotSetUp("Only reading is possible until the database is set up: make migrate")

    def _run(
        self,
        sql: str,
        params: Mapping[str, object],
        preceding: PrecedingStatement | None = None,
        *,
        prepare: bool = False,
        writes: bool = False,
    ) -> Rows:
        pooled = self._checkout()
        try:
            self._locate(pooled, writes=writes)
            return self.run_on(
                pooled, pooled.invalidate, sql, params, preceding, whole=True, prepare=prepare
            )
        finally:
            pooled.close()

    def run_on(
        self,
        pooled: PoolProxiedConnection,
        invalidate: Callable[[BaseException], None],
        sql: str,
        params: Mapping[str, object],
        preceding: PrecedingStatement | None,
        *,
        whole: bool,
        prepare: bool = False,
    ) -> Rows:
        """Run one statement there: the `whole` of a transaction, or a part of one that goes on."""
        try:
            return self._execute(
                pooled.dbapi_connection, sql, params, preceding, whole=whole, prepare=prepare
            )
        except BaseException as error:
            if self._engine.dialect.is_disconnect(error, pooled, None):  # type: ignore[arg-type]
                invalidate(error)
            ours = translate(error, connected=True, migrated=self._migrated)
            if ours is None:
                raise
            raise ours from error

    def _locate(self, pooled: PoolProxiedConnection, *, writes: bool) -> None:
        if self._tells_positions:
            pooled.dbapi_connection.report_lsn = writes  # type: ignore[union-attr]

    def _checkout(self) -> PoolProxiedConnection:
        try:
            pooled = self._engine.raw_connection()
        except Exception as error:
            ours = translate(error, connected=False)
            if ours is None:
                raise
            raise ours from error
        self._watch.taken()
        return pooled

    def _execute(
        self,
        connection: Any,
        sql: str,
        params: Mapping[str, object],
        preceding: PrecedingStatement | None,
        *,
        whole: bool,
        prepare: bool,
    ) -> Rows:
        connection.autocommit = whole and self.pipelined
        try:
            cursor = connection.cursor()
            cursor.prepare = prepare
            if preceding is not None:
                (cursor.prepend if self.pipelined else cursor.execute)(*self._bound(*preceding))
            cursor.execute(*self._bound(sql, params))
            if whole:
                connection.commit()  # nothing to send, but on the stock connection
            description = cursor.description
            if description is None:
                return ()
            columns = _columns(tuple([column[0] for column in description]))
            return IteratorResult(columns, cursor.fetchall()).all()
        finally:
            connection.autocommit = False

    def _bound(self, sql: str, params: Mapping[str, object]) -> tuple[str, list[object]]:
        statement, names = self._compiled(sql)
        return statement, [params[name] for name in names]

    def _compile(self, sql: str) -> tuple[str, tuple[str, ...]]:
        compiled = text(sql).compile(dialect=self._engine.dialect)
        return str(compiled), tuple(compiled.positiontup or ())


class Transaction:
    """One transaction, begun by its first statement. What is not committed is undone when its connection goes back.

    `session` is SQLAlchemy's, in the same transaction: its objects are tracked (`session.new`, `.dirty`, `.deleted`)
    and written before each statement of ours and at `commit`.
    """

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self._connection = connection
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """Made when it is first asked for: the ORM takes 60 ms to import, and most units need none of it."""
        if self._session is None:
            from sluice.db.models import session_over

            self._session = session_over(self._connection)
        return self._session

    def read(
        self, sql: str, params: Mapping[str, object] | None = None, *, prepare: bool = False
    ) -> Rows:
        """As `Database.read`, but never sent twice: what came before it would be missing. Nothing is prepared."""
        return self.write(sql, params)

    def write(
        self,
        sql: str,
        params: Mapping[str, object] | None = None,
        *,
        preceding: PrecedingStatement | None = None,
        prepare: bool = False,
    ) -> Rows:
        """As `Database.write`, but kept only by `commit`. Nothing is prepared."""
        self._flush()
        connection = self._connection
        return self._database.run_on(
            connection.connection, connection.invalidate, sql, params or {}, preceding, whole=False
        )

    def copy(self, sql: str, data: bytes) -> None:
        """Run COPY … FROM STDIN with this as what is copied. Raises SluiceErrors; the transaction has failed then."""
        self._flush()
        cursor: Any = self._connection.connection.cursor()
        try:
            cursor.execute(sql, stream=BytesIO(data))
        except DriverError as error:
            ours = translate(error, connected=True)
            if ours is None:
                raise
            if isinstance(ours, DatabaseUnavailable):
                self._connection.invalidate(error)
            raise ours from error

    def commit(self) -> None:
        """Keep everything, and end. Raises SluiceErrors: nothing is kept then; after ConnectionLost, who knows."""
        self._flush()
        self._connection.commit()

    def _flush(self) -> None:
        if not self._connection.in_transaction():
            raise RuntimeError(
                "this transaction is over"
            )  # what came now would be undone without a word
        if self._session is not None:
            from sluice.db.models import flush

            flush(self._session)


@lru_cache(maxsize=_KEPT_STATEMENTS)
def _columns(names: tuple[str, ...]) -> SimpleResultMetaData:
    return SimpleResultMetaData(names)

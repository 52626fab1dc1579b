"""SQLAlchemy's pool, engine and connections, as the connection pool of a database.

It is for jobs, migrations and web servers, and for functions with stock pg8000. db/engine.py makes
the engine.

Queries go to the driver's connection directly, so the cursor events of the engine do not fire.
CPU time of a one-row read over loopback: 55 µs with the cursor alone, 105 µs with `Database`,
230 µs with SQLAlchemy's Connection and Result.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, event, exc, text
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from sluice import request_context
from sluice.db.error_names import ErrorNames
from sluice.db.pool import BeginTransaction, Hook, PeakUse, PoolMetrics
from sluice.db.sqlstate import translate
from sluice.errors import PoolExhausted
from sluice.query import Query

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

COMPILED_STATEMENTS = 512  # kept for each pool


class BoundedPool(QueuePool):
    """A QueuePool that raises PoolExhausted, and waits no longer than the request's deadline."""

    _base_timeout: float

    @property
    def limit(self) -> int:
        """The maximum number of open connections."""
        return self.size() + self._max_overflow

    @property
    def _timeout(self) -> float:  # an attribute of QueuePool, which reads it before each wait
        return request_context.cap(self._base_timeout)

    @_timeout.setter
    def _timeout(self, seconds: float) -> None:
        self._base_timeout = seconds

    def _do_get(self) -> ConnectionPoolEntry:
        try:
            return super()._do_get()
        except exc.TimeoutError as error:
            raise PoolExhausted from error


class SqlalchemyCheckout:
    """A connection of an engine's pool."""

    __slots__ = ("_pooled", "connection")

    def __init__(self, pooled: PoolProxiedConnection) -> None:
        self._pooled = pooled
        self.connection: Any = pooled.dbapi_connection

    def cursor(self) -> Any:
        return self.connection.cursor()

    def invalidate(self, error: BaseException) -> None:
        self._pooled.invalidate(error)

    def close(self) -> None:
        self._pooled.close()


class SqlalchemyTransaction:
    """A transaction of SQLAlchemy's Connection, which the session shares."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> Any:
        return self._connection.connection.dbapi_connection

    def cursor(self) -> Any:
        return self.connection.cursor()

    @property
    def is_active(self) -> bool:
        return self._connection.in_transaction()

    def invalidate(self, error: BaseException) -> None:
        self._connection.invalidate(error)

    def commit(self) -> None:
        self._connection.commit()

    def make_session(self) -> "Session":
        from sluice.db.models import make_session  # importing the ORM takes 60 ms

        return make_session(self._connection)


class SqlalchemyPool:
    """The pool of an engine. Create it before the engine's first connection.

    `on_connect` is called with each new connection of the driver, and `on_return` with each that
    is returned and still open. `dispose` does not reset the metrics.
    """

    def __init__(
        self, engine: Engine, *, on_connect: Hook | None = None, on_return: Hook | None = None
    ) -> None:
        options = engine.get_execution_options()
        self.engine = engine
        self.migrated: bool = options.get("migrated", True)
        self.names: Callable[[], ErrorNames] = options.get("error_names", ErrorNames)
        # Stock pg8000 sends Sync between Parse and Bind. Outside of a transaction, a pooler may
        # then bind the statement of another client, and return its rows. So stock pg8000 gets an
        # explicit transaction.
        self.pipelined = engine.driver == "sluice"
        self._compiled = lru_cache(maxsize=COMPILED_STATEMENTS)(self._compile)
        self._lock = threading.Lock()  # threads may connect at the same time, and += is two steps
        self._open = 0
        self._invalid = 0
        limit = engine.pool.limit if isinstance(engine.pool, BoundedPool) else 0
        self._peak = PeakUse(self.metrics, limit)
        self._listen(on_connect, on_return)

    def checkout(self) -> SqlalchemyCheckout:
        """Take a connection."""
        try:
            pooled = self.engine.raw_connection()
        except Exception as error:
            translated = translate(error, connected=False)
            if translated is None:
                raise
            raise translated from error
        self._record_use()
        return SqlalchemyCheckout(pooled)

    @contextmanager
    def connect(self) -> Iterator[BeginTransaction]:
        """Take a connection for several transactions in turn. Each is rolled back at its end."""
        with self.engine.connect() as connection:
            self._record_use()

            @contextmanager
            def begin() -> Iterator[SqlalchemyTransaction]:
                transaction = connection.begin()  # BEGIN is sent with the first statement
                try:
                    yield SqlalchemyTransaction(connection)
                finally:
                    transaction.close()

            yield begin

    def positional(self, query: Query) -> tuple[str, list[object]]:
        """Return the statement with the driver's placeholders, and their values."""
        statement, names = self._compiled(query.sql)
        params = query.params
        return statement, [params[name] for name in names]

    def is_disconnect(self, error: BaseException, connection: Any) -> bool:
        """Return whether the driver's connection cannot be used after `error`."""
        return self.engine.dialect.is_disconnect(error, connection, None)  # type: ignore[arg-type]

    def metrics(self) -> PoolMetrics:
        """Return the current state of the pool. Never waits, and never opens a connection."""
        pool = self.engine.pool
        if not isinstance(pool, QueuePool):
            return PoolMetrics(0, 0, checked_out=self._open, overflow=0, invalid=self._invalid)
        return PoolMetrics(
            size=pool.size(),
            checked_in=pool.checkedin(),
            checked_out=pool.checkedout(),
            overflow=max(0, pool.overflow()),
            invalid=self._invalid,
        )

    def take_peak(self) -> tuple[PoolMetrics, float]:
        """Return the state at the peak since the last call, and its use as percent of the limit."""
        return self._peak.take()

    def dispose(self) -> None:
        """Close idle connections. The next query opens a new pool."""
        self.engine.dispose()

    def _compile(self, sql: str) -> tuple[str, tuple[str, ...]]:
        compiled = text(sql).compile(dialect=self.engine.dialect)
        return str(compiled), tuple(compiled.positiontup or ())

    def _record_use(self) -> None:
        pool = self.engine.pool
        if isinstance(pool, BoundedPool):
            self._peak.record(pool.checkedout())

    def _listen(self, on_connect: Hook | None, on_return: Hook | None) -> None:
        @event.listens_for(self.engine, "connect")
        def connected(connection: Any, record: ConnectionPoolEntry) -> None:
            with self._lock:
                self._open += 1
            if on_connect is not None:
                on_connect(connection)

        @event.listens_for(self.engine, "close")
        def closed(connection: Any, record: ConnectionPoolEntry) -> None:
            with self._lock:
                self._open -= 1

        @event.listens_for(self.engine, "invalidate")
        def invalidated(
            connection: Any, record: ConnectionPoolEntry, error: BaseException | None
        ) -> None:
            with self._lock:
                self._invalid += 1

        if on_return is not None:

            @event.listens_for(self.engine, "checkin")
            def returned(connection: Any, record: ConnectionPoolEntry) -> None:
                if connection is not None:  # None: it was invalidated
                    on_return(connection)

"""The connection pool of a function: a few connections of the driver, without SQLAlchemy.

Importing SQLAlchemy takes half of a cold start, and its pool 30 µs of each request. A use case that
needs an ORM session imports it then, and the session borrows the connection of its transaction.

A function serves one request at a time, so one connection is enough. The overflow is for code that
holds two at once. The pool is a stack: the connection that was used last is used first.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from sluice import request_context
from sluice.db.driver.connection import PipelinedConnection
from sluice.db.driver.cursor import PipelinedCursor
from sluice.db.driver.protocol import NUMBERED, numbered
from sluice.db.driver.transport import is_disconnect
from sluice.db.error_names import ErrorNames
from sluice.db.pool import BeginTransaction, Hook, PeakUse, PoolMetrics
from sluice.db.sqlstate import translate
from sluice.errors import PoolExhausted
from sluice.query import Query
from sluice.settings import DatabaseSettings

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.orm import Session


class DriverPool:
    """A pool of at most `pool_size` and `pool_overflow` connections. Idle, it keeps `pool_size`.

    A connection that was idle for over `max_idle` seconds, or that the server closed, is replaced.
    `on_connect` is called with each new connection, and `on_return` with each that is returned and
    still open. `dispose` does not reset the metrics.
    """

    pipelined = True
    is_disconnect = staticmethod(is_disconnect)

    def __init__(
        self,
        settings: DatabaseSettings,
        open_connection: Callable[[], PipelinedConnection],
        *,
        names: Callable[[], ErrorNames] = ErrorNames,
        on_connect: Hook | None = None,
        on_return: Hook | None = None,
    ) -> None:
        self.migrated = settings.migrated
        self.names = names
        self._size = settings.pool_size
        self._limit = settings.pool_size + settings.pool_overflow
        self._timeout = settings.pool_timeout
        self._max_idle = settings.max_idle
        self._open_connection = open_connection
        self._on_connect = on_connect
        self._on_return = on_return
        self._condition = threading.Condition()  # a connection was returned; guards what follows
        self._idle: list[PipelinedConnection] = []
        self._lent = 0
        self._invalid = 0
        self._generation = 0  # connections that were lent before `dispose` are not kept
        self._peak = PeakUse(self.metrics, self._limit)
        self._session_engine: Engine | None = None
        self._borrowed = threading.local()  # the connection for which a session is made

    def checkout(self) -> "DriverCheckout":
        """Take a connection. Wait for one until the timeout, or the request's deadline."""
        connection, generation = self._take()
        if connection is not None and not connection.is_alive(self._max_idle):
            self._discard(connection)
            connection = None
        try:
            checkout = DriverCheckout(self, connection or self._connect(), generation)
        except BaseException:
            self._give_back(None)
            raise
        self._peak.record(self._lent)
        return checkout

    @contextmanager
    def connect(self) -> Iterator[BeginTransaction]:
        """Take a connection for several transactions in turn. Each is rolled back at its end."""
        checkout = self.checkout()

        @contextmanager
        def begin() -> Iterator[DriverTransaction]:
            transaction = DriverTransaction(self, checkout.connection)
            try:
                yield transaction
            finally:
                transaction.close()

        try:
            yield begin
        finally:
            checkout.close()

    def positional(self, query: Query) -> tuple[str, list[object]]:
        """Return the statement with the driver's placeholders, and their values."""
        statement, names = numbered(query.sql)
        params = query.params
        return statement, [params[name] for name in names]

    def metrics(self) -> PoolMetrics:
        """Return the current state of the pool. Never waits, and never opens a connection."""
        idle, lent = len(self._idle), self._lent
        overflow = max(0, idle + lent - self._size)
        return PoolMetrics(self._size, idle, lent, overflow, self._invalid)

    def take_peak(self) -> tuple[PoolMetrics, float]:
        """Return the state at the peak since the last call, and its use as percent of the limit."""
        return self._peak.take()

    def dispose(self) -> None:
        """Close idle connections. The next query opens others."""
        with self._condition:
            idle, self._idle = self._idle, []
            self._generation += 1
        for connection in idle:
            connection.close()

    def give_back(self, connection: PipelinedConnection, generation: int) -> None:
        """Take a connection back. Roll back what is not committed."""
        is_kept = False
        try:
            connection.rollback()
            if self._on_return is not None and not connection.closed:
                self._on_return(connection)
            is_kept = not connection.closed and generation == self._generation
        finally:
            if connection.closed:
                self._discard(connection)
            if not self._give_back(connection if is_kept else None):
                connection.close()

    def make_session(self, connection: PipelinedConnection) -> "Session":
        """Return a session of SQLAlchemy's ORM in the transaction of a connection."""
        from sluice.db.engine import session_engine  # importing SQLAlchemy and its ORM takes 200 ms
        from sluice.db.models import make_session

        if self._session_engine is None:
            self._session_engine = session_engine(
                lambda: self._borrowed.connection, self.names, migrated=self.migrated
            )
        self._borrowed.connection = connection
        borrowed = self._session_engine.connect()
        borrowed.begin()  # sends nothing: the driver begins with the first statement
        return make_session(borrowed)

    def _take(self) -> tuple[PipelinedConnection | None, int]:
        """Return an idle connection, or None for the right to open one. Raise PoolExhausted."""
        with self._condition:
            if not self._idle and self._lent >= self._limit:
                self._wait()
            self._lent += 1
            return (self._idle.pop() if self._idle else None), self._generation

    def _wait(self) -> None:
        ends_at = time.monotonic() + request_context.cap(self._timeout)
        while not self._idle and self._lent >= self._limit:
            remaining = ends_at - time.monotonic()
            if remaining <= 0 or not self._condition.wait(remaining):
                raise PoolExhausted

    def _give_back(self, connection: PipelinedConnection | None) -> bool:
        """Return the right to a connection. Keep the connection, if there is room for it."""
        with self._condition:
            self._lent -= 1
            keep = connection is not None and len(self._idle) < self._size
            if keep and connection is not None:
                self._idle.append(connection)
            self._condition.notify()
            return keep

    def _discard(self, connection: PipelinedConnection) -> None:
        """Close and count a connection that was found dead or too old."""
        connection.close_socket()
        with self._condition:
            self._invalid += 1

    def _connect(self) -> PipelinedConnection:
        try:
            connection = self._open_connection()
        except Exception as error:
            translated = translate(error, connected=False)
            if translated is None:
                raise
            raise translated from error
        if self._on_connect is not None:
            self._on_connect(connection)
        return connection


class DriverCheckout:
    """A connection that a DriverPool has lent."""

    __slots__ = ("_generation", "_pool", "connection")

    def __init__(self, pool: DriverPool, connection: PipelinedConnection, generation: int) -> None:
        self._pool = pool
        self._generation = generation
        self.connection = connection

    def cursor(self) -> PipelinedCursor:
        return PipelinedCursor(self.connection, paramstyle=NUMBERED)

    def invalidate(self, error: BaseException) -> None:
        self.connection.close_socket()

    def close(self) -> None:
        self._pool.give_back(self.connection, self._generation)


class DriverTransaction:
    """A transaction on a connection. The driver sends BEGIN with the first statement."""

    def __init__(self, pool: DriverPool, connection: PipelinedConnection) -> None:
        self._pool = pool
        self.connection = connection
        self.is_active = True
        self._session: Session | None = None

    def cursor(self) -> PipelinedCursor:
        return PipelinedCursor(self.connection, paramstyle=NUMBERED)

    def invalidate(self, error: BaseException) -> None:
        self.is_active = False
        self.connection.close_socket()

    def commit(self) -> None:
        """Commit. Raise SluiceErrors, among them those of deferred constraints."""
        self.is_active = False
        try:
            self.connection.commit()
        except Exception as error:
            if is_disconnect(error, self.connection):
                self.invalidate(error)
            pool = self._pool
            translated = translate(error, connected=True, migrated=pool.migrated, names=pool.names)
            if translated is None:
                raise
            raise translated from error

    def make_session(self) -> "Session":
        self._session = self._pool.make_session(self.connection)
        return self._session

    def close(self) -> None:
        """Roll back what is not committed, and end the session."""
        self.is_active = False
        if self._session is not None:
            borrowed = cast("Connection", self._session.bind)
            self._session.close()
            borrowed.close()
        self.connection.rollback()

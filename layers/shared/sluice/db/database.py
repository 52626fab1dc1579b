"""Run the queries of repositories: `read` and `write`, each one statement in one round trip.

Each is a transaction. Several statements in one transaction use `Database.transaction`.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

from sluice.db.breaker import CircuitBreaker
from sluice.db.pool import ConnectionPool, PooledConnection, PoolTransaction
from sluice.db.retry import retry_transaction
from sluice.db.sqlstate import SETUP_NEEDED, translate
from sluice.errors import ConnectionLost, NotSetUp
from sluice.query import Query

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

# A row is a named tuple. A column whose name is no identifier, or repeated, has only its position.
Rows: TypeAlias = Sequence[Any]
Begin: TypeAlias = "Callable[[], AbstractContextManager[Transaction]]"

_ROW_CLASSES = 512  # kept, one for each list of columns


class Database:
    """Runs queries on the connections of a pool. Safe to share between threads.

    `breaker` is the pool's, so that its state can be shown. If `report_lsn` is set, each write also
    fetches the WAL position after its commit. It does so in the same round trip, and stores the
    position in the request's statistics.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        breaker: CircuitBreaker | None = None,
        *,
        report_lsn: bool = False,
    ) -> None:
        self.pool = pool
        self.breaker = breaker or CircuitBreaker()
        self._report_lsn = report_lsn

    def read(self, query: Query) -> Rows:
        """Return the rows of one SELECT. Raise SluiceErrors.

        It must not change anything, because it is sent once more after ConnectionLost.
        """
        try:
            return self._run(query)
        except ConnectionLost:
            return self._run(query)

    def write(self, query: Query) -> Rows:
        """Run one INSERT, UPDATE or DELETE, commit it, and return the rows of its RETURNING.

        It is sent again only if it was certainly rolled back (RolledBack). After ConnectionLost it
        is unknown whether it was committed. Raise SluiceErrors. Before `make migrate`, raise
        NotSetUp without a round trip.
        """
        self._require_migrated()
        return retry_transaction(lambda: self._run(query, writes=True))

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction, rolled back at the end unless committed. Raise SluiceErrors."""
        with self.connection() as begin, begin() as transaction:
            yield transaction

    @contextmanager
    def connection(self) -> Iterator[Begin]:
        """Open a connection for several transactions in turn: `with begin() as transaction`."""
        self._require_migrated()
        with self.pool.connect() as begin_in_pool:

            @contextmanager
            def begin() -> Iterator[Transaction]:
                with begin_in_pool() as transaction:
                    self._report_lsn_of(transaction, writes=True)
                    yield Transaction(self, transaction)

            yield begin

    def dispose(self) -> None:
        """Close idle connections. The next query opens others."""
        self.pool.dispose()

    def _require_migrated(self) -> None:
        """Raise NotSetUp before a write.

        Sessions are read-only before `make migrate` (engine.py), but not behind a pooler.
        """
        if not self.pool.migrated:
            raise NotSetUp(SETUP_NEEDED)

    def _run(self, query: Query, *, writes: bool = False) -> Rows:
        checkout = self.pool.checkout()
        try:
            self._report_lsn_of(checkout, writes=writes)
            return self._execute(checkout, query, own_transaction=True)
        finally:
            checkout.close()

    def _report_lsn_of(self, pooled: PooledConnection, *, writes: bool) -> None:
        if self._report_lsn:
            pooled.connection.report_lsn = writes

    def _execute(self, pooled: PooledConnection, query: Query, *, own_transaction: bool) -> Rows:
        """Run one query on a connection, as a transaction or as part of the current one."""
        pool = self.pool
        connection = pooled.connection
        try:
            connection.autocommit = own_transaction and pool.pipelined
            cursor = pooled.cursor()
            cursor.prepare = query.prepare and own_transaction
            if query.before is not None:
                send_before = cursor.send_before if pool.pipelined else cursor.execute
                send_before(*pool.positional(query.before))
            cursor.execute(*pool.positional(query))
            if own_transaction:
                connection.commit()  # only stock pg8000 has anything to send here
            description = cursor.description
            if description is None:
                return ()
            make_row = _row_maker(tuple([column[0] for column in description]))
            return [make_row(row) for row in cursor.fetchall()]
        except BaseException as error:
            self._raise_translated(pooled, error, query.sql)
            raise
        finally:
            connection.autocommit = False

    def _raise_translated(self, pooled: PooledConnection, error: BaseException, sql: str) -> None:
        """Raise the SluiceError for an error of the driver in a statement, if it is one."""
        if self.pool.is_disconnect(error, pooled.connection):
            pooled.invalidate(error)
        pool = self.pool
        translated = translate(
            error, connected=True, migrated=pool.migrated, names=pool.names, statement=sql
        )
        if translated is not None:
            raise translated from error


class Transaction:
    """Runs queries in one transaction, which is rolled back unless `commit` is called.

    BEGIN is sent with the first one. `session` is SQLAlchemy's, in the same transaction. It tracks
    objects (`session.new`, `.dirty`, `.deleted`), and writes them before each query of this class
    and at `commit`.
    """

    def __init__(self, database: Database, transaction: PoolTransaction) -> None:
        self._database = database
        self._transaction = transaction
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The session, created on first use: importing the ORM takes 60 ms, and few need it."""
        if self._session is None:
            self._session = self._transaction.make_session()
        return self._session

    def read(self, query: Query) -> Rows:
        """Return the rows of one SELECT, as `Database.read` but without a second attempt."""
        return self.write(query)

    def write(self, query: Query) -> Rows:
        """Run one statement, as `Database.write` but without a commit."""
        self._flush()
        return self._database._execute(self._transaction, query, own_transaction=False)

    def copy(self, sql: str, data: bytes) -> None:
        """Run COPY … FROM STDIN with `data`. Raise SluiceErrors, which fail the transaction."""
        self._flush()
        try:
            self._transaction.cursor().execute(sql, stream=BytesIO(data))
        except Exception as error:
            self._database._raise_translated(self._transaction, error, sql)
            raise

    def commit(self) -> None:
        """Commit and end the transaction.

        Raise SluiceErrors if it was rolled back; after ConnectionLost it may have been committed.
        """
        self._flush()
        self._transaction.commit()

    def _flush(self) -> None:
        if not self._transaction.is_active:
            # A statement now would begin another transaction, and be rolled back silently.
            raise RuntimeError("this transaction has ended")
        if self._session is not None:
            from sluice.db.models import flush

            flush(self._session)


@lru_cache(maxsize=_ROW_CLASSES)
def _row_maker(columns: tuple[str, ...]) -> Callable[[Iterable[Any]], Any]:
    """Return the function that makes a row with these columns. Creating a class takes 60 µs."""
    row_class: Any = namedtuple("Row", columns, rename=True)  # type: ignore[misc]
    make_row: Callable[[Iterable[Any]], Any] = row_class._make
    return make_row

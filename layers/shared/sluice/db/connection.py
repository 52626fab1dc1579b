"""What is said to PostgreSQL, and in how many round trips: pg8000's connection, but one flush for each statement.

Stock pg8000 waits three times for a statement with parameters, once for BEGIN and three times for COMMIT. Here
Parse, Bind, Describe, Execute and Sync leave together, BEGIN rides with the first statement of a transaction, and
COMMIT is one simple query. Text of a caller always goes by the extended protocol, where the server refuses a second
statement: the simple one would run `SELECT 1; DROP ...`.

A connection that can no longer tell which answer belongs to which question closes its socket, whatever the reason,
so that nobody can be given another's rows. This leans on internals of pg8000 1.31: driver.py checks them.
"""

import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from pg8000.converters import make_params
from pg8000.core import (
    IN_FAILED_TRANSACTION,
    READY_FOR_QUERY,
    SYNC_MSG,
    TERMINATE_MSG,
    Context,
    ci_unpack,
)
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.legacy import Connection

from sluice import deadline, request_stats
from sluice.db import protocol
from sluice.db.cursor import PipelinedCursor
from sluice.db.prepared import PreparedStatement, PreparedStatementCache
from sluice.db.transport import CLOSED, NETWORK_ERROR, open_socket
from sluice.settings import TlsMode

# A transaction's timeouts, in a statement that gives no rows: SET LOCAL outside of BEGIN works too, but is warned of.
SET_TIMEOUTS = "SELECT 1 WHERE set_config('statement_timeout', $1, true) || set_config('lock_timeout', $2, true) IS NULL"
# Sent behind a commit, this is answered after it: the commit's record lies before the place where the next one goes,
# flushed or not, so whoever has replayed up to there has the commit, whatever synchronous_commit is.
CURRENT_LSN = "SELECT CAST(pg_current_wal_insert_lsn() AS text)"
UNKNOWN_LSN = "FFFFFFFF/FFFFFFFF"  # the end of the log, where no reader will ever be
CLIENT_TIMEOUT_MARGIN = (
    0.2  # seconds by which the server gives up before we do: else it would work on for nobody
)


class PipelinedConnection(Connection):  # type: ignore[misc]
    """One session. Its attributes (`autocommit`, `isolation_level` and so on) may be changed between transactions.

    Raises InterfaceError when it cannot connect, DatabaseError's kin when the server refuses the session.
    """

    _usock: Any  # a socket, or None once closed
    _sock: Any  # its buffered file

    def __init__(
        self,
        user: str,
        *,
        host: str,
        database: str,
        port: int = 5432,
        password: str = "",
        tls: TlsMode = "verify-full",
        ca_file: str = "",
        connect_timeout: float = 2.0,
        socket_timeout: float | None = 20.0,  # None: as long as it takes
        statement_timeout: float = 14.0,  # these two are the role's own, for whom the server takes us
        lock_timeout: float = 5.0,
        prepared_statements: int = 0,  # that the server may be asked to keep
        deadline_share: float = 1.0,  # of what is left of a request's time, that the server may be silent for
        application_name: str = "sluice",
        startup: Mapping[str, str]
        | None = None,  # settings of the session, which no default of the server outranks
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._usock = None
        self._in_step = _InStep(self)
        self._clock = clock
        self.isolation_level: str | None = None  # None: the role's default
        self.read_only = False
        self._statements = PreparedStatementCache(prepared_statements)
        self.report_lsn = False  # of the log behind each commit, to who counts what is spent
        usock = open_socket(host, port, tls=tls, ca_file=ca_file, connect_timeout=connect_timeout)
        try:
            super().__init__(
                user,
                host=host,
                port=port,
                database=database,
                password=password,
                application_name=application_name,
                startup_params=dict(startup or {}),
                sock=usock,
                ssl_context=False,  # already encrypted
            )
        except OSError as error:
            usock.close()
            raise InterfaceError(NETWORK_ERROR) from error
        except BaseException:
            usock.close()
            raise
        usock.settimeout(socket_timeout)
        self._timeouts = socket_timeout, statement_timeout, lock_timeout
        self._share = deadline_share
        self._run_cursor = PipelinedCursor(self, paramstyle="named")
        self._poll = select.poll()
        self._poll.register(usock, select.POLLIN)
        self._used_at = clock()

    @property
    def closed(self) -> bool:
        return self._usock is None

    def cursor(self) -> PipelinedCursor:
        return PipelinedCursor(self, paramstyle="format")

    def is_alive(self, max_idle: float) -> bool:
        """Whether the next statement may be sent here; asks nobody. Call it while idle, before each use.

        Age is by the wall clock, because a monotonic one may stand still while an environment is frozen; and a
        socket with something to read while nothing was asked holds a farewell.
        """
        if self._usock is None or not 0 <= self._clock() - self._used_at <= max_idle:
            return False
        return not self._poll.poll(0)

    def commit(self) -> None:
        """Raises DatabaseError 25P02 when the transaction had failed: the server then rolls back, without complaint."""
        if self._usock is None:
            raise InterfaceError(CLOSED)
        if not self._in_transaction:
            return
        if not self.report_lsn:
            self.execute_simple("commit")
            return
        with self._in_step:
            self._exchange(protocol.run("commit") + SYNC_MSG, Context("commit"), report_lsn=True)

    def rollback(self) -> None:
        """Nothing is sent when there is nothing to undo. A connection that breaks here is undone by the server."""
        if self._usock is not None and self._in_transaction:
            with suppress(InterfaceError):
                self.execute_simple("rollback")

    def close(self) -> None:
        """Say goodbye and close. Never raises: with a dead connection there is nothing else to do."""
        if self._usock is not None:
            with suppress(OSError):
                self._usock.sendall(TERMINATE_MSG)
        self.close_socket()

    def close_socket(self) -> None:
        """Close the socket without a word. Safe at any time, twice, and in any state of the protocol."""
        if self._usock is None:
            return
        usock, stream = self._usock, self._sock
        self._usock = self._sock = self._transaction_status = None
        with suppress(OSError):
            usock.shutdown(
                socket.SHUT_RDWR
            )  # before `stream` is closed, which would flush what is left to send
        with suppress(OSError, ValueError):
            stream.close()
        usock.close()

    def execute_simple(self, statement: str) -> Context:
        """The simple protocol, for our own COMMIT and ROLLBACK: never for a caller's text."""
        if self._usock is None:
            raise InterfaceError(CLOSED)
        with self._in_step:
            return super().execute_simple(statement)

    def encode_preceding(self, statement: str, vals: Sequence[Any]) -> bytes:
        """The bytes of a statement with `$n` placeholders that rides ahead of another and gives no rows."""
        request_stats.current().statements += 1
        return protocol.run(statement, make_params(self.py_types, vals), self._client_encoding)

    def execute_unnamed(
        self,
        statement: str,
        vals: Sequence[Any] = (),
        oids: Sequence[int] = (),
        stream: Any = None,
        preceding: bytes = b"",
        prepare: bool = False,
    ) -> Context:
        """One statement with `$n` placeholders, and the BEGIN and the guard it may need, in one flush.

        Outside of transactions the server may `prepare` it: there nothing is lost where it forgot it.
        """
        usock = self._usock
        if usock is None:
            raise InterfaceError(CLOSED)
        ahead = b"" if self.autocommit or self._in_transaction else self._begin()
        ahead += self._limit_time() + preceding
        request_stats.current().statements += 1
        if stream is not None:
            with self._in_step:
                if ahead:
                    self._exchange(ahead + SYNC_MSG, Context("begin"))
                return super().execute_unnamed(statement, vals, oids, stream)
        encoding = self._client_encoding
        texts = make_params(self.py_types, vals)
        if prepare and self.autocommit and not oids:
            return self._execute_kept(ahead, statement, texts)
        context = Context(statement)
        message = b"".join(
            (
                ahead,
                protocol.parse(statement, oids, encoding),
                protocol.bind(texts, encoding),
                protocol.FINISH,
            )
        )
        with self._in_step:
            self._exchange(message, context, report_lsn=self.report_lsn and self.autocommit)
        return context

    def _execute_kept(self, ahead: bytes, text: str, texts: list[str | None]) -> Context:
        """The whole of a transaction, by a statement that the server may know: where it does not, nothing happened."""
        statement = self._statements.find(text)
        context = statement.context()
        message = (
            self._statements.farewell() + ahead + statement.message(texts, self._client_encoding)
        )
        try:
            with self._in_step:
                self._exchange(message, context, report_lsn=self.report_lsn)
        except DatabaseError as error:
            if not self._statements.failed(statement, error.args[0]):
                raise
            return self._execute_kept(ahead, text, texts)
        statement.learn(context)
        return context

    def handle_messages(self, context: Context) -> None:
        """Read answers until the server is ready; then raise what went wrong, if anything did."""
        request_stats.current().round_trips += 1
        self._hear(context)
        if context.error is not None:
            raise context.error

    def _hear(self, context: Context) -> None:
        read, handlers, code = self._sock.read, self.message_types, b""
        try:
            while code != READY_FOR_QUERY:
                code, size = ci_unpack(_whole(read(5), 5))
                handlers[code](_whole(read(size - 4), size - 4), context)
        except OSError as error:
            # The server's last words ("terminating connection due to ...") say more than the closed socket.
            raise InterfaceError(NETWORK_ERROR) from context.error or error
        self._used_at = self._clock()

    def handle_COMMAND_COMPLETE(self, data: bytes, context: Context) -> None:
        word = data[:-1].rpartition(b" ")[2]  # INSERT 0 5, SELECT 5, COMMIT
        if word.isdigit():
            context.row_count = int(word) + max(context.row_count, 0)
        elif (
            word == b"ROLLBACK"
            and self._transaction_status == IN_FAILED_TRANSACTION
            and not _undoes(context)
        ):
            context.error = DatabaseError(
                {"S": "ERROR", "C": "25P02", "M": "COMMIT was answered with ROLLBACK"}
            )

    def _exchange(self, message: bytes, context: Context, *, report_lsn: bool = False) -> None:
        position = self._statements.find(CURRENT_LSN) if report_lsn else None
        if position is not None:
            message += position.message([], self._client_encoding)
        self._usock.sendall(message)  # past the buffered writer: one call, one flush
        request_stats.current().round_trips += 1
        self._hear(context)
        if position is not None:
            request_stats.current().commit_lsn = self._hear_position(position)
        if context.error is not None:
            raise context.error

    def _hear_position(self, statement: PreparedStatement) -> str:
        """Of the log, behind what was just done: nothing that goes wrong here makes that undone."""
        context = statement.context()
        try:
            self._hear(context)
        except InterfaceError:
            self.close_socket()
            return UNKNOWN_LSN
        if context.error is not None:
            self._statements.failed(statement, context.error.args[0])
            return UNKNOWN_LSN
        statement.learn(context)
        return str(context.rows[0][0])

    def _limit_time(self) -> bytes:
        """Bound what follows by the request's time: the socket here and now, the server by what rides in this flush.

        Nothing rides while the role's own timeouts end sooner. Raises DatabaseError 57014 when time is up.
        """
        socket_timeout, statement_timeout, lock_timeout = self._timeouts
        left = deadline.remaining()
        if left is None:
            self._usock.settimeout(socket_timeout)
            return b""
        if left <= CLIENT_TIMEOUT_MARGIN:
            raise DatabaseError(
                {"S": "ERROR", "C": "57014", "M": "no time is left for a statement"}
            )
        patience = left * self._share
        self._usock.settimeout(
            patience if socket_timeout is None else min(patience, socket_timeout)
        )
        if left - CLIENT_TIMEOUT_MARGIN >= statement_timeout:
            return b""
        limits = left - CLIENT_TIMEOUT_MARGIN, min(left - CLIENT_TIMEOUT_MARGIN, lock_timeout)
        return protocol.run(SET_TIMEOUTS, [str(max(1, int(1000 * seconds))) for seconds in limits])

    def _begin(self) -> bytes:
        # In the statement itself: SET SESSION CHARACTERISTICS costs a round trip and pins the session in RDS Proxy.
        words = ["begin"]
        if self.isolation_level is not None:
            words.append(f"isolation level {self.isolation_level}")
        if self.read_only:
            words.append("read only")
        return protocol.run(" ".join(words))


class _InStep:
    """Closes the connection when what happens inside leaves question and answer out of step; adds up how long it takes.

    A DatabaseError is the one thing that does not: it is raised after the server said that it is ready again.
    """

    __slots__ = ("_began", "_connection")

    def __init__(self, connection: PipelinedConnection) -> None:
        self._connection = connection
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        request_stats.current().db_seconds += time.perf_counter() - self._began
        if error is None or isinstance(error, DatabaseError):
            return
        self._connection.close_socket()
        if isinstance(error, OSError):
            raise InterfaceError(NETWORK_ERROR) from error


def _undoes(context: Context) -> bool:
    return str(context.statement).lstrip().lower().startswith(("rollback", "abort"))


def _whole(data: bytes, size: int) -> bytes:
    if len(data) < size:
        raise ConnectionResetError("the server closed the connection")
    return data

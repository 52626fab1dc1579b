"""A pg8000 connection that sends each statement in one flush.

Stock pg8000 waits for the server three times for a statement with parameters, once for BEGIN and
three times for COMMIT. Here Parse, Bind, Describe, Execute and Sync are sent together. BEGIN is
sent with the first statement of a transaction, and COMMIT is one simple query. A caller's text is
always sent by the extended protocol, in which the server rejects a second statement. The simple
protocol would run `SELECT 1; DROP ...`.

A response must never be taken for that of another statement, or a client would get another
client's rows. So a connection closes its socket if it may have unread responses. This module uses
internals of pg8000 1.31, which compat.py checks.
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

from sluice import request_context
from sluice.db.driver import protocol
from sluice.db.driver.cursor import PipelinedCursor
from sluice.db.driver.prepared import PreparedStatement, PreparedStatementCache
from sluice.db.driver.tenant_setting import SET_TENANT
from sluice.db.driver.transport import CLOSED, NETWORK_ERROR, open_socket
from sluice.settings import TlsMode

# The timeouts of a transaction, in a statement without rows. SET LOCAL outside of a transaction
# works as well, but causes a warning.
SET_TIMEOUTS = """
    SELECT 1
    WHERE set_config('statement_timeout', $1, true) || set_config('lock_timeout', $2, true) IS NULL
"""
# Run after COMMIT, and after ROLLBACK: what a rejected write conflicted with may be new to the
# replica, too. The insert LSN is past the commit record, so a replica that has replayed up to
# it has the commit, even with synchronous_commit off.
CURRENT_LSN = "SELECT CAST(pg_current_wal_insert_lsn() AS text)"
UNKNOWN_LSN = "FFFFFFFF/FFFFFFFF"  # the highest LSN, which no replica ever reaches
CLIENT_TIMEOUT_MARGIN = 0.2  # seconds by which the server's timeout is shorter than the client's


class PipelinedConnection(Connection):  # type: ignore[misc]
    """A session that sends each statement in one flush.

    Its attributes (`autocommit`, `isolation_level`, `read_only`, `report_lsn`) may be changed
    between transactions. Raises InterfaceError if it cannot connect, and DatabaseError or a
    subclass if the server rejects the session.
    """

    _usock: Any  # a socket, or None once it is closed
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
        socket_timeout: float | None = 20.0,  # None: wait without limit
        statement_timeout: float = 14.0,  # this and the next are what the role has on the server
        lock_timeout: float = 5.0,
        prepared_statements: int = 0,  # at most, on the server
        deadline_share: float = 1.0,  # the longest wait, as a part of the request's remaining time
        sets_tenant: bool = False,  # before each statement, for policies of row-level security
        application_name: str = "sluice",
        startup: Mapping[str, str] | None = None,  # session settings; they override all defaults
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._usock = None
        self._protocol_guard = _ProtocolGuard(self)
        self._clock = clock
        self.isolation_level: str | None = None  # None: the default of the role
        self.read_only = False
        self._statements = PreparedStatementCache(prepared_statements)
        self.report_lsn = False  # store the WAL position after each commit in the request's stats
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
                ssl_context=False,  # the socket is already encrypted
            )
        except OSError as error:
            usock.close()
            raise InterfaceError(NETWORK_ERROR) from error
        except BaseException:
            usock.close()
            raise
        usock.settimeout(socket_timeout)
        self._timeouts = socket_timeout, statement_timeout, lock_timeout
        self._deadline_share = deadline_share
        self._sets_tenant = sets_tenant
        self._run_cursor = PipelinedCursor(self, paramstyle="named")
        self._poll = select.poll()
        self._poll.register(usock, select.POLLIN)
        self._used_at = clock()

    @property
    def closed(self) -> bool:
        """Whether the socket is closed."""
        return self._usock is None

    def cursor(self) -> PipelinedCursor:
        return PipelinedCursor(self, paramstyle="format")

    def is_alive(self, max_idle: float) -> bool:
        """Return whether an idle connection can be used, without a round trip.

        Age is measured by the wall clock: a monotonic clock may stand still while the execution
        environment is frozen. If data has arrived without a request, the server closed the session.
        """
        if self._usock is None or not 0 <= self._clock() - self._used_at <= max_idle:
            return False
        return not self._poll.poll(0)

    def commit(self) -> None:
        """Commit. Raise DatabaseError 25P02 if the transaction had failed and is rolled back."""
        if self._usock is None:
            raise InterfaceError(CLOSED)
        if self._in_transaction:
            self._end_transaction("commit")

    def rollback(self) -> None:
        """Roll back. Send nothing without a transaction. A broken connection is not an error."""
        if self._usock is not None and self._in_transaction:
            with suppress(InterfaceError):
                self._end_transaction("rollback")

    def _end_transaction(self, statement: str) -> None:
        if not self.report_lsn:
            self.execute_simple(statement)
            return
        message = protocol.parse_bind_execute(statement) + SYNC_MSG
        with self._protocol_guard:
            self._exchange(message, Context(statement), report_lsn=True)

    def close(self) -> None:
        """Terminate the session and close the socket. Never raises."""
        if self._usock is not None:
            with suppress(OSError):
                self._usock.sendall(TERMINATE_MSG)
        self.close_socket()

    def close_socket(self) -> None:
        """Close the socket without a message. Safe at any time, and more than once."""
        if self._usock is None:
            return
        usock, stream = self._usock, self._sock
        self._usock = self._sock = self._transaction_status = None
        with suppress(OSError):
            usock.shutdown(socket.SHUT_RDWR)  # closing `stream` first would flush unsent data
        with suppress(OSError, ValueError):
            stream.close()
        usock.close()

    def execute_simple(self, statement: str) -> Context:
        """Run COMMIT or ROLLBACK by the simple protocol. Never pass a caller's text."""
        if self._usock is None:
            raise InterfaceError(CLOSED)
        with self._protocol_guard:
            return super().execute_simple(statement)

    def encode_before(self, statement: str, vals: Sequence[Any]) -> bytes:
        """Return the messages of a statement without rows, to send before another one.

        Its placeholders are `$n`.
        """
        request_context.current().database.statements += 1
        texts = make_params(self.py_types, vals)
        return protocol.parse_bind_execute(statement, texts, self._client_encoding)

    def execute_unnamed(
        self,
        statement: str,
        vals: Sequence[Any] = (),
        oids: Sequence[int] = (),
        stream: Any = None,
        before: bytes = b"",
        prepare: bool = False,
    ) -> Context:
        """Run one statement with `$n` placeholders, in one flush with BEGIN and `before`.

        With `prepare`, the server may keep the statement, but only outside of a transaction. Inside
        one, a name that the server lost would fail the whole transaction. With `stream` (COPY),
        BEGIN and `before` are sent in a flush before the statement.
        """
        if self._usock is None:
            raise InterfaceError(CLOSED)
        request_context.current().database.statements += 1
        if prepare and self.autocommit and not oids:
            return self._execute_prepared(before, statement, make_params(self.py_types, vals))
        begin = b"" if self.autocommit or self._in_transaction else self._begin()
        before = begin + self._transaction_settings() + before
        if stream is not None:
            with self._protocol_guard:
                if before:
                    self._exchange(before + SYNC_MSG, Context("begin"))
                return super().execute_unnamed(statement, vals, oids, stream)
        encoding = self._client_encoding
        texts = make_params(self.py_types, vals)
        context = Context(statement)
        parse, bind = protocol.parse(statement, oids, encoding), protocol.bind(texts, encoding)
        message = before + parse + bind + protocol.DESCRIBE_EXECUTE_SYNC
        with self._protocol_guard:
            self._exchange(message, context, report_lsn=self.report_lsn and self.autocommit)
        return context

    def _execute_prepared(self, before: bytes, text: str, texts: list[str | None]) -> Context:
        """Run a statement as a complete transaction, by its name if the server knows it.

        If the server lost the name, nothing ran, and the statement is sent again.
        """
        tenant = self._statements.find(SET_TENANT) if self._sets_tenant else None
        statement = self._statements.find(text)
        context = statement.context()
        before_it = self._transaction_settings(tenant) + before
        execute = statement.message(texts, self._client_encoding)
        message = self._statements.take_close_messages() + before_it + execute
        try:
            with self._protocol_guard:
                self._exchange(message, context, report_lsn=self.report_lsn)
        except DatabaseError as error:
            if not self._statements.invalidate(error.args[0], statement, tenant):
                raise
            return self._execute_prepared(before, text, texts)
        statement.mark_prepared(context)
        if tenant is not None:
            tenant.mark_prepared(tenant.context())
        return context

    def handle_messages(self, context: Context) -> None:
        """Read messages until the server is ready for a query. Raise the error it reported."""
        request_context.current().database.round_trips += 1
        self._read_response(context)
        if context.error is not None:
            raise context.error

    def _read_response(self, context: Context) -> None:
        read, handlers, code = self._sock.read, self.message_types, b""
        try:
            while code != READY_FOR_QUERY:
                code, size = ci_unpack(_require_size(read(5), 5))
                handlers[code](_require_size(read(size - 4), size - 4), context)
        except OSError as error:
            # The server's last report ("terminating connection due to ...") explains more than the
            # error of the socket.
            raise InterfaceError(NETWORK_ERROR) from context.error or error
        self._used_at = self._clock()

    def handle_COMMAND_COMPLETE(self, data: bytes, context: Context) -> None:
        """Count the rows, and turn a COMMIT that PostgreSQL answered with ROLLBACK into an error.

        The command tag is `INSERT 0 5`, `SELECT 5` or `COMMIT`, for example.
        """
        last_word = data[:-1].rpartition(b" ")[2]
        if last_word.isdigit():
            context.row_count = int(last_word) + max(context.row_count, 0)
            return
        has_failed = self._transaction_status == IN_FAILED_TRANSACTION
        if last_word == b"ROLLBACK" and has_failed and not _is_rollback(context):
            report = {"S": "ERROR", "C": "25P02", "M": "COMMIT was answered with ROLLBACK"}
            context.error = DatabaseError(report)

    def _exchange(self, message: bytes, context: Context, *, report_lsn: bool = False) -> None:
        """Send a message, read the response, and raise the error that the server reported."""
        lsn_statement = self._statements.find(CURRENT_LSN) if report_lsn else None
        if lsn_statement is not None:
            message += lsn_statement.message([], self._client_encoding)
        self._usock.sendall(message)  # not by the buffered writer: one call, one flush
        request_context.current().database.round_trips += 1
        self._read_response(context)
        if lsn_statement is not None:
            request_context.current().database.commit_lsn = self._read_lsn(lsn_statement)
        if context.error is not None:
            raise context.error

    def _read_lsn(self, statement: PreparedStatement) -> str:
        """Return the WAL position, or UNKNOWN_LSN. An error here must not undo the commit."""
        context = statement.context()
        try:
            self._read_response(context)
        except InterfaceError:
            self.close_socket()
            return UNKNOWN_LSN
        if context.error is not None:
            self._statements.invalidate(context.error.args[0], statement)
            return UNKNOWN_LSN
        statement.mark_prepared(context)
        return str(context.rows[0][0])

    def _transaction_settings(self, tenant: PreparedStatement | None = None) -> bytes:
        """Return the messages that set the timeouts and the tenant for the next statement."""
        timeouts = self._apply_deadline()
        if self._transaction_status == IN_FAILED_TRANSACTION:
            return b""  # an error of theirs would skip ROLLBACK TO SAVEPOINT
        if not self._sets_tenant:
            return timeouts
        setter = tenant or PreparedStatement(SET_TENANT)
        value = (request_context.current().tenant,)
        return timeouts + setter.message_before(value, self._client_encoding)

    def _apply_deadline(self) -> bytes:
        """Limit the next statement to the request's remaining time.

        Sets the timeout of the socket, and returns the messages that set the server's. They are
        empty if the timeouts of the role end sooner. Raise DatabaseError 57014 if no time remains.
        """
        socket_timeout, statement_timeout, lock_timeout = self._timeouts
        remaining = request_context.remaining()
        if remaining is None:
            self._usock.settimeout(socket_timeout)
            return b""
        if remaining <= CLIENT_TIMEOUT_MARGIN:
            report = {"S": "ERROR", "C": "57014", "M": "no time is left for a statement"}
            raise DatabaseError(report)
        longest_wait = remaining * self._deadline_share
        if socket_timeout is not None:
            longest_wait = min(longest_wait, socket_timeout)
        self._usock.settimeout(longest_wait)
        server_time = remaining - CLIENT_TIMEOUT_MARGIN
        if server_time >= statement_timeout:
            return b""
        limits = server_time, min(server_time, lock_timeout)
        milliseconds = [str(max(1, int(1000 * seconds))) for seconds in limits]
        return protocol.parse_bind_execute(SET_TIMEOUTS, milliseconds)

    def _begin(self) -> bytes:
        # BEGIN has the mode: SET SESSION CHARACTERISTICS costs a round trip, and pins RDS Proxy.
        words = ["begin"]
        if self.isolation_level is not None:
            words.append(f"isolation level {self.isolation_level}")
        if self.read_only:
            words.append("read only")
        return protocol.parse_bind_execute(" ".join(words))


class _ProtocolGuard:
    """Closes the connection if an exchange ends before its last response; also measures its time.

    A DatabaseError does not close it: it is raised after the server is ready for the next query.
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
        traceback: TracebackType | None,
    ) -> None:
        request_context.current().database.seconds += time.perf_counter() - self._began
        if error is None or isinstance(error, DatabaseError):
            return
        self._connection.close_socket()
        if isinstance(error, OSError):
            raise InterfaceError(NETWORK_ERROR) from error


def _is_rollback(context: Context) -> bool:
    return str(context.statement).lstrip().lower().startswith(("rollback", "abort"))


def _require_size(data: bytes, size: int) -> bytes:
    if len(data) < size:
        raise ConnectionResetError("the server closed the connection")
    return data

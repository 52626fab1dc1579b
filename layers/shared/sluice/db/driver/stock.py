"""Stock pg8000, over Sluice's socket and TLS: `postgresql+sluice_stock`. See compat.py.

This module imports nothing of pg8000 that another version could lack.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

from pg8000.exceptions import DatabaseError
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000

from sluice import request_context
from sluice.db.driver.tenant_setting import SET_TENANT
from sluice.db.driver.transport import open_socket
from sluice.settings import TlsMode

FAILED_TRANSACTION = b"E"  # the status in the protocol


def connect(
    *,
    tls: TlsMode,
    ca_file: str,
    connect_timeout: float,
    socket_timeout: float | None,
    startup: Mapping[str, str],
    sets_tenant: bool,
    **options: Any,
) -> Any:
    """Return a connection of stock pg8000. `options` are those of its constructor."""
    legacy = import_module("pg8000.legacy")
    connection_class = _tenant_connection(legacy) if sets_tenant else legacy.Connection
    usock = open_socket(
        options["host"],
        options["port"],
        tls=tls,
        ca_file=ca_file,
        connect_timeout=connect_timeout,
    )
    try:
        connection = connection_class(
            **options, startup_params=dict(startup), sock=usock, ssl_context=False
        )
    except BaseException:
        usock.close()
        raise
    usock.settimeout(socket_timeout)
    return connection


@cache
def _tenant_connection(legacy: Any) -> Any:
    """Return stock pg8000's connection class, with cursors that set the request's tenant."""

    class TenantCursor(legacy.Cursor):  # type: ignore[misc]
        """A cursor that sets the tenant before each statement, unless the transaction failed."""

        def execute(self, operation: str, args: Any = (), stream: Any = None) -> Any:
            if getattr(self._c, "_transaction_status", None) != FAILED_TRANSACTION:
                setter = legacy.Cursor(self._c, paramstyle="format")
                setter.execute(SET_TENANT.replace("$1", "%s"), (request_context.current().tenant,))
            return super().execute(operation, args, stream)

    class TenantConnection(legacy.Connection):  # type: ignore[misc]
        def cursor(self) -> Any:
            return TenantCursor(self)

    return TenantConnection


class StockDialect(PGDialect_pg8000):
    """SQLAlchemy's dialect, with what is certain about a connection after an error."""

    driver = "sluice_stock"
    supports_statement_cache = True

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        # After a server's report, all responses have been read. After any other error, such as a
        # timeout or an unreadable value, some may still be in the socket.
        return not isinstance(e, DatabaseError)

    def do_terminate(self, dbapi_connection: Any) -> None:
        # Called only for broken connections. The pool would log a traceback for an error in closing
        # one. The interpreter would print another when it collects a stream with unsent data.
        stream: Any = getattr(dbapi_connection, "_sock", None)
        for broken in (dbapi_connection, stream):
            with suppress(Exception):
                broken.close()

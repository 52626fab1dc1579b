"""Check the version of pg8000, and fall back to stock pg8000 with an unknown one.

`PipelinedConnection` uses internals of pg8000, which the layer pins. If another version is
installed, SQLAlchemy's dialect is used instead: correct, but slower. This module imports nothing
of pg8000 that another version could lack.
"""

from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

from pg8000.exceptions import DatabaseError
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000

from sluice import request_context
from sluice.db.driver.tenant_setting import SET_TENANT
from sluice.db.driver.transport import open_socket

FAILED_TRANSACTION = b"E"  # the status in the protocol

_SUPPORTED = "1.31"
_REQUIRED_INTERNALS = {
    "pg8000.core": (
        "CoreConnection Context EXECUTE_MSG SYNC_MSG TERMINATE_MSG READY_FOR_QUERY"
        " H_pack ci_unpack i_pack"
    ),
    "pg8000.legacy": "Connection Cursor IntegrityError ProgrammingError",
    "pg8000.dbapi": "convert_paramstyle",
    "pg8000.converters": "make_params",
}
_REQUIRED_METHODS = (
    "execute_simple execute_unnamed handle_messages handle_COMMAND_COMPLETE"
    " commit rollback cursor close"
)


def unsupported_reason(installed: str | None = None) -> str | None:
    """Return why `PipelinedConnection` must not be used with this pg8000, or None if it may.

    `installed` is a version, by default that of the installed package.
    """
    installed = installed or version("pg8000")
    if installed != _SUPPORTED and not installed.startswith(_SUPPORTED + "."):
        return f"pg8000 {installed} is not {_SUPPORTED}"
    for module, names in _REQUIRED_INTERNALS.items():
        for name in names.split():
            if not hasattr(import_module(module), name):
                return f"{module}.{name} is missing"
    connection = import_module("pg8000.legacy").Connection
    for name in _REQUIRED_METHODS.split():
        if not hasattr(connection, name):
            return f"Connection.{name} is missing"
    return None


@cache
def _tenant_connection(legacy: Any) -> Any:
    """Return stock pg8000's connection class, with cursors that set the request's tenant."""

    class TenantCursor(legacy.Cursor):  # type: ignore[misc]
        """A cursor that sets the tenant before each statement, unless the transaction failed."""

        def execute(self, operation: str, args: Any = (), stream: Any = None) -> Any:
            if getattr(self._c, "_transaction_status", None) != FAILED_TRANSACTION:
                setter = legacy.Cursor(self._c, paramstyle="format")
                setter.execute(SET_TENANT.format("%s"), (request_context.current().tenant,))
            return super().execute(operation, args, stream)

    class TenantConnection(legacy.Connection):  # type: ignore[misc]
        def cursor(self) -> Any:
            return TenantCursor(self)

    return TenantConnection


class StockDialect(PGDialect_pg8000):
    """Stock pg8000 and SQLAlchemy over Sluice's socket and TLS: `postgresql+sluice_stock`."""

    driver = "sluice_stock"
    supports_statement_cache = True

    def connect(self, *args: Any, **options: Any) -> Any:
        socket_timeout = options.pop("socket_timeout")
        legacy = import_module("pg8000.legacy")
        sets_tenant = options.pop("sets_tenant")
        options["startup_params"] = dict(options.pop("startup"))
        usock = open_socket(
            options["host"],
            options["port"],
            tls=options.pop("tls"),
            ca_file=options.pop("ca_file"),
            connect_timeout=options.pop("connect_timeout"),
        )
        try:
            connection_class = _tenant_connection(legacy) if sets_tenant else legacy.Connection
            connection = connection_class(**options, sock=usock, ssl_context=False)
        except BaseException:
            usock.close()
            raise
        usock.settimeout(socket_timeout)
        return connection

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


# Registered by name, so that an unsupported pg8000 never imports the pipelined connection.
registry.register("postgresql.sluice", "sluice.db.driver.dialect", "SluiceDialect")
registry.register("postgresql.sluice_stock", __name__, "StockDialect")

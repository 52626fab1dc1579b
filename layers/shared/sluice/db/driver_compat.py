"""Is the installed pg8000 the one that our connection knows, and what serves when it is not?

The layer pins pg8000, so the stock dialect here is the parachute of somebody who changed the pin: slower, and right.
This module imports nothing of pg8000 that could be missing.
"""

from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from typing import Any

from pg8000.exceptions import DatabaseError
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000

from sluice.db.transport import open_socket

_KNOWN = "1.31"
_LEANED_ON = {
    "pg8000.core": "CoreConnection Context EXECUTE_MSG SYNC_MSG TERMINATE_MSG READY_FOR_QUERY H_pack ci_unpack i_pack",
    "pg8000.legacy": "Connection Cursor IntegrityError ProgrammingError",
    "pg8000.dbapi": "convert_paramstyle",
    "pg8000.converters": "make_params",
}
_METHODS = "execute_simple execute_unnamed handle_messages handle_COMMAND_COMPLETE commit rollback cursor close"


def unsupported_reason(installed: str | None = None) -> str | None:
    """Why `PipelinedConnection` must not be used with this pg8000, or None when all is well. Call before connecting."""
    installed = installed or version("pg8000")
    if installed != _KNOWN and not installed.startswith(_KNOWN + "."):
        return f"pg8000 {installed} is not {_KNOWN}"
    for module, names in _LEANED_ON.items():
        for name in names.split():
            if not hasattr(import_module(module), name):
                return f"{module}.{name} is gone"
    connection = import_module("pg8000.legacy").Connection
    return next(
        (
            f"Connection.{name} is gone"
            for name in _METHODS.split()
            if not hasattr(connection, name)
        ),
        None,
    )


class StockDialect(PGDialect_pg8000):
    """Stock pg8000 and SQLAlchemy, over our own socket and TLS: `postgresql+sluice_stock`."""

    driver = "sluice_stock"
    supports_statement_cache = True

    def connect(self, *args: Any, **options: Any) -> Any:
        connect_timeout, socket_timeout = (
            options.pop("connect_timeout"),
            options.pop("socket_timeout"),
        )
        tls, ca_file = options.pop("tls"), options.pop("ca_file")
        options["startup_params"] = dict(options.pop("startup"))
        usock = open_socket(
            options["host"],
            options["port"],
            tls=tls,
            ca_file=ca_file,
            connect_timeout=connect_timeout,
        )
        try:
            connection = import_module("pg8000.legacy").Connection(
                **options, sock=usock, ssl_context=False
            )
        except BaseException:
            usock.close()
            raise
        usock.settimeout(socket_timeout)
        return connection

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        # What the server did not say itself (a timeout, an unreadable value) left answers behind in the socket.
        return not isinstance(e, DatabaseError)

    def do_terminate(self, dbapi_connection: Any) -> None:
        # Only called for connections known to be broken. The pool would log a traceback of each that does not close
        # without a word, and the interpreter one more when the unsent rest in its stream is collected.
        stream: Any = getattr(dbapi_connection, "_sock", None)
        for broken in (dbapi_connection, stream):
            with suppress(Exception):
                broken.close()


# By name, so that the pipelined connection is not even imported where it cannot serve.
registry.register("postgresql.sluice", "sluice.db.dialect", "SluiceDialect")
registry.register("postgresql.sluice_stock", __name__, "StockDialect")

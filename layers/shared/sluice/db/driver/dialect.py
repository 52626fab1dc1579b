"""SQLAlchemy's dialect for `PipelinedConnection`: `postgresql+sluice`.

It adds no statements. SQLAlchemy's pg8000 dialect needs ten round trips on the first connection of
a pool and eight for a one-row read. Here the server's version comes from its parameter statuses,
and the isolation level is sent with the next BEGIN.
"""

import re
from typing import Any

from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DisconnectionError

from sluice.db.driver.transport import is_disconnect


class SluiceDialect(PGDialect_pg8000):
    """A dialect whose pre-ping replaces connections that were idle for over `max_idle` seconds.

    With `owns_connections=False` it closes none: the connections are those of a DriverPool.
    """

    driver = "sluice"
    supports_statement_cache = True

    def __init__(
        self, max_idle: float = 240.0, owns_connections: bool = True, **options: Any
    ) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self.max_idle = max_idle
        self._owns_connections = owns_connections
        self._is_first_rollback = False

    def initialize(self, connection: Connection) -> None:
        """Set the properties of the server that SQLAlchemy needs, without its nine round trips.

        SQLAlchemy calls it once for each engine.
        """
        self._is_first_rollback = True
        driver_connection = connection.connection.dbapi_connection
        statuses: dict[str, str] = driver_connection.parameter_statuses  # type: ignore[union-attr]
        number = statuses["server_version"].split()[0]
        version = tuple(int(part) for part in re.findall(r"\d+", number))
        self.server_version_info = version
        self.default_schema_name = "public"
        self.default_isolation_level = "READ COMMITTED"
        self._backslash_escapes = statuses.get("standard_conforming_strings") == "off"
        # PGDialect.initialize derives more, but its defaults are those of the newest version. Only
        # these two differ between the versions that Sluice supports.
        self._supports_jsonb_subscripting = version >= (14,)
        self.supports_virtual_generated_columns = version >= (18,)

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        if dbapi_connection.autocommit:
            return "AUTOCOMMIT"
        return dbapi_connection.isolation_level or self.default_isolation_level

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        dbapi_connection.autocommit = level == "AUTOCOMMIT"
        dbapi_connection.isolation_level = None if level == "AUTOCOMMIT" else level

    def reset_isolation_level(self, dbapi_connection: Any) -> None:
        dbapi_connection.autocommit = False
        dbapi_connection.isolation_level = None

    def set_readonly(self, connection: Any, value: bool) -> None:
        connection.read_only = value

    def get_readonly(self, connection: Any) -> bool:
        return bool(connection.read_only)

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Check an idle connection without a round trip.

        Raise DisconnectionError, so that the pool replaces only this connection.
        """
        if dbapi_connection.is_alive(self.max_idle):
            return True
        raise DisconnectionError("the connection was idle for too long, or the server closed it")

    def do_rollback(self, dbapi_connection: Any) -> None:
        # SQLAlchemy rolls back after `initialize`, which has sent nothing. The transaction may be
        # that of a use case which has just asked for a session.
        if self._is_first_rollback:
            self._is_first_rollback = False
        else:
            super().do_rollback(dbapi_connection)  # type: ignore[no-untyped-call]

    def do_close(self, dbapi_connection: Any) -> None:
        if self._owns_connections:
            dbapi_connection.close()

    def do_terminate(self, dbapi_connection: Any) -> None:
        if self._owns_connections:
            dbapi_connection.close_socket()

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        return is_disconnect(e, getattr(connection, "dbapi_connection", connection))

"""SQLAlchemy's dialect over `PipelinedConnection`: `postgresql+sluice`. It never asks the server about itself.

Stock spends ten round trips on a pool's first connection and eight on a one-row read. What it asks for is in the
server's greeting, and what it sets (isolation, autocommit) rides in the next BEGIN.
"""

import re
from typing import Any

from pg8000.exceptions import InterfaceError
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DisconnectionError

from sluice.db.connection import PipelinedConnection
from sluice.db.transport import DISCONNECT_MESSAGES


class SluiceDialect(PGDialect_pg8000):
    """`max_idle` is the age in seconds after which the pool's pre-ping replaces an idle connection unasked."""

    driver = "sluice"
    supports_statement_cache = True

    def __init__(self, max_idle: float = 240.0, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self.max_idle = max_idle

    def connect(self, *args: Any, **options: Any) -> Any:
        return PipelinedConnection(*args, **options)

    def initialize(self, connection: Connection) -> None:
        """Once for each engine. `super()` would probe: nine round trips."""
        greeting: dict[str, str] = connection.connection.dbapi_connection.parameter_statuses  # type: ignore[union-attr]
        version = tuple(
            int(part) for part in re.findall(r"\d+", greeting["server_version"].split()[0])
        )
        self.server_version_info = version
        self.default_schema_name = "public"
        self.default_isolation_level = "READ COMMITTED"
        self._backslash_escapes = greeting.get("standard_conforming_strings") == "off"
        # The rest of what PGDialect.initialize derives; its defaults are those of the newest version but for these.
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
        dbapi_connection.autocommit, dbapi_connection.isolation_level = False, None

    def set_readonly(self, connection: Any, value: bool) -> None:
        connection.read_only = value

    def get_readonly(self, connection: Any) -> bool:
        return bool(connection.read_only)

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Zero round trips. An idle connection grown old says nothing about the others: only it is replaced."""
        if dbapi_connection.is_alive(self.max_idle):
            return True
        raise DisconnectionError("the connection was idle for too long, or the server closed it")

    def do_terminate(self, dbapi_connection: Any) -> None:
        dbapi_connection.close_socket()

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """A connection that closed its own socket is as gone as one the server closed."""
        driver = getattr(connection, "dbapi_connection", connection)
        return getattr(driver, "closed", False) or (
            isinstance(e, InterfaceError) and str(e) in DISCONNECT_MESSAGES
        )

"""The analyst role's connections to the primary and to the replica, opened by the first query."""

import logging
import threading
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from sluice import errors, tenants
from sluice.adhoc_sql.catalogue import Catalogue
from sluice.adhoc_sql.database import AdhocSqlDatabase
from sluice.adhoc_sql.service import AdhocSqlService
from sluice.db.breaker import CircuitBreaker
from sluice.db.passwords import password_provider
from sluice.db.pools import make_pool
from sluice.query import Query
from sluice.settings import AdhocSqlSettings, DatabaseSettings, Settings
from sluice.tenant_errors import RlsRequired

if TYPE_CHECKING:
    from sluice.db.replica import Replica

NOT_SEPARATED = "The query reads rows of tenants, which PostgreSQL does not separate here:"

_log = logging.getLogger(__name__)


class AdhocSqlDatabases:
    """Runs ad-hoc queries on the replica if there is one, and else on the primary.

    Without a catalogue there is no table to read, and every query is NotFound.
    """

    def __init__(
        self,
        settings: Settings,
        replica: "Replica | None",
        catalogue: Catalogue | None,
        *,
        row_security: bool = False,
    ) -> None:
        self._settings = settings
        self._replica = replica
        self._catalogue = catalogue
        self._row_security = row_security
        self._protected: set[str] = set()  # tables of tenants that policies protect
        # A breaker is of one server. Two servers may have one address, while there is no replica.
        self._databases: dict[tuple[DatabaseSettings, CircuitBreaker | None], AdhocSqlDatabase] = {}
        self._lock = threading.Lock()

    def run(self, sql: str, max_rows: int) -> str:
        """Return the JSON of a query's result.

        Raise NotFound or NotSetUp without the analyst's role or a catalogue, and what
        `AdhocSqlService.execute` raises.
        """
        server, replica = self._settings.replica, self._replica
        if server is None or replica is None:  # no replica, or a driver that reports no LSN
            return self.on_primary().execute(sql, max_rows)
        return replica.read(
            lambda check: self._on_replica(server, replica, check).execute(sql, max_rows),
            lambda: self.on_primary().execute(sql, max_rows),
        )

    def on_primary(self) -> AdhocSqlService:
        """Return the service on the primary. Raise NotFound or NotSetUp as `run` does."""
        # No breaker: a wrong password of the analyst's role must not affect the other routes.
        return self._service(self._analyst().database, breaker=None, before=None)

    def dispose(self) -> None:
        """Close all connections. The next query opens new ones."""
        with self._lock:
            databases = [*self._databases.values()]
        for database in databases:
            database.dispose()

    def _on_replica(
        self, server: DatabaseSettings, replica: "Replica", check: Query | None
    ) -> AdhocSqlService:
        analyst = self._analyst().database
        role = analyst._replace(
            host=server.host, port=server.port, deadline_share=server.deadline_share
        )
        return self._service(role, replica.database.breaker, before=check)

    def _service(
        self,
        role: DatabaseSettings,
        breaker: CircuitBreaker | None,
        before: Query | None,
    ) -> AdhocSqlService:
        if self._catalogue is None:
            raise errors.NotFound("Ad-hoc SQL is not set up here: the application names no tables")
        settings = self._analyst()
        database = self._database(role, breaker)
        return AdhocSqlService(
            partial(database.transaction, before=before),
            self._catalogue,
            settings.max_cost,
            settings.timeout,
            partial(self._require_protected, database),
        )

    def _require_protected(self, database: AdhocSqlDatabase, tables: Collection[str]) -> None:
        """Raise NoTenant without a tenant, and RlsRequired unless policies protect these tables.

        The catalogue is read once for each table and execution environment.
        """
        if not tables:
            return
        tenants.require()
        if not self._row_security:
            raise RlsRequired(f"{NOT_SEPARATED} row-level security is off")
        if unknown := sorted({*tables} - self._protected):
            if found := database.unprotected(unknown):
                _log.warning("analysts may not query tables of tenants: %s", found)
                raise RlsRequired(f"{NOT_SEPARATED} it does not apply to the role of analysts")
            self._protected.update(unknown)

    def _database(self, role: DatabaseSettings, breaker: CircuitBreaker | None) -> AdhocSqlDatabase:
        key = (role, breaker)
        with self._lock:
            if key not in self._databases:
                provider = password_provider(self._settings.aws, role)
                pool = partial(
                    make_pool,
                    role,
                    "function",
                    password_provider=provider,
                    breaker=breaker,
                    sets_tenant=self._row_security,
                )
                self._databases[key] = AdhocSqlDatabase(pool)
            return self._databases[key]

    def _analyst(self) -> AdhocSqlSettings:
        """Return the role's settings. Raise NotSetUp or NotFound without them."""
        settings = self._settings.adhoc_sql
        if settings is None and not self._settings.database.migrated:
            raise errors.NotSetUp("Ad-hoc SQL needs the role sluice_analyst: run make migrate")
        if settings is None:
            raise errors.NotFound("Ad-hoc SQL is not set up here: it needs a database role")
        return settings

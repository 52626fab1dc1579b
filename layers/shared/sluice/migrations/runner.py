"""Migrates a database: the schema `sluice`, then the tables of an application if one is named.

A run is one transaction, so a run that is killed changes nothing. A second run waits for the first.
A migration can run again at any time: it applies what is new, grants what is missing, and sets the
roles' settings again. It changes nothing that it did not make, except that it grants privileges,
which it records in `sluice.grants`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from alembic import command
from sqlalchemy import Connection, Engine

from sluice.db.engine import make_engine
from sluice.errors import SluiceError
from sluice.migrations import applications, grants
from sluice.migrations.pending import PendingChanges
from sluice.settings import ANALYST_CONNECTIONS, DatabaseSettings

# A migration of another database may change the same role at the same time.
MAX_ATTEMPTS = 5
CONCURRENT_UPDATE = "XX000"  # "tuple concurrently updated"
ALREADY_EXISTS = ("23505", "42710")
INSUFFICIENT_PRIVILEGE = ("42501", "0LP01")

# The owner's settings must not change the result. No timeout ends the wait for another run, and the
# search path does not decide which objects the names mean.
TRANSACTION_SETTINGS = (
    "SET TRANSACTION READ WRITE",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL search_path = pg_catalog, pg_temp",
)
# A lock of the transaction, not of the session, so that it works through a transaction pooler.
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtext('sluice.migrate'))"


class MissingPrivilege(Exception):
    """The user lacks a privilege for the migration. An administrator can run `statements`."""

    def __init__(self, message: str, statements: Iterable[str]) -> None:
        super().__init__(message)
        self.statements = tuple(statements)


@dataclass(slots=True)
class MigrationResult:
    """The revision of "sluice" and of the application.

    `for_administrator` are statements that the user may not run. The migration succeeds without
    them.
    """

    revisions: dict[str, str] = field(default_factory=dict)
    for_administrator: list[str] = field(default_factory=list)


def migrate_url(
    url: str, app: str = "", *, analyst_connections: int = ANALYST_CONNECTIONS
) -> MigrationResult:
    """Migrate the database at the URL of its owner."""
    engine = make_engine(DatabaseSettings.from_url(url), "batch")
    return migrate(engine, app, analyst_connections=analyst_connections)


def migrate(
    engine: Engine, app: str = "", *, analyst_connections: int = ANALYST_CONNECTIONS
) -> MigrationResult:
    """Migrate the database as the engine's user, and dispose of the engine.

    Raises UnknownApplication, MissingPrivilege and SluiceErrors.
    """
    applications.check_application(app)
    try:
        with engine.begin() as connection:
            return _MigrationRun(connection, app, analyst_connections).run_all()
    finally:
        engine.dispose()


class MigrationSession:
    """The transaction of a migration, in which statements can run in savepoints."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        for statement in (*TRANSACTION_SETTINGS, LOCK_SQL):
            self.run(statement)

    def run(self, statement: str) -> None:
        self.connection.exec_driver_sql(statement)

    def query_value(self, query: str) -> Any:
        return self.connection.exec_driver_sql(query).scalar()

    def attempt(self, *statements: str) -> bool:
        """Run statements in a savepoint. Return False if the user lacks a privilege."""
        attempts = 0
        while True:
            attempts += 1
            try:
                with self.connection.begin_nested():
                    for statement in statements:
                        self.run(statement)
            except SluiceError as error:
                state = sqlstate(error)
                if state in INSUFFICIENT_PRIVILEGE:
                    return False
                if state in ALREADY_EXISTS and statements[0].startswith("CREATE ROLE"):
                    return True
                if state != CONCURRENT_UPDATE or attempts == MAX_ATTEMPTS:
                    raise
            else:
                return True


class _MigrationRun(MigrationSession):
    def __init__(self, connection: Connection, app: str, analyst_connections: int) -> None:
        super().__init__(connection)
        self._app = app
        self._analyst_connections = analyst_connections
        self._pending = PendingChanges(self.query_value)
        self._result = MigrationResult()

    def run_all(self) -> MigrationResult:
        self._create_roles()
        self._create_schema()
        self._upgrade(applications.SLUICE)
        if self._app and applications.has_versions(self._app):
            self._check_public_schema()
            self._upgrade(self._app)
        self._grant()
        self._configure_roles()
        return self._result

    def _create_roles(self) -> None:
        missing = list(self._pending.roles())
        created = [self.attempt(create, mark) for create, mark in missing]
        if all(created):
            return
        # Include everything that an administrator has to run, so that one request is enough.
        statements = [create for create, _ in missing]
        statements += [statement for statement, is_default in self._settings() if not is_default]
        statements += [
            self._pending.missing_create_privilege("DATABASE", self._pending.database),
            self._pending.connection_limit(self._analyst_connections),
        ]
        raise MissingPrivilege("it may not create roles", filter(None, statements))

    def _create_schema(self) -> None:
        if not self._pending.has_schema() and not self.attempt("CREATE SCHEMA sluice"):
            grant = self._pending.missing_create_privilege("DATABASE", self._pending.database)
            raise MissingPrivilege("it may not create a schema in this database", [grant])

    def _check_public_schema(self) -> None:
        """Raise MissingPrivilege if the application's first migration may not create tables.

        Not every owner of a database may create tables in `public`.
        """
        grant = self._pending.missing_create_privilege("SCHEMA", "public")
        if grant and not self._pending.revision(applications.version_table(self._app)):
            raise MissingPrivilege("it may not create tables in the schema public", [grant])

    def _upgrade(self, app: str) -> None:
        command.upgrade(applications.config(app, connection=self.connection), "head")
        revision = self._pending.revision(applications.version_table(app))
        self._result.revisions[app or "sluice"] = revision
        if not app:
            self.run(grants.GRANTS_TABLE)

    def _grant(self) -> None:
        required = grants.required(
            self._pending.database, applications.application_grants(self._app)
        )
        for grant in self._pending.privileges(required):
            grant_statement, record_statement = grant.statements()
            # PostgreSQL may send a warning instead of an error, so check the privilege.
            if self.attempt(grant_statement) and self._pending.is_granted(grant):
                self.run(record_statement)
            else:
                self._result.for_administrator.append(grant_statement)

    def _settings(self) -> Iterator[tuple[str, bool]]:
        return self._pending.settings(applications.search_path(self._app))

    def _configure_roles(self) -> None:
        for statement, is_default in list(self._settings()):
            if not self.attempt(statement) and not is_default:
                self._result.for_administrator.append(statement)
        limit = self._pending.connection_limit(self._analyst_connections)
        if limit and not self.attempt(limit):
            self._result.for_administrator.append(limit)


def sqlstate(error: SluiceError) -> str:
    """Return the SQLSTATE of the cause of `error`; empty if the cause is not a server error."""
    return server_error_fields(error).get("C", "")


def server_error_fields(error: SluiceError) -> dict[str, str]:
    """Return the fields of the server's ErrorResponse that caused `error`, by their letters."""
    cause = error.__cause__
    fields = cause.args[0] if cause is not None and cause.args else None
    return dict(fields) if isinstance(fields, dict) else {}

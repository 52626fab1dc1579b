"""Migrates a database: the schema `sluice`, then the tables of an application if one is named.

A run is one transaction, and a second run waits for it: a run that is killed leaves nothing. It may run again at any
time; then it applies what is new, grants what is missing, and sets the roles' settings again. It grants, revokes and
changes nothing that it did not make, except the privileges that it records in `sluice.grants`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from alembic import command
from sqlalchemy import Connection, Engine

from sluice.db.engine import make_engine
from sluice.errors import SluiceError
from sluice.migrations import applications, grants, roles
from sluice.migrations.pending import PendingChanges
from sluice.settings import DatabaseSettings

ATTEMPTS = 5  # at a role that another database's migration changes at this moment
CHANGED_MEANWHILE = "XX000"  # "tuple concurrently updated"
CREATED_MEANWHILE = ("23505", "42710")
FORBIDDEN = ("42501", "0LP01")

# The owner's defaults must not decide what happens: a second run waits as long as the first one takes, and names mean
# what they say, whatever the search path would find first.
BEGIN = (
    "SET TRANSACTION READ WRITE",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL search_path = pg_catalog, pg_temp",
)
# Of the transaction, not of the session, so that it also works through a transaction pooler.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('sluice.migrate'))"


class MissingPrivilege(Exception):
    """The database refuses what the migration cannot do without. `statements` are for an administrator to run."""

    def __init__(self, message: str, statements: Iterable[str]) -> None:
        super().__init__(message)
        self.statements = tuple(statements)


@dataclass(slots=True)
class MigrationResult:
    """The revision of each set of migrations, and the statements that the migrating user may not run."""

    revisions: dict[str, str] = field(default_factory=dict)
    for_administrator: list[str] = field(default_factory=list)


def migrate_url(
    url: str, app: str = "", *, analyst_connections: int = roles.ANALYST_CONNECTION_LIMIT
) -> MigrationResult:
    """Migrate the database at the owner's `url`."""
    engine = make_engine(DatabaseSettings.from_url(url), "batch")
    return migrate(engine, app, analyst_connections=analyst_connections)


def migrate(
    engine: Engine, app: str = "", *, analyst_connections: int = roles.ANALYST_CONNECTION_LIMIT
) -> MigrationResult:
    """Migrate, as the engine's user, and dispose of the engine. UnknownApplication, MissingPrivilege, SluiceError."""
    applications.check_application(app)
    try:
        with engine.begin() as connection:
            return _Run(connection, app, analyst_connections).run_all()
    finally:
        engine.dispose()


class MigrationSession:
    """A connection that runs migrations' statements, each of which may be tried in a savepoint."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        for statement in (*BEGIN, LOCK):
            self.run(statement)

    def run(self, statement: str) -> None:
        self.connection.exec_driver_sql(statement)

    def ask(self, query: str) -> Any:
        return self.connection.exec_driver_sql(query).scalar()

    def attempt(self, *statements: str) -> bool:
        """Run statements in a savepoint. False: the user may not."""
        attempts = 0
        while True:
            attempts += 1
            try:
                with self.connection.begin_nested():
                    for statement in statements:
                        self.run(statement)
            except SluiceError as error:
                state = sqlstate(error)
                if state in FORBIDDEN:
                    return False
                if state in CREATED_MEANWHILE and statements[0].startswith("CREATE ROLE"):
                    return True
                if state != CHANGED_MEANWHILE or attempts == ATTEMPTS:
                    raise
            else:
                return True


class _Run(MigrationSession):
    def __init__(self, connection: Connection, app: str, analyst_connections: int) -> None:
        super().__init__(connection)
        self._app = app
        self._analyst_connections = analyst_connections
        self._pending = PendingChanges(self.ask)
        self._done = MigrationResult()

    def run_all(self) -> MigrationResult:
        self._create_roles()
        self._create_schema()
        self._upgrade(applications.ENGINE)
        if self._app and applications.has_versions(self._app):
            self._check_public()
            self._upgrade(self._app)
        self._grant()
        self._configure()
        return self._done

    def _create_roles(self) -> None:
        missing = list(self._pending.roles())
        created = [self.attempt(create, mark) for create, mark in missing]
        if not all(created):
            # With what the roles would be given next, so that an administrator is asked only once.
            statements = [create for create, _ in missing]
            statements += [
                statement for statement, default in self._pending.settings() if not default
            ]
            statements += [self._pending.may_create("DATABASE", self._pending.database)]
            statements += [self._pending.connection_limit(self._analyst_connections)]
            raise MissingPrivilege("it may not create roles", filter(None, statements))

    def _create_schema(self) -> None:
        if not self._pending.has_schema() and not self.attempt("CREATE SCHEMA sluice"):
            missing = self._pending.may_create("DATABASE", self._pending.database)
            raise MissingPrivilege("it may not create a schema in this database", [missing])

    def _check_public(self) -> None:
        """An application's first migration creates tables in `public`, which not every owner of a database may."""
        missing = self._pending.may_create("SCHEMA", "public")
        if missing and not self._pending.revision(applications.version_table(self._app)):
            raise MissingPrivilege("it may not create tables in the schema public", [missing])

    def _upgrade(self, app: str) -> None:
        command.upgrade(applications.config(app, connection=self.connection), "head")
        self._done.revisions[app or "sluice"] = self._pending.revision(
            applications.version_table(app)
        )
        if not app:
            self.run(grants.RECORD)

    def _grant(self) -> None:
        for grant in self._pending.privileges(
            grants.wanted(self._pending.database, applications.application_grants(self._app))
        ):
            give, record = grant.statements()
            if self.attempt(give) and self._pending.is_granted(
                grant
            ):  # some refusals are only warnings
                self.run(record)
            else:
                self._done.for_administrator.append(give)

    def _configure(self) -> None:
        for statement, default in list(self._pending.settings()):
            if not self.attempt(statement) and not default:
                self._done.for_administrator.append(statement)
        limit = self._pending.connection_limit(self._analyst_connections)
        if limit and not self.attempt(limit):
            self._done.for_administrator.append(limit)


def sqlstate(error: SluiceError) -> str:
    """The server's code for what caused `error`; empty where it was not the server."""
    return server_error_fields(error).get("C", "")


def server_error_fields(error: SluiceError) -> dict[str, str]:
    """What the server said of the cause of `error`, by the letters of the protocol."""
    cause = error.__cause__
    found = cause.args[0] if cause is not None and cause.args else None
    return dict(found) if isinstance(found, dict) else {}

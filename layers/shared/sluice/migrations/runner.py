"""Migrates a database: the schema `sluice`, then the tables of an application if one is named.

A run is one transaction, and a second run waits for it: a run that is killed leaves nothing. It may run again at any
time; then it applies what is new, grants what is missing, and sets the roles' settings again. It grants, revokes and
changes nothing that it did not make, except the privileges that it records in `sluice.grants`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

from sluice.db.engine import make_engine
from sluice.errors import SluiceError
from sluice.migrations import grants, roles
from sluice.settings import DatabaseSettings

HERE = Path(__file__).parent
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
GIVEN_SETTINGS = """
    SELECT s.setconfig FROM pg_catalog.pg_db_role_setting s
    JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
    JOIN pg_catalog.pg_roles r ON r.oid = s.setrole AND r.rolname = {role}
"""
SERVER_VALUE = "SELECT reset_val FROM pg_catalog.pg_settings WHERE name = {name}"
# Of the transaction, not of the session, so that it also works through a transaction pooler.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('sluice.migrate'))"


class UnknownApplication(Exception):
    """There is no application of that name here."""


class MissingPrivilege(Exception):
    """The database refuses what the migration cannot do without. `statements` are for an administrator to run."""

    def __init__(self, message: str, statements: Iterable[str]) -> None:
        super().__init__(message)
        self.statements = tuple(statements)


@dataclass(slots=True)
class Migrated:
    """The revision of each set of migrations, and what the migrating user may not do."""

    revisions: dict[str, str] = field(default_factory=dict)
    for_administrator: list[str] = field(default_factory=list)


def migrate_url(url: str, app: str = "", *, analyst_connections: int = roles.ANALYST_CONNECTIONS) -> Migrated:
    """Migrate the database at the owner's `url`."""
    engine = make_engine(DatabaseSettings.from_url(url), "batch")
    return migrate(engine, app, analyst_connections=analyst_connections)


def migrate(engine: Engine, app: str = "", *, analyst_connections: int = roles.ANALYST_CONNECTIONS) -> Migrated:
    """Migrate, as the engine's user, and dispose of the engine. UnknownApplication, MissingPrivilege, SluiceError."""
    check_application(app)
    try:
        with engine.begin() as connection:
            return _Run(connection, app, analyst_connections).run()
    finally:
        engine.dispose()


def check_application(app: str) -> None:
    """Raise UnknownApplication unless `app` is empty or an application that is installed here."""
    known = re.fullmatch("[a-z][a-z0-9_]*", app) and app != "sluice" and find_spec(app) is not None
    if app and not (known and find_spec(f"{app}.migrations") is not None):
        raise UnknownApplication(f"there is no application {app!r}")


def version_table(app: str) -> str:
    """Where Alembic keeps the revision; in the schema `sluice`."""
    return f"{app}_version" if app else "version"


def alembic_config(app: str, **attributes: object) -> Config | None:
    """How Alembic runs the migrations of `app`, or of the engine; None where an application has none."""
    versions = HERE / "versions"
    if app:
        versions = Path(next(iter(import_module(f"{app}.migrations").__path__))) / "versions"
        if not versions.is_dir():
            return None
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(versions).replace("%", "%%"))
    config.attributes.update(attributes, version_table=version_table(app))
    return config


def application_grants(app: str) -> Iterator[grants.Grant]:
    """What the roles need for `app`."""
    if app and find_spec(f"{app}.migrations.grants") is not None:
        yield from import_module(f"{app}.migrations.grants").GRANTS


class _Run:
    def __init__(self, connection: Connection, app: str, analyst_connections: int) -> None:
        self._connection = connection
        self._app = app
        self._analyst_connections = analyst_connections
        self._done = Migrated()

    def run(self) -> Migrated:
        for statement in (*BEGIN, LOCK):
            self._run(statement)
        database = str(self._ask("SELECT current_database()"))
        self._create_roles()
        self._create_schema(database)
        self._upgrade("")
        if self._app:
            self._upgrade(self._app)
        self._grant((*grants.ENGINE, *grants.on_database(database), *application_grants(self._app)))
        self._configure(database)
        return self._done

    def _create_roles(self) -> None:
        missing = [role for role in roles.ROLES if not self._ask(_exists("pg_roles", "rolname", role))]
        statements = [roles.create_statement(role) for role in missing]
        allowed = [self._try(statement) for statement in statements]
        if not all(allowed):
            raise MissingPrivilege("the user may not create roles", statements)

    def _create_schema(self, database: str) -> None:
        if self._ask(_exists("pg_namespace", "nspname", "sluice")):
            return
        if not self._try("CREATE SCHEMA sluice"):
            user = roles.quoted(str(self._ask("SELECT current_user")))
            wanted = f"GRANT CREATE ON DATABASE {roles.quoted(database)} TO {user}"
            raise MissingPrivilege("the user may not create a schema in this database", [wanted])

    def _upgrade(self, app: str) -> None:
        config = alembic_config(app, connection=self._connection)
        if config is not None:
            command.upgrade(config, "head")
            revision = self._ask(f"SELECT version_num FROM sluice.{version_table(app)}")
            self._done.revisions[app or "sluice"] = str(revision)
        if not app:
            self._run(grants.RECORD)

    def _grant(self, wanted: Iterable[grants.Grant]) -> None:
        for grant in (single for several in wanted for single in several.each()):
            if self._ask(grant.question()):
                continue
            give, record = grant.statements()
            if self._try(give) and self._ask(grant.question()):  # a GRANT of what one may not grant is a mere warning
                self._run(record)
            else:
                self._done.for_administrator.append(give)

    def _configure(self, database: str) -> None:
        known = self._ask(roles.KNOWN)
        for role in roles.ROLES:
            given = set(self._ask(GIVEN_SETTINGS.format(role=roles.literal(role))) or ())
            for name, value in roles.settings(role, known).items():
                statement = roles.setting_statement(database, role, name, value)
                if f"{name}={value}" in given or self._try(statement):
                    continue
                if self._ask(SERVER_VALUE.format(name=roles.literal(name))) != value:
                    self._done.for_administrator.append(statement)
        limit = f"SELECT rolconnlimit FROM pg_roles WHERE rolname = {roles.literal(roles.ANALYST)}"
        if self._ask(limit) != self._analyst_connections:
            statement = roles.connection_limit_statement(roles.ANALYST, self._analyst_connections)
            if not self._try(statement):
                self._done.for_administrator.append(statement)

    def _run(self, statement: str) -> None:
        self._connection.exec_driver_sql(statement)

    def _ask(self, query: str) -> Any:
        return self._connection.exec_driver_sql(query).scalar()

    def _try(self, statement: str) -> bool:
        """Run a statement in a savepoint. False: the user may not."""
        attempts = 0
        while True:
            attempts += 1
            try:
                with self._connection.begin_nested():
                    self._run(statement)
            except SluiceError as error:
                state = sqlstate(error)
                if state in FORBIDDEN:
                    return False
                if state in CREATED_MEANWHILE and statement.startswith("CREATE ROLE"):
                    return True
                if state != CHANGED_MEANWHILE or attempts == ATTEMPTS:
                    raise
            else:
                return True


def sqlstate(error: SluiceError) -> str:
    """The server's code for what caused `error`; empty where it was not the server."""
    cause = error.__cause__
    report = cause.args[0] if cause is not None and cause.args else None
    return str(report.get("C", "")) if isinstance(report, dict) else ""


def _exists(catalogue: str, column: str, name: str) -> str:
    return f"SELECT EXISTS (SELECT FROM pg_catalog.{catalogue} WHERE {column} = {roles.literal(name)})"

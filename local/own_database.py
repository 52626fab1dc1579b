"""Inspect a database that DATABASE_URL names, and manage temporary login roles in it.

Inspecting changes nothing. Roles are created only in a database for which `make migrate` was run,
and are dropped when the system stops. The roles of a system that crashed are dropped at the next
start of any local system on that server.
"""

import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import pg8000.native
from pg8000.exceptions import DatabaseError, InterfaceError

from local.binaries import MIN_MAJOR_VERSION
from local.database import (
    DatabaseUnusable,
    RoleLogin,
    connect,
    describe,
    error_code,
    settings_from_url,
)
from sluice import application
from sluice.migrations import roles
from sluice.sql.health import EXPECTED_MIGRATION

# A running system holds an advisory lock for each of its roles. The two keys of the lock are this
# number and the eight hexadecimal digits in the role's name.
LOCK_CLASS = 1936484705
ROLE_NAMES_SQL = (
    r"SELECT rolname FROM pg_roles WHERE rolname ~ '^sluice_local_[0-9a-f]{8}$' ORDER BY 1"
)
LOCK_HOLDERS_SQL = """
    SELECT d.datname = current_database() FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND classid = CAST(:class AS bigint)::oid AND objid = CAST(:number AS bigint)::oid
"""
# to_regclass fails for a schema that the user may not use.
INSPECT_SQL = """
    SELECT current_setting('server_version_num')::int, current_setting('server_version'),
        EXISTS (
            SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'sluice' AND c.relname = 'version'
        ),
        CASE WHEN has_schema_privilege(to_regnamespace('sluice')::oid, 'USAGE') THEN
            coalesce(has_table_privilege(to_regclass('sluice.version')::oid, 'SELECT'), false)
            AND coalesce(
                has_table_privilege(to_regclass('sluice.import_jobs')::oid, 'INSERT'), false
            )
        ELSE false END,
        (
            SELECT coalesce(array_agg(name ORDER BY name), '{}')
            FROM unnest(CAST(:tables AS text[])) AS name WHERE to_regclass(name) IS NULL
        )
"""
CHECK_SECONDS = 5.0
INSUFFICIENT_PRIVILEGE = "42501"
# The server needs a moment to end the sessions of functions that were stopped.
DROP_ATTEMPTS = 20
DROP_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class DatabaseContents:
    """The parts of Sluice that a database contains.

    `migrated`: the schema sluice exists. `usable`: the user has the rights to use that schema.
    `newest`: that schema has the version of this release. `missing_tables`: those tables of the
    application that do not exist.
    """

    version: str
    migrated: bool
    usable: bool
    newest: bool
    missing_tables: tuple[str, ...] = ()

    @property
    def has_tables(self) -> bool:
        """Return whether all tables of the application exist."""
        return not self.missing_tables

    def remarks(self, name: str) -> list[str]:
        """Return a sentence for each thing that is missing, with the command that adds it."""
        missing = []
        app = application.current().name
        command = f"APP={app} make migrate DATABASE_URL=…"
        schema_command = command if self.has_tables else "make migrate DATABASE_URL=…"
        if not self.migrated:
            missing.append(
                f"the database {name} does not have the schema sluice, "
                f"so Sluice only reads from it; to add it: {schema_command}  "
                "(PLAN=1 prints the SQL and stops), then restart make run"
            )
        elif self.usable and not self.newest:
            missing.append(
                f"the schema sluice of {name} is of another release; to update it: {schema_command}"
            )
        if self.missing_tables:
            missing.append(_missing_tables(name, app, self.missing_tables, command))
        return missing


def inspect_database(url: str) -> DatabaseContents:
    """Return what the database contains. Raise DatabaseUnusable, also if the server is too old."""
    settings = settings_from_url(url)
    with connect(settings) as connection:
        number, version, migrated, usable, missing_tables = connection.run(
            INSPECT_SQL, tables=_tables(application.current().name)
        )[0]
        if number < MIN_MAJOR_VERSION * 10_000:
            raise DatabaseUnusable(
                f"{describe(settings)} is PostgreSQL {version}; "
                f"{MIN_MAJOR_VERSION} or newer is needed"
            )
        newest = (
            usable
            and connection.run("SELECT version_num FROM sluice.version")[0][0] == EXPECTED_MIGRATION
        )
    return DatabaseContents(version.split()[0], migrated, usable, newest, tuple(missing_tables))


def _missing_tables(database: str, app: str, tables: Sequence[str], command: str) -> str:
    from sluice.migrations.applications import has_versions  # Alembic is slow to load

    if has_versions(app):
        return f"the {app}'s tables are not in the database {database}; to add them: {command}"
    return (
        f"the application {app} declares tables that the database {database} does not have: "
        f"{', '.join(tables)}; create them, or remove their declarations"
    )


def _tables(app: str) -> list[str]:
    """Return the application's tables, qualified: those on which its roles need privileges."""
    from sluice.migrations.applications import application_grants  # Alembic is slow to load

    names = {grant.name for grant in application_grants(app) if grant.kind == "TABLE"}
    return sorted(name for name in names if not name.startswith("sluice."))


class TemporaryRoles:
    """The two login roles of this run, with the rights of `sluice_app` and `sluice_analyst`."""

    def __init__(self, url: str, *, app_password: str, analyst_password: str) -> None:
        self._settings = settings_from_url(url)
        self.app = temporary_role(roles.APP, app_password)
        self.analyst = temporary_role(roles.ANALYST, analyst_password)
        self._connection: pg8000.native.Connection | None = None
        self._checked_at = float("-inf")

    def create(self) -> bool:
        """Create the roles. Return False if the user may not create login roles."""
        try:
            with connect(self._settings) as connection:
                for login in (self.app, self.analyst):
                    _create(connection, login)
        except DatabaseUnusable as error:
            if error_code(error) == INSUFFICIENT_PRIVILEGE:
                self.drop()
                return False
            raise
        return True

    def lock(self) -> None:
        """Hold the advisory locks that mark the roles as in use, until `drop` or the process's end.

        Call it repeatedly: a restart of the server releases the locks.
        """
        if time.monotonic() - self._checked_at < CHECK_SECONDS:
            return
        self._checked_at = time.monotonic()
        if self._connection is not None:
            try:
                self._connection.run("SELECT 1")
            except (DatabaseError, InterfaceError, OSError):
                self._connection = None
            else:
                return
        with connect(self._settings, close=False) as connection:
            # Wait for the locks: the session of a killed system may take a moment to end.
            for login in (self.app, self.analyst):
                connection.run(
                    "SELECT pg_advisory_lock(:class, :number)", **_key(login.role, signed=True)
                )
            self._connection = connection

    def drop(self) -> None:
        """Release the locks and drop the roles. If the server fails, the next start drops them."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(InterfaceError, OSError):  # the server may have closed it
                connection.close()
        try:
            with connect(self._settings) as fresh:
                for login in (self.app, self.analyst):
                    _drop(fresh, login.role)
        except DatabaseUnusable:
            return

    def drop_stale(self) -> None:
        """Drop the temporary roles of systems that no longer run."""
        with connect(self._settings) as connection:
            drop_stale(connection)


def temporary_role(base_role: str, password: str) -> RoleLogin:
    """Return a login role whose name is derived from its password, which is unique to the state."""
    digits = hashlib.sha256(password.encode()).hexdigest()[:8]
    return RoleLogin(base_role, f"sluice_local_{digits}", password)


def drop_stale(connection: pg8000.native.Connection) -> list[str]:
    """Drop the temporary roles that no running system has locked.

    Return the names of the roles that are in use in this database.
    """
    used_here = []
    for (role,) in connection.run(ROLE_NAMES_SQL):
        held = connection.run(LOCK_HOLDERS_SQL, **_key(role))
        if not held:
            _drop(connection, role)
        elif any(here for (here,) in held):
            used_here.append(role)
    return used_here


def _create(connection: pg8000.native.Connection, login: RoleLogin) -> None:
    if not connection.run("SELECT FROM pg_roles WHERE rolname = :role", role=login.role):
        connection.run(f"CREATE ROLE {login.role} LOGIN IN ROLE {login.base_role}")
    database = str(connection.run("SELECT current_database()")[0][0])
    known = connection.run(roles.SERVER_SETTINGS_SQL)[0][0]
    for statement in roles.setting_statements(
        database, login.role, login.base_role, known, application.current().search_path
    ):
        try:
            connection.run(statement)
        except DatabaseError as error:
            # Only a superuser may set some of them: the server's value stays.
            if error.args[0]["C"] != INSUFFICIENT_PRIVILEGE:
                raise
    connection.run(f"ALTER ROLE {login.role} PASSWORD {pg8000.native.literal(login.password)}")


def _drop(connection: pg8000.native.Connection, role: str) -> None:
    """Drop a role if it exists and this user may drop it. Retry while it is still in use."""
    for attempt in range(DROP_ATTEMPTS):
        try:
            connection.run(f"DROP ROLE IF EXISTS {role}")
        except DatabaseError as error:
            if error.args[0]["C"] != "2BP01" or attempt == DROP_ATTEMPTS - 1:
                return
            time.sleep(DROP_PAUSE_SECONDS)
        else:
            return


def _key(role: str, *, signed: bool = False) -> dict[str, int]:
    """Return the keys of the role's advisory lock, as parameters of a statement."""
    number = int(role.rpartition("_")[2], 16)
    return {"class": LOCK_CLASS, "number": number - (number >> 31 << 32) if signed else number}

"""A database that DATABASE_URL names: what is in it, and the login roles that this system creates there.

Looking changes nothing. Login roles are created only in a database for which `make migrate` was run, and are dropped
when the system stops. A system that crashed leaves its roles; the next start of any system on that server drops them.
"""

import hashlib
import time
from contextlib import suppress
from dataclasses import dataclass

import pg8000.native
from pg8000.exceptions import DatabaseError, InterfaceError

from local.binaries import MIN_MAJOR_VERSION
from local.database import (
    ANALYST_ROLE,
    APP_ROLE,
    DatabaseUnusable,
    Login,
    connect,
    error_code,
    place,
    settings_of,
)
from sluice.migrations import roles
from sluice.repositories.health import NEWEST

# A running system holds an advisory lock for each of its roles: this number, and the eight digits of the role's name.
LOCK_CLASS = 1936484705
ROLES = r"SELECT rolname FROM pg_roles WHERE rolname ~ '^sluice_local_[0-9a-f]{8}$' ORDER BY 1"
HELD = """
    SELECT d.datname = current_database() FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND classid = CAST(:class AS bigint)::oid AND objid = CAST(:number AS bigint)::oid
"""
LOOK = """
    SELECT current_setting('server_version_num')::int, current_setting('server_version'),
        to_regclass('sluice.version') IS NOT NULL,
        coalesce(has_schema_privilege(to_regnamespace('sluice')::oid, 'USAGE'), false)
            AND coalesce(has_table_privilege(to_regclass('sluice.version')::oid, 'SELECT'), false)
            AND coalesce(has_table_privilege(to_regclass('sluice.import_jobs')::oid, 'INSERT'), false),
        to_regclass('public.products') IS NOT NULL AND to_regclass('public.order_items') IS NOT NULL
"""
CHECK_SECONDS = 5.0
DROP_ATTEMPTS, DROP_PAUSE = (
    20,
    0.1,
)  # while the server ends the sessions of functions that were stopped


@dataclass(frozen=True, slots=True)
class Found:
    """What is there: Sluice's schema, one that the user may work with and that is the newest, and the shop's tables."""

    version: str
    migrated: bool
    usable: bool
    newest: bool
    shop: bool

    def remarks(self, name: str) -> list[str]:
        """One sentence for each thing that is missing, with the command that adds it."""
        told = []
        if not self.migrated:
            told.append(
                f"the database {name} does not have the schema sluice, so Sluice only reads from it; "
                "to add it: make migrate DATABASE_URL=…  (PLAN=1 prints the SQL and stops)"
            )
        elif not self.newest:
            told.append(
                f"the schema sluice of {name} is of another release; to update it: make migrate DATABASE_URL=…"
            )
        if not self.shop:
            told.append(
                f"the shop's tables are not in the database {name}; to add them: APP=shop make migrate DATABASE_URL=…"
            )
        return told


def look(url: str) -> Found:
    """Look at the database and change nothing. Raise DatabaseUnusable if the server is too old or refuses."""
    settings = settings_of(url)
    with connect(settings) as connection:
        number, version, migrated, usable, shop = connection.run(LOOK)[0]
        if number < MIN_MAJOR_VERSION * 10_000:
            raise DatabaseUnusable(
                f"{place(settings)} is PostgreSQL {version}; {MIN_MAJOR_VERSION} or newer is needed"
            )
        newest = usable and connection.run("SELECT version_num FROM sluice.version")[0][0] == NEWEST
    return Found(version.split()[0], migrated, usable, newest, shop)


class Guests:
    """This run's login roles: one with the rights of `sluice_app`, one with those of `sluice_analyst`."""

    def __init__(self, url: str, *, app_password: str, analyst_password: str) -> None:
        self._settings = settings_of(url)
        self.app = guest(APP_ROLE, app_password)
        self.analyst = guest(ANALYST_ROLE, analyst_password)
        self._connection: pg8000.native.Connection | None = None
        self._checked_at = float("-inf")

    def create(self) -> bool:
        """Drop what crashed systems left, and create this run's. False: the user may not create login roles."""
        try:
            with connect(self._settings) as connection:
                for login in (self.app, self.analyst):
                    _create(connection, login)
        except DatabaseUnusable as error:
            if error_code(error) == "42501":
                self.drop()
                return False
            raise
        return True

    def hold(self) -> None:
        """Show other systems, until `drop` or the end of this process, that the roles are in use.

        To be called again now and then: a server that was restarted has forgotten it.
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
            # One session each may hold them, and a killed system's session may take a moment to end.
            for login in (self.app, self.analyst):
                connection.run(
                    "SELECT pg_advisory_lock(:class, :number)", **_key(login.role, signed=True)
                )
            self._connection = connection

    def drop(self) -> None:
        """Drop this run's roles, and let go of them. Where the server is away, the next start drops them."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(InterfaceError, OSError):  # the server may have ended it
                connection.close()
        try:
            with connect(self._settings) as fresh:
                for login in (self.app, self.analyst):
                    _drop(fresh, login.role)
        except DatabaseUnusable:
            return

    def drop_stale(self) -> None:
        """Drop the login roles of systems that no longer run."""
        with connect(self._settings) as connection:
            drop_stale(connection)


def guest(rights: str, password: str) -> Login:
    """A login role that only this state folder knows, for it is named after its password."""
    return Login(
        rights, f"sluice_local_{hashlib.sha256(password.encode()).hexdigest()[:8]}", password
    )


def drop_stale(connection: pg8000.native.Connection) -> list[str]:
    """Drop the login roles that no running system holds; return the names of those that are in use in this database."""
    used_here = []
    for (role,) in connection.run(ROLES):
        held = connection.run(HELD, **_key(role))
        if not held:
            _drop(connection, role)
        elif any(here for (here,) in held):
            used_here.append(role)
    return used_here


def _create(connection: pg8000.native.Connection, login: Login) -> None:
    if not connection.run("SELECT FROM pg_roles WHERE rolname = :role", role=login.role):
        connection.run(f"CREATE ROLE {login.role} LOGIN IN ROLE {login.rights}")
    database = str(connection.run("SELECT current_database()")[0][0])
    known = connection.run(roles.KNOWN)[0][0]
    for statement in roles.setting_statements(database, login.role, login.rights, known):
        try:
            connection.run(statement)
        except DatabaseError as error:
            if error.args[0]["C"] != "42501":  # a superuser's setting: the server's own value stays
                raise
    connection.run(f"ALTER ROLE {login.role} PASSWORD {pg8000.native.literal(login.password)}")


def _drop(connection: pg8000.native.Connection, role: str) -> None:
    """Drop a role if it exists and this user may; a session that ends may hold it for a moment."""
    for attempt in range(DROP_ATTEMPTS):
        try:
            connection.run(f"DROP ROLE IF EXISTS {role}")
        except DatabaseError as error:
            if error.args[0]["C"] != "2BP01" or attempt == DROP_ATTEMPTS - 1:
                return
            time.sleep(DROP_PAUSE)
        else:
            return


def _key(role: str, *, signed: bool = False) -> dict[str, int]:
    number = int(role.rpartition("_")[2], 16)
    return {"class": LOCK_CLASS, "number": number - (number >> 31 << 32) if signed else number}

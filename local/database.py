"""What happens to a database before functions use it? It is migrated, they are let in, an empty shop is filled.

Works on the embedded server's database and on any other that DATABASE_URL names. There it makes nothing outside that
database but Sluice's roles, and changes no password: somebody may be working as sluice_app.
"""

import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pg8000.native
from pg8000.exceptions import DatabaseError, InterfaceError

from local.binaries import OLDEST
from local.postgres import PostgresServer
from sluice.errors import SluiceError
from sluice.migrations import roles
from sluice.settings import DatabaseSettings, SettingsError

NAME = "sluice"
APP_ROLE, ANALYST_ROLE = "sluice_app", "sluice_analyst"
CONNECT_SECONDS = 5.0
REASONS = {
    "28P01": "it refuses the user name or password",
    "28000": "it refuses this user",
    "3D000": "that database does not exist",
    "42501": "the user lacks the right",
    "53300": "it has no connection left",
    "57P03": "it is starting up or shutting down",
}
LOGIN_REMEDY = "it asks for a password: write it in the URL, in PGPASSWORD, or in ~/.pgpass"
UNVERIFIED = "name its authority (?sslrootcert=/path/ca.pem), or give up on TLS (?sslmode=disable)"


class DatabaseUnusable(Exception):
    """The database cannot serve; the message says which one and why, without its password."""


def make_embedded(server: PostgresServer) -> str:
    """The owner's URL of Sluice's database on our own server, made where it is absent."""
    with _connection(DatabaseSettings.from_url(server.url())) as connection:
        if not connection.run("SELECT FROM pg_database WHERE datname = :name", name=NAME):
            connection.run(f"CREATE DATABASE {NAME}")
    url = server.url(database=NAME)
    with _connection(DatabaseSettings.from_url(url)) as connection:
        # Only a superuser may, so the migrations of a deployment cannot.
        connection.run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    return url


def settings_of(url: str) -> DatabaseSettings:
    """Where `url` leads; raises DatabaseUnusable where it is not a database URL."""
    try:
        return DatabaseSettings.from_url(url)
    except (SettingsError, ValueError) as error:
        raise DatabaseUnusable(f"DATABASE_URL: {error}") from error


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who works with the database: `role`, with the rights and the limits of one that migrations make."""

    rights: str
    role: str
    password: str

    @classmethod
    def make(cls, rights: str, password: str, *, ours: bool) -> "Login":
        """On a server that is not ours, a member of the role that only this system knows."""
        guest = f"sluice_local_{hashlib.sha256(password.encode()).hexdigest()[:8]}"
        return cls(rights, rights if ours else guest, password)


def prepare(url: str, *logins: Login) -> str:
    """Migrate the database and let them log in; returns the server's version."""
    settings = settings_of(url)
    with _connection(settings) as connection:
        number = int(connection.run("SHOW server_version_num")[0][0])
        version = str(connection.run("SHOW server_version")[0][0])
    if number < OLDEST * 10_000:
        raise DatabaseUnusable(f"{_place(settings)} is PostgreSQL {version}; {OLDEST} or newer is needed")
    _migrate(url, settings)
    with _connection(settings) as connection:
        for login in logins:
            _let_in(connection, login)
    return version.split()[0]


def give_up_imports(url: str) -> None:
    """End the imports that an earlier run left: their files and messages ended with it, for both are in memory."""
    with _connection(settings_of(url)) as connection:
        connection.run(
            "UPDATE sluice.import_jobs SET status = 'failed', finished_at = now(), error = :error "
            "WHERE status IN ('awaiting_upload', 'queued', 'running')",
            error="the local system was stopped, and keeps no files",
        )


def seed(url: str) -> int:
    """Fill an empty shop; returns the number of products made, 0 where there was something already."""
    from scripts.seed import seed_demo

    with _connection(settings_of(url)) as connection:
        taken = connection.run("SELECT EXISTS (SELECT FROM categories) OR EXISTS (SELECT FROM products)")[0][0]
    return 0 if taken else seed_demo(url)


def _migrate(url: str, settings: DatabaseSettings) -> None:
    # SQLAlchemy and Alembic: slow to load, and needed here alone
    from sqlalchemy.exc import SQLAlchemyError

    from sluice.migrations.runner import migrate_url

    try:
        migrate_url(url, "shop")
    except (SQLAlchemyError, SluiceError) as error:
        cause = error.__cause__ or error
        told = str(getattr(error, "orig", None) or cause).splitlines()[0]
        raise DatabaseUnusable(f"{_place(settings)} cannot be migrated: {told}") from error


def _let_in(connection: pg8000.native.Connection, login: Login) -> None:
    """Give the role its password; a guest is made first."""
    if login.role != login.rights:
        if not connection.run("SELECT FROM pg_roles WHERE rolname = :role", role=login.role):
            connection.run(f"CREATE ROLE {login.role} LOGIN IN ROLE {login.rights}")
        database = str(connection.run("SELECT current_database()")[0][0])
        known = connection.run(roles.KNOWN)[0][0]
        for statement in roles.setting_statements(database, login.role, login.rights, known):
            connection.run(statement)
    connection.run(f"ALTER ROLE {login.role} PASSWORD {pg8000.native.literal(login.password)}")


@contextmanager
def _connection(settings: DatabaseSettings) -> Iterator[pg8000.native.Connection]:
    """An autocommitting connection; what the server refuses in it becomes DatabaseUnusable."""
    try:
        connection = pg8000.native.Connection(
            settings.user,
            password=settings.password,
            database=settings.name,
            timeout=CONNECT_SECONDS,
            **_address(settings),
        )
        try:
            yield connection
        finally:
            connection.close()
    except DatabaseError as error:
        told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        reason = REASONS.get(told.get("C", ""), told.get("M", str(error)))
        if settings.auth == "none" and told.get("C") == "28P01":
            reason = LOGIN_REMEDY
        raise DatabaseUnusable(f"{_place(settings)} cannot be used: {reason}") from error
    except ssl.SSLCertVerificationError as error:
        raise DatabaseUnusable(f"{_place(settings)} cannot be trusted: {error.verify_message}; {UNVERIFIED}") from error
    except (InterfaceError, OSError) as error:
        raise DatabaseUnusable(f"{_place(settings)} cannot be reached: {error.__cause__ or error}") from error


def _address(settings: DatabaseSettings) -> dict[str, Any]:
    """Return pg8000's arguments for the server's address: a Unix socket, or a host with or without TLS."""
    if settings.host.startswith("/"):
        return {"unix_sock": f"{settings.host}/.s.PGSQL.{settings.port}"}
    context: ssl.SSLContext | bool = False
    if settings.tls == "verify-full":
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    return {"host": settings.host, "port": settings.port, "ssl_context": context}


def _place(settings: DatabaseSettings) -> str:
    return f"the database {settings.name} at {settings.host}:{settings.port} (as {settings.user})"

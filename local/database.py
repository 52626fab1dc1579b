"""The embedded server's database, made ready for the functions, and plain connections to any database.

What is in a database of someone else, and what is created there, is in own_database.py.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pg8000.native
from pg8000.exceptions import DatabaseError, InterfaceError

from local.postgres import PostgresServer
from sluice.settings import DatabaseSettings, SettingsError

NAME = "sluice"
APP_ROLE, ANALYST_ROLE = "sluice_app", "sluice_analyst"
CONNECT_SECONDS = 5.0
# The server is Sluice's alone, so what PostgreSQL lets every role do is closed: other databases, tables of their own,
# and large objects, which no grant bounds. Only a superuser may run these, so migrations cannot.
EMBEDDED = (
    "CREATE EXTENSION IF NOT EXISTS pg_stat_statements",
    f"REVOKE CONNECT, TEMPORARY ON DATABASE {NAME}, postgres, template1 FROM PUBLIC",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC",
)
REASONS = {
    "28P01": "it refuses the user name or password; correct them in the URL, in PGPASSWORD, or in ~/.pgpass",
    "28000": "it refuses this user from here; pg_hba.conf on the server says who may connect, and whether with TLS",
    "3D000": "that database does not exist; create it (createdb), or correct its name in the URL",
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
    with connect(DatabaseSettings.from_url(server.url())) as connection:
        if not connection.run("SELECT FROM pg_database WHERE datname = :name", name=NAME):
            connection.run(f"CREATE DATABASE {NAME}")
    url = server.url(database=NAME)
    with connect(DatabaseSettings.from_url(url)) as connection:
        for statement in EMBEDDED:
            connection.run(statement)
    return url


def settings_of(url: str) -> DatabaseSettings:
    """Where `url` leads; raises DatabaseUnusable where it is not a database URL."""
    try:
        return DatabaseSettings.from_url(url)
    except (SettingsError, ValueError) as error:
        raise DatabaseUnusable(f"DATABASE_URL: {error}") from error


@dataclass(frozen=True, slots=True)
class Login:
    """A role that logs in, with the rights and the limits of one of the two that migrations make."""

    rights: str
    role: str
    password: str


def prepare(url: str, *logins: Login) -> str:
    """Migrate the embedded server's database with the shop, and give the roles their passwords; return the version."""
    # SQLAlchemy and Alembic: slow to load
    from local.migration_commands import readable_errors
    from sluice.migrations.runner import migrate_url

    with readable_errors(url, "migrated"):
        migrate_url(url, "shop")
    with connect(settings_of(url)) as connection:
        for login in logins:
            connection.run(
                f"ALTER ROLE {login.role} PASSWORD {pg8000.native.literal(login.password)}"
            )
        return str(connection.run("SHOW server_version")[0][0]).split()[0]


def give_up_imports(url: str) -> None:
    """End the imports that an earlier run left: their files and messages ended with it, for both are in memory."""
    with connect(settings_of(url)) as connection:
        connection.run(
            "UPDATE sluice.import_jobs SET status = 'failed', finished_at = now(), error = :error "
            "WHERE status IN ('awaiting_upload', 'queued', 'running')",
            error="the local system was stopped, and keeps no files",
        )


def seed(url: str) -> int:
    """Fill an empty shop; returns the number of products made, 0 where there was something already."""
    from scripts.seed import seed_demo

    with connect(settings_of(url)) as connection:
        taken = connection.run(
            "SELECT EXISTS (SELECT FROM categories) OR EXISTS (SELECT FROM products)"
        )[0][0]
    return 0 if taken else seed_demo(url)


@contextmanager
def connect(
    settings: DatabaseSettings, *, close: bool = True
) -> Iterator[pg8000.native.Connection]:
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
        except BaseException:
            connection.close()
            raise
        if close:
            connection.close()
    except DatabaseError as error:
        told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        reason = REASONS.get(told.get("C", ""), told.get("M", str(error)))
        if settings.auth == "none" and told.get("C") == "28P01":
            reason = LOGIN_REMEDY
        raise DatabaseUnusable(f"{place(settings)} cannot be used: {reason}") from error
    except ssl.SSLCertVerificationError as error:
        raise DatabaseUnusable(
            f"{place(settings)} cannot be trusted: {error.verify_message}; {UNVERIFIED}"
        ) from error
    except (InterfaceError, OSError) as error:
        raise DatabaseUnusable(
            f"{place(settings)} cannot be reached: {_unreachable(error, settings)}"
        ) from error


def _unreachable(error: Exception, settings: DatabaseSettings) -> str:
    """The reason in words, and the remedy."""
    cause = error.__cause__ or error
    where = "the URL's host and port are right"
    if isinstance(cause, socket.gaierror):
        return "its host name is not known; correct it in the URL"
    if isinstance(cause, ConnectionRefusedError):
        return f"the connection was refused; see that the server runs, and that {where}"
    if isinstance(cause, TimeoutError):
        return f"it did not answer in {CONNECT_SECONDS:.0f} s; see that {where}, and that no firewall is between"
    if "refuses SSL" in str(cause):
        return "the server has no TLS; if the network can be trusted: ?sslmode=disable"
    if isinstance(cause, FileNotFoundError) and settings.host.startswith("/"):
        return f"there is no socket of a server in that folder with port {settings.port}; correct ?host= or the port"
    if isinstance(cause, FileNotFoundError):
        return f"there is no file {settings.ca_file}; correct sslrootcert in the URL"
    return str(getattr(cause, "strerror", None) or cause)


def _address(settings: DatabaseSettings) -> dict[str, Any]:
    """Return pg8000's arguments for the server's address: a Unix socket, or a host with or without TLS."""
    if settings.host.startswith("/"):
        return {"unix_sock": f"{settings.host}/.s.PGSQL.{settings.port}"}
    context: ssl.SSLContext | bool = False
    if settings.tls == "verify-full":
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    return {"host": settings.host, "port": settings.port, "ssl_context": context}


def error_code(error: DatabaseUnusable) -> str:
    """The server's code for what it refused; empty where it was not the server."""
    cause = error.__cause__
    report = cause.args[0] if cause is not None and cause.args else None
    return str(report.get("C", "")) if isinstance(report, dict) else ""


def place(settings: DatabaseSettings) -> str:
    return f"the database {settings.name} at {settings.host}:{settings.port} (as {settings.user})"

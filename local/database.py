"""Create and migrate the embedded server's database, and connect to any database.

own_database.py inspects a database that DATABASE_URL names.
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
from sluice import application
from sluice.db.driver.transport import tls_context
from sluice.settings import DatabaseSettings, SettingsError

NAME = "sluice"
CONNECT_SECONDS = 5.0
# Only Sluice uses the embedded server. So revoke the privileges that PostgreSQL grants every role:
# to use other databases, and to create tables in public and large objects. Only a superuser may run
# these statements, so they are not migrations.
EMBEDDED_SQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_stat_statements",
    f"REVOKE CONNECT, TEMPORARY ON DATABASE {NAME}, postgres, template1 FROM PUBLIC",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) "
    "FROM PUBLIC",
)
CONNECT_ERRORS = {
    "28P01": "it rejects the user name or password; "
    "correct them in the URL, in PGPASSWORD, or in ~/.pgpass",
    "3D000": "that database does not exist; create it (createdb), or correct its name in the URL",
    "53300": "it has no connection left",
    "57P03": "it is starting up or shutting down",
}
LOGIN_REMEDY = "it asks for a password: write it in the URL, in PGPASSWORD, or in ~/.pgpass"
TLS_REMEDY = "if the server requires TLS, use ?sslmode=require"
MISMATCHES = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH
MISMATCH = "name the server in the URL as its certificate does"
UNVERIFIED = (
    "name its certificate authority (?sslrootcert=/path/ca.pem), or disable TLS (?sslmode=disable)"
)


class DatabaseUnusable(Exception):
    """The database cannot be used. The message says which one and why, without its password."""


def create_embedded(server: PostgresServer) -> str:
    """Create Sluice's database on the embedded server if it is missing; return its owner's URL."""
    with connect(DatabaseSettings.from_url(server.url())) as connection:
        if not connection.run("SELECT FROM pg_database WHERE datname = :name", name=NAME):
            connection.run(f"CREATE DATABASE {NAME}")
    url = server.url(database=NAME)
    with connect(DatabaseSettings.from_url(url)) as connection:
        for statement in EMBEDDED_SQL:
            connection.run(statement)
    return url


def settings_from_url(url: str) -> DatabaseSettings:
    """Return the settings for a database URL. Raise DatabaseUnusable if it is not valid."""
    try:
        return DatabaseSettings.from_url(url)
    except (SettingsError, ValueError) as error:
        raise DatabaseUnusable(f"DATABASE_URL: {error}") from error


@dataclass(frozen=True, slots=True)
class RoleLogin:
    """A role to log in with, which has the rights and limits of `base_role`."""

    base_role: str
    role: str
    password: str


def migrate_embedded(url: str, *logins: RoleLogin) -> str:
    """Create the application's tables, set the passwords, and return the server's version."""
    # imported here because SQLAlchemy and Alembic are slow to load
    from local.migration_commands import MISSING, REMEDIES, readable_errors
    from sluice.migrations.applications import has_versions
    from sluice.migrations.runner import migrate_url

    app = application.current().name
    remedies = REMEDIES
    if not has_versions(app):
        name_it = f"name the database that has it: make run APP={app} DATABASE_URL=postgresql://…"
        remedies = REMEDIES | dict.fromkeys(MISSING, name_it)
    with readable_errors(url, "migrated", remedies):
        migrate_url(url, app)
    with connect(settings_from_url(url)) as connection:
        for login in logins:
            connection.run(
                f"ALTER ROLE {login.role} PASSWORD {pg8000.native.literal(login.password)}"
            )
        return str(connection.run("SHOW server_version")[0][0]).split()[0]


def fail_unfinished_imports(url: str) -> None:
    """Mark the imports that an earlier run left unfinished as failed.

    Their files and messages were in the memory of the emulated services.
    """
    with connect(settings_from_url(url)) as connection:
        connection.run(
            """
            UPDATE sluice.import_jobs SET status = 'failed', finished_at = now(), error = :error
            WHERE status IN ('awaiting_upload', 'queued', 'running')
            """,
            error="the local system was stopped; it does not keep uploaded files",
        )


@contextmanager
def connect(
    settings: DatabaseSettings, *, close: bool = True, statement_seconds: float = CONNECT_SECONDS
) -> Iterator[pg8000.native.Connection]:
    """Open a connection in autocommit mode, and close it after the block unless `close` is False.

    Errors of the server and of connecting are raised as DatabaseUnusable, with a remedy. A
    statement without a response after `statement_seconds` is such an error, too.
    """
    connected = False
    try:
        connection = pg8000.native.Connection(
            settings.user,
            password=settings.password,
            database=settings.name,
            timeout=CONNECT_SECONDS,
            **_address(settings),
        )
        connected = True
        connection._usock.settimeout(statement_seconds)
        stream = connection._sock  # which `connection.close` leaves to the garbage collector
        try:
            yield connection
        except BaseException:
            connection.close()
            stream.close()
            raise
        if close:
            connection.close()
    except DatabaseError as error:
        fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        code, message = fields.get("C", ""), fields.get("M", str(error))
        reason = CONNECT_ERRORS.get(code, message)
        if code == "42501":
            reason = f"the user lacks a right: {message}"
        elif code == "28P01" and settings.auth == "none":
            reason = LOGIN_REMEDY
        elif code == "28000":
            remedy = TLS_REMEDY if settings.tls == "off" else "check pg_hba.conf on the server"
            reason = f"it rejects the user from this address: {message}; {remedy}"
        raise DatabaseUnusable(f"{describe(settings)} cannot be used: {reason}") from error
    except ssl.SSLCertVerificationError as error:
        remedy = MISMATCH if error.verify_code in MISMATCHES else UNVERIFIED
        message = error.verify_message.rstrip(".")
        raise DatabaseUnusable(
            f"{describe(settings)} cannot be trusted: {message}; {remedy}"
        ) from error
    except (InterfaceError, OSError) as error:
        if connected and isinstance(error.__cause__ or error, TimeoutError):
            raise DatabaseUnusable(
                f"{describe(settings)} did not respond to a statement in {statement_seconds:g} s"
            ) from error
        raise DatabaseUnusable(
            f"{describe(settings)} cannot be reached: {_unreachable(error, settings)}"
        ) from error


def _unreachable(error: Exception, settings: DatabaseSettings) -> str:
    """Return the reason why the server cannot be reached, and the remedy."""
    cause = error.__cause__ or error
    host_and_port = "the URL's host and port are right"
    if isinstance(cause, socket.gaierror):
        return "its host name is not known; correct it in the URL"
    if isinstance(cause, ConnectionRefusedError):
        return f"the connection was refused; check that the server runs, and that {host_and_port}"
    if isinstance(cause, TimeoutError):
        return (
            f"it did not respond in {CONNECT_SECONDS:.0f} s; "
            f"check that {host_and_port}, and that no firewall blocks the connection"
        )
    if "refuses SSL" in str(cause):
        return "the server has no TLS; if the network is trusted, use ?sslmode=disable"
    if isinstance(cause, FileNotFoundError) and settings.host.startswith("/"):
        return (
            f"that folder has no socket of a server with port {settings.port}; "
            "correct ?host= or the port"
        )
    if isinstance(cause, FileNotFoundError):
        return f"there is no file {settings.ca_file}; correct sslrootcert in the URL"
    return str(getattr(cause, "strerror", None) or cause)


def _address(settings: DatabaseSettings) -> dict[str, Any]:
    """Return pg8000's arguments for the server's address: a Unix socket, or a host and TLS."""
    if settings.host.startswith("/"):
        return {"unix_sock": f"{settings.host}/.s.PGSQL.{settings.port}"}
    # that of the functions, so that a certificate is valid for both or for neither
    context = tls_context(settings.ca_file) if settings.tls == "verify-full" else False
    return {"host": settings.host, "port": settings.port, "ssl_context": context}


def error_code(error: DatabaseUnusable) -> str:
    """Return the SQLSTATE of the server's error; empty if the error is not the server's."""
    cause = error.__cause__
    report = cause.args[0] if cause is not None and cause.args else None
    return str(report.get("C", "")) if isinstance(report, dict) else ""


def describe(settings: DatabaseSettings) -> str:
    """Return the database's name, address and user for a message, without the password."""
    return f"the database {settings.name} at {settings.host}:{settings.port} (as {settings.user})"

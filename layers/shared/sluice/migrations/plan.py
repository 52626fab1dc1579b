"""The SQL that a migration would run, as a script for psql. Changes nothing, and any user may make it."""

import io
from collections.abc import Iterator

from alembic import command
from sqlalchemy import Engine

from sluice.migrations import applications, grants, roles
from sluice.migrations.pending import PendingChanges
from sluice.migrations.runner import BEGIN, LOCK


def plan(
    engine: Engine, app: str = "", *, analyst_connections: int = roles.ANALYST_CONNECTION_LIMIT
) -> str:
    """Return the script, and dispose of the engine. UnknownApplication, SluiceError."""
    applications.check_application(app)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            pending = PendingChanges(lambda query: connection.exec_driver_sql(query).scalar())
            parts = [_statements(["BEGIN", *BEGIN, LOCK])]
            if head := list(_roles_and_schema(pending)):
                parts.append(_statements(head))
            if tables := _migrations(pending, app):
                parts.append(tables)
            if rights := list(_rights(pending, app, analyst_connections)):
                parts.append(_statements(rights))
    finally:
        engine.dispose()
    if len(parts) == 1:
        return "-- Nothing is missing.\n"
    return "\n".join([*parts, "COMMIT;\n"])


def _roles_and_schema(pending: PendingChanges) -> Iterator[str]:
    for create, mark in pending.roles():
        yield from (create, mark)
    if not pending.has_schema():
        yield "CREATE SCHEMA sluice"


def _migrations(pending: PendingChanges, app: str) -> str:
    found = []
    for name in (applications.ENGINE, *([app] if app and applications.has_versions(app) else [])):
        current = pending.revision(applications.version_table(name)) or "base"
        buffer = io.StringIO()
        command.upgrade(applications.config(name, buffer=buffer), f"{current}:head", sql=True)
        found.append(buffer.getvalue().strip())
    return "\n\n".join(part for part in found if part)


def _rights(pending: PendingChanges, app: str, analyst_connections: int) -> Iterator[str]:
    missing = list(
        pending.privileges(grants.wanted(pending.database, applications.application_grants(app)))
    )
    if missing:
        yield grants.RECORD.strip()
    for grant in missing:
        yield from grant.statements()
    yield from (statement for statement, _ in pending.settings())
    if limit := pending.connection_limit(analyst_connections):
        yield limit


def _statements(statements: list[str]) -> str:
    return "".join(f"{statement};\n" for statement in statements)

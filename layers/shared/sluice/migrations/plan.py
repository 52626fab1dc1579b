"""The SQL that a migration would run, as a script for psql.

This changes nothing, and any user can run it.
"""

import io
from collections.abc import Iterator

from alembic import command
from sqlalchemy import Engine

from sluice.migrations import applications, grants
from sluice.migrations.pending import PendingChanges
from sluice.migrations.runner import LOCK_SQL, TRANSACTION_SETTINGS
from sluice.settings import ANALYST_CONNECTIONS


def plan(engine: Engine, app: str = "", *, analyst_connections: int = ANALYST_CONNECTIONS) -> str:
    """Return the script, and dispose of the engine. Raises UnknownApplication and SluiceErrors."""
    applications.check_application(app)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            pending = PendingChanges(lambda query: connection.exec_driver_sql(query).scalar())
            parts = [
                _script(_roles_and_schema(pending)),
                _migrations(pending, app),
                _script(_privileges_and_settings(pending, app, analyst_connections)),
            ]
    finally:
        engine.dispose()
    changes = [part for part in parts if part]
    if not changes:
        return "-- Nothing is missing.\n"
    begin = _script(["BEGIN", *TRANSACTION_SETTINGS, LOCK_SQL])
    return "\n".join([begin, *changes, "COMMIT;\n"])


def _roles_and_schema(pending: PendingChanges) -> Iterator[str]:
    for create, mark in pending.roles():
        yield from (create, mark)
    if not pending.has_schema():
        yield "CREATE SCHEMA sluice"


def _migrations(pending: PendingChanges, app: str) -> str:
    names = [applications.SLUICE]
    if app and applications.has_versions(app):
        names.append(app)
    scripts = []
    for name in names:
        current = pending.revision(applications.version_table(name)) or "base"
        buffer = io.StringIO()
        config = applications.config(name, buffer=buffer)
        command.upgrade(config, f"{current}:head", sql=True)
        scripts.append(buffer.getvalue().strip())
    return "\n\n".join(script for script in scripts if script)


def _privileges_and_settings(
    pending: PendingChanges, app: str, analyst_connections: int
) -> Iterator[str]:
    required = grants.required(pending.database, applications.application_grants(app))
    missing = list(pending.privileges(required))
    if missing:
        yield grants.GRANTS_TABLE.strip()
    for grant in missing:
        yield from grant.statements()
    for statement, _ in pending.settings(applications.search_path(app)):
        yield statement
    if limit := pending.connection_limit(analyst_connections):
        yield limit


def _script(statements: Iterator[str] | list[str]) -> str:
    return "".join(f"{statement};\n" for statement in statements)

"""Migrate the database: schema, grants and roles. Then compare it with the declarations.

Migrations only run forward.

Running the function twice or concurrently is safe. A deployment invokes it with the owner's
credentials. The event `{"app": "shop"}` names the application; the default is the one in the
environment variables.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from catalog import gate
from sluice.db.engine import make_engine
from sluice.db.passwords import password_provider
from sluice.migrations import runner
from sluice.settings import Settings, application_name


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Migrate the database, compare it with the declarations, and return what was found."""
    settings = Settings.from_env()
    provider = password_provider(settings.aws, settings.database)
    database = settings.database.for_batch()
    engine = make_engine(database, "batch", password_provider=provider)
    app = str(event.get("app") or application_name())
    with _statements_in_message():
        result = runner.migrate(engine, app, analyst_connections=settings.analyst_connections)
    differences = gate.compare_once(make_engine(database, "batch", password_provider=provider), app)
    return {
        "revision": ", ".join(f"{app} {revision}" for app, revision in result.revisions.items()),
        "revisions": result.revisions,
        "for_administrator": result.for_administrator,
        "differences": differences,
    }


@contextmanager
def _statements_in_message() -> Iterator[None]:
    """Put the statements of MissingPrivilege into its message, which is all that Lambda returns."""
    try:
        yield
    except runner.MissingPrivilege as error:
        statements = "; ".join(error.statements)
        message = f"{error}; an administrator of the server has to run: {statements}"
        raise runner.MissingPrivilege(message, error.statements) from error

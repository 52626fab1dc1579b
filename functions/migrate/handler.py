"""Migrate the database: schema, grants and roles. Then compare it with the declarations.

Migrations only run forward.

Running the function twice or concurrently is safe. A deployment invokes it with the owner's
credentials. The event `{"app": "shop"}` names the application; the default is the one in the
environment variables.
"""

from typing import Any

from catalog import gate
from sluice.db.engine import make_engine
from sluice.db.passwords import password_provider
from sluice.migrations import runner
from sluice.settings import Settings, application_name


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Migrate the database and compare it.

    Return its revisions, the SQL that only an administrator may run, and the differences.
    """
    settings = Settings.from_env()
    provider = password_provider(settings.aws, settings.database)
    database = settings.database.for_batch()
    engine = make_engine(database, "batch", password_provider=provider)
    app = str(event.get("app") or application_name())
    result = runner.migrate(engine, app, analyst_connections=settings.analyst_connections)
    differences = gate.compare_once(make_engine(database, "batch", password_provider=provider), app)
    return {
        "revision": ", ".join(f"{app} {revision}" for app, revision in result.revisions.items()),
        "revisions": result.revisions,
        "for_administrator": result.for_administrator,
        "differences": differences,
    }

"""Migrates the database: its schema, grants and roles. Runs forward only, and may run twice or at once.

A deployment invokes the function with the owner's credentials. `{"app": "shop"}` names the application; without it
the function migrates the one that the environment names.
"""

from typing import Any

from sluice import runtime
from sluice.db.engine import make_engine
from sluice.migrations import runner
from sluice.settings import Settings


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Migrate the database that the environment names; return its revisions, and what an administrator should run."""
    settings = Settings.from_env()
    password_provider = runtime.password_provider(settings, settings.database)
    engine = make_engine(
        settings.database.for_batch(), "batch", password_provider=password_provider
    )
    done = runner.migrate(
        engine,
        str(event.get("app") or settings.app),
        analyst_connections=settings.analyst_connections,
    )
    return {
        "revision": ", ".join(f"{app} {revision}" for app, revision in done.revisions.items()),
        "revisions": done.revisions,
        "for_administrator": done.for_administrator,
    }

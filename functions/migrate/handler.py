"""Brings a database's schema and roles to the newest migration. Runs forward only, and may run twice or at once.

A deployment invokes the function with the owner's credentials; the local system and the tests
call `upgrade`.
"""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from sluice import runtime
from sluice.db.engine import make_engine
from sluice.settings import DatabaseSettings, Settings


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """Migrate the database that the environment names; answers the revision it is at."""
    settings = Settings.from_env()
    credentials = runtime.credentials(settings, settings.database)
    return {"revision": _upgrade(make_engine(settings.database, "batch", credentials=credentials))}


def upgrade(url: str) -> str:
    """Migrate the database at `url` (an owner's, who may create roles); return the revision it is at."""
    return _upgrade(make_engine(DatabaseSettings.from_url(url), "batch"))


def _upgrade(engine: Engine) -> str:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())
    finally:
        engine.dispose()

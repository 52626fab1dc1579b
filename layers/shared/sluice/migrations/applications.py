"""What a migration does for an application: its revisions, its grants, and what a removal drops.

An application may have no migrations, because its owner migrates the tables with another tool. Then
a migration only grants the privileges that the roles need.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from sluice.application import declared
from sluice.migrations.grants import Grant, of_functions, of_tables
from sluice.migrations.roles import ROLES
from sluice.sql.identifiers import quoted_if_needed

HERE = Path(__file__).parent
SLUICE = ""  # the name of Sluice's own migrations


class UnknownApplication(Exception):
    """No application of that name is installed. The message lists those that are."""


def check_application(app: str) -> None:
    """Raise UnknownApplication unless `app` is empty or an installed application."""
    if not app:
        return
    is_package = re.fullmatch("[a-z][a-z0-9_]*", app) and app != "sluice" and find_spec(app)
    if not is_package or find_spec(f"{app}.application") is None:
        names = ", ".join(installed())
        raise UnknownApplication(f"there is no application {app!r} here; there are: {names}")


def installed() -> list[str]:
    """Return the applications beside `sluice`."""
    modules = HERE.parents[1].glob("[a-z]*/application.py")
    return sorted({module.parent.name for module in modules} - {HERE.parent.name})


def version_table(app: str) -> str:
    """Return the table of the schema `sluice` in which Alembic stores the revision."""
    return f"{app}_version" if app else "version"


def has_versions(app: str) -> bool:
    """Return whether the application has migrations here. Its owner may migrate it elsewhere."""
    return _versions(app).is_dir()


def config(app: str, **attributes: object) -> Config:
    """Return Alembic's configuration for the migrations of `app`. `attributes` are for env.py."""
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(_versions(app)).replace("%", "%%"))
    config.attributes.update(attributes, version_table=version_table(app))
    return config


def search_path(app: str) -> tuple[str, ...] | None:
    """Return the schemas of the application's search_path; None without an application."""
    return declared(app).search_path if app else None


def application_grants(app: str) -> Iterator[Grant]:
    """Return the privileges that the roles need for `app`.

    Those on the tables and functions of its resources come from its registry. Its module
    `migrations.grants` has the other ones, such as those on functions that its statements call.
    """
    if app and find_spec(f"{app}.registry") is not None:
        registry = import_module(f"{app}.registry")
        yield from of_tables(registry.TABLES)
        yield from of_functions(registry.FUNCTIONS)
    for schema in search_path(app) or ():
        for role in ROLES:
            yield Grant(role, "USAGE", "SCHEMA", quoted_if_needed(schema))
    if app and _has_module(app, "grants"):
        yield from import_module(f"{app}.migrations.grants").GRANTS


def application_drops(app: str) -> Iterator[str]:
    """Return the statements that drop what the migrations of `app` created, with its data.

    There are none for an application without migrations: its tables are its owner's.

    A migration may have DROPS of its own. Those of the newest migration are the first ones, and
    those of the module `migrations.removal` are the last ones.
    """
    if app and has_versions(app):
        for script in ScriptDirectory.from_config(config(app)).walk_revisions():
            yield from getattr(script.module, "DROPS", ())
    if app and _has_module(app, "removal"):
        yield from import_module(f"{app}.migrations.removal").DROPS


def _has_module(app: str, name: str) -> bool:
    """Return whether `app` has a module of that name among its migrations."""
    has_migrations = find_spec(f"{app}.migrations") is not None
    return has_migrations and find_spec(f"{app}.migrations.{name}") is not None


def _versions(app: str) -> Path:
    if not app:
        return HERE / "versions"
    return Path(next(iter(import_module(app).__path__))) / "migrations" / "versions"

"""The sets of migrations: the engine's own, and one of each application that has any."""

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from alembic.config import Config

from sluice.migrations.grants import Grant

HERE = Path(__file__).parent
ENGINE = ""  # the engine's set; an application's is named after it


class UnknownApplication(Exception):
    """There is no application of that name here."""


def check_application(app: str) -> None:
    """Raise UnknownApplication unless `app` is empty or an application that is installed here."""
    known = re.fullmatch("[a-z][a-z0-9_]*", app) and app != "sluice" and find_spec(app) is not None
    if app and not (known and find_spec(f"{app}.migrations") is not None):
        raise UnknownApplication(
            f"there is no application {app!r} here; there are: {', '.join(installed())}"
        )


def installed() -> list[str]:
    """The applications that are installed beside the engine and have migrations or grants."""
    return sorted(
        folder.parent.name for folder in HERE.parents[1].glob("[a-z]*/migrations") if folder != HERE
    )


def version_table(app: str) -> str:
    """The table in which Alembic keeps the revision; in the schema `sluice`."""
    return f"{app}_version" if app else "version"


def has_versions(app: str) -> bool:
    """Whether there are migrations: an application whose owner has a migration tool needs none."""
    return _versions(app).is_dir()


def config(app: str, **attributes: object) -> Config:
    """How Alembic runs the migrations of `app`, or of the engine. `attributes` are for env.py."""
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(_versions(app)).replace("%", "%%"))
    config.attributes.update(attributes, version_table=version_table(app))
    return config


def application_grants(app: str) -> Iterator[Grant]:
    """What the roles need for `app`."""
    if app and find_spec(f"{app}.migrations.grants") is not None:
        yield from import_module(f"{app}.migrations.grants").GRANTS


def application_drops(app: str) -> Iterator[str]:
    """The statements that drop what the migrations of `app` have created, with its data."""
    if app and find_spec(f"{app}.migrations.removal") is not None:
        yield from import_module(f"{app}.migrations.removal").DROPS


def _versions(app: str) -> Path:
    if not app:
        return HERE / "versions"
    return Path(next(iter(import_module(f"{app}.migrations").__path__))) / "versions"

"""Run `make migrate` and `make remove` with sluice.migrations, and print their results.

SQLAlchemy and Alembic are imported in the functions, because they are slow to load.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local.database import DatabaseUnusable, connect, describe, settings_from_url
from local.own_database import drop_stale
from sluice.errors import SluiceError
from sluice.settings import analyst_connections

if TYPE_CHECKING:
    from sqlalchemy import Engine

MISSING = ("42P01", "3F000", "42883", "42703")  # a table, schema, function or column
REMEDIES = {
    "42P07": "the application needs that name: rename the existing object, or migrate without APP",
    "42723": "the application needs that name: rename the existing object, or migrate without APP",
    **dict.fromkeys(MISSING, "a declaration names it: create it, or correct the declaration"),
    "2BP01": "other objects depend on it: drop them first",
}


def migrate(url: str, app: str, *, function_concurrency: int = 0, only_plan: bool = False) -> int:
    """Migrate, or print the SQL that would be run; return the exit code. Raise DatabaseUnusable."""
    from sluice.migrations.applications import UnknownApplication
    from sluice.migrations.plan import plan
    from sluice.migrations.runner import MissingPrivilege, migrate

    limit = analyst_connections(function_concurrency)
    try:
        with readable_errors(url, "migrated"):
            if only_plan:
                print(plan(_engine(url), app, analyst_connections=limit), end="")
                return 0
            done = migrate(_engine(url), app, analyst_connections=limit)
    except UnknownApplication as error:
        raise DatabaseUnusable(f"APP: {error}") from error
    except MissingPrivilege as error:
        _ask_administrator(f"{_user(url)} cannot migrate it: {error}", error.statements)
        return 1
    revisions = ", ".join(f"{name} {revision}" for name, revision in done.revisions.items())
    if app and app not in done.revisions:
        revisions += f", and the grants of {app}, which has no migrations here"
    print(f"{describe(settings_from_url(url))} is set up: {revisions}", file=sys.stderr)
    needed = any(statement.startswith("GRANT") for statement in done.for_administrator)
    if needed:
        message = f"{_user(url)} may not run the statements below"
        _ask_administrator(message, done.for_administrator)
    elif done.for_administrator:
        message = f"{_user(url)} may not change the settings below, and Sluice works without them"
        _ask_administrator(message, done.for_administrator, modal="can")
    return 1 if needed else 0


def remove(url: str, drop_app: str) -> int:
    """Remove what `make migrate` created; return the exit code. Raise DatabaseUnusable."""
    from sluice.migrations.applications import UnknownApplication
    from sluice.migrations.removal import CannotRemove, remove
    from sluice.migrations.runner import MissingPrivilege

    with connect(settings_from_url(url)) as connection:
        if running := drop_stale(connection):
            raise DatabaseUnusable(
                f"a local system is using this database ({', '.join(running)}): "
                "stop it first (Ctrl-C)"
            )
    try:
        with readable_errors(url, "cleared"):
            done = remove(_engine(url), drop_app)
    except UnknownApplication as error:
        raise DatabaseUnusable(f"DROP_APP: {error}") from error
    except CannotRemove as error:
        raise DatabaseUnusable(str(error)) from error
    except MissingPrivilege as error:
        _ask_administrator(f"{_user(url)} cannot remove it: {error}", error.statements)
        return 1
    for line in done.removed:
        print(f"removed  {line}")
    for line in done.kept:
        print(f"stays    {line}")
    if not done.removed and not done.kept:
        print("nothing to remove")
    return 0


def _engine(url: str) -> "Engine":
    from sluice.db.engine import make_engine

    return make_engine(settings_from_url(url), "batch")


@contextmanager
def readable_errors(url: str, what: str, remedies: Mapping[str, str] = REMEDIES) -> Iterator[None]:
    """Raise errors of the server as DatabaseUnusable, in one sentence, with a remedy if known.

    remedies: by SQLSTATE.
    """
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from sluice.migrations.runner import server_error_fields

    try:
        yield
    except CommandError as error:
        raise DatabaseUnusable(
            f"{describe(settings_from_url(url))} cannot be {what}: "
            "it was migrated by another release of Sluice; use that release, "
            f"or remove its objects (for the embedded database: make clean-state): {error}"
        ) from error
    except (SQLAlchemyError, SluiceError) as error:
        fields = server_error_fields(error) if isinstance(error, SluiceError) else {}
        cause = error.__cause__ or error
        reason = fields.get("M") or str(getattr(error, "orig", None) or cause).splitlines()[0]
        remedy = remedies.get(fields.get("C", ""), "")
        sentence = f"{describe(settings_from_url(url))} cannot be {what}: {reason}"
        raise DatabaseUnusable(f"{sentence}; {remedy}" if remedy else sentence) from error


def _user(url: str) -> str:
    return f"the user {settings_from_url(url).user}"


def _ask_administrator(message: str, statements: Iterable[str], *, modal: str = "has to") -> None:
    """Print the message to standard error, and the statements to standard output for psql."""
    print(f"sluice: {message}; an administrator of the server {modal} run:", file=sys.stderr)
    for statement in statements:
        print(f"{statement};")

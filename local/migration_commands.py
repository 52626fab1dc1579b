"""`make migrate` and `make remove`: what they print. The work is done in sluice.migrations.

SQLAlchemy and Alembic are slow to load, so they are imported when they are needed.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local.database import DatabaseUnusable, connect, place, settings_of
from local.own_database import drop_stale
from sluice.errors import SluiceError
from sluice.migrations import roles

if TYPE_CHECKING:
    from sqlalchemy import Engine

REMEDIES = {
    "42P07": "the application needs that name: rename what has it, or migrate without APP",
    "42723": "the application needs that name: rename what has it, or migrate without APP",
    "2BP01": "something else depends on it, so it stays: drop that first",
}


def migrate(url: str, app: str, *, function_concurrency: int = 0, only_plan: bool = False) -> int:
    """Migrate, or print the SQL that would; return the exit status. Raise DatabaseUnusable."""
    from sluice.migrations.plan import plan
    from sluice.migrations.runner import MissingPrivilege, migrate
    from sluice.migrations.sets import UnknownApplication

    limit = 2 * function_concurrency or roles.ANALYST_CONNECTIONS
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
    print(f"{place(settings_of(url))} is set up: {revisions}", file=sys.stderr)
    needed = any(statement.startswith("GRANT") for statement in done.for_administrator)
    if needed:
        _ask_administrator(f"{_user(url)} may not run what follows", done.for_administrator)
    elif done.for_administrator:
        message = f"{_user(url)} may not set what follows, and Sluice works without it"
        _ask_administrator(message, done.for_administrator, modal="can")
    return 1 if needed else 0


def remove(url: str, drop_app: str) -> int:
    """Remove what `make migrate` made; return the exit status. Raise DatabaseUnusable."""
    from sluice.migrations.removal import CannotRemove, remove
    from sluice.migrations.runner import MissingPrivilege
    from sluice.migrations.sets import UnknownApplication

    with connect(settings_of(url)) as connection:
        if running := drop_stale(connection):
            raise DatabaseUnusable(
                f"a local system works with this database ({', '.join(running)}): stop it first (Ctrl-C)"
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
    for line in done.gone:
        print(f"removed  {line}")
    for line in done.stays:
        print(f"stays    {line}")
    if not done.gone and not done.stays:
        print("nothing to remove")
    return 0


def _engine(url: str) -> "Engine":
    from sluice.db.engine import make_engine

    return make_engine(settings_of(url), "batch")


@contextmanager
def readable_errors(url: str, what: str) -> Iterator[None]:
    """Turn what the server refuses into DatabaseUnusable: one sentence, with a remedy where there is one."""
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from sluice.migrations.runner import report

    try:
        yield
    except CommandError as error:
        raise DatabaseUnusable(
            f"{place(settings_of(url))} cannot be {what}: it was migrated by another release of Sluice; use that one, "
            f"or remove what it made (of the embedded database: make clean-state): {error}"
        ) from error
    except (SQLAlchemyError, SluiceError) as error:
        said = report(error) if isinstance(error, SluiceError) else {}
        cause = error.__cause__ or error
        reason = said.get("M") or str(getattr(error, "orig", None) or cause).splitlines()[0]
        remedy = REMEDIES.get(said.get("C", ""), "")
        sentence = f"{place(settings_of(url))} cannot be {what}: {reason}"
        raise DatabaseUnusable(f"{sentence}; {remedy}" if remedy else sentence) from error


def _user(url: str) -> str:
    return f"the user {settings_of(url).user}"


def _ask_administrator(message: str, statements: Iterable[str], *, modal: str = "has to") -> None:
    """The sentence goes to standard error, the statements to standard output, so that psql can read them."""
    print(f"sluice: {message}; an administrator of the server {modal} run:", file=sys.stderr)
    for statement in statements:
        print(f"{statement};")

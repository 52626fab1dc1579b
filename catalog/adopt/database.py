"""The database to adopt: a connection that only reads, for the catalogue's one query."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pg8000.native
from pg8000.native import literal

from catalog.errors import AdoptError
from local.database import CONNECT_SECONDS, connect
from local.libpq import complete_url
from sluice.db.session_settings import startup_settings
from sluice.query import Query
from sluice.settings import DatabaseSettings, SettingsError

STATEMENT_SECONDS = 60
# One transaction, so nothing is left in a session of a pooler.
BEGIN = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
# The server's defaults may print expressions in another form. With `jit` on, PostgreSQL compiles
# the catalogue's query for 10 s and runs it for 0.2 s.
SET_LOCAL = "SELECT count(set_config(name, value, true)) FROM unnest({}, {}) AS s (name, value)"


class CatalogueReader:
    """Runs queries in a transaction that only reads. Rows have attributes, as Executor's do."""

    def __init__(self, connection: pg8000.native.Connection) -> None:
        self._connection = connection

    def read(self, query: Query) -> Sequence[Any]:
        """Return the rows of a query, after the statement `before`."""
        if query.before is not None:
            self.read(query.before)
        rows = self._connection.run(query.sql, **query.params)
        names = [column["name"] for column in self._connection.columns or ()]
        row_type = NamedTuple("Row", [(name, Any) for name in names])  # type: ignore[misc]
        return [row_type(*row) for row in rows or ()]

    def write(self, query: Query) -> Sequence[Any]:
        """Refuse to write."""
        raise TypeError("the catalogue is only read")


def complete(url: str, environ: Mapping[str, str]) -> tuple[str, DatabaseSettings]:
    """Return the URL with what psql would add, and its settings. Raise AdoptError."""
    try:
        completed = complete_url(url, environ)
        return completed, DatabaseSettings.from_url(completed)
    except (SettingsError, ValueError) as error:
        problems = error.problems if isinstance(error, SettingsError) else [str(error)]
        raise AdoptError("\n".join(f"FROM: {problem}" for problem in problems)) from None


@contextmanager
def read_only(settings: DatabaseSettings) -> Iterator[CatalogueReader]:
    """Open a transaction that only reads, and roll it back. Raise DatabaseUnusable."""
    with connect(settings, statement_seconds=STATEMENT_SECONDS + CONNECT_SECONDS) as connection:
        connection.run(BEGIN)
        connection.run(_set_local())
        yield CatalogueReader(connection)
        connection.run("ROLLBACK")


def _set_local() -> str:
    """Return the statement that pins the settings of the transaction."""
    pinned = {**startup_settings("none"), "statement_timeout": f"{STATEMENT_SECONDS}s"}
    names, values = (
        f"ARRAY[{', '.join(literal(text) for text in texts)}]"
        for texts in (pinned.keys(), pinned.values())
    )
    return SET_LOCAL.format(names, values)

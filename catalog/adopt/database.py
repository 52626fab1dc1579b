"""The database to adopt: a connection that only reads, for the catalogue's one query."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pg8000.native

from catalog.errors import AdoptError
from local.database import connect
from local.libpq import complete_url
from sluice.query import Query
from sluice.settings import DatabaseSettings, SettingsError

STATEMENT_SECONDS = 60
# One transaction, so nothing is left in a session of a pooler.
BEGIN = (
    "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'",
)


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
    with connect(settings) as connection:
        for statement in BEGIN:
            connection.run(statement)
        yield CatalogueReader(connection)
        connection.run("ROLLBACK")

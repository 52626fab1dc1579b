"""Databases with schemas to read, and what is drafted of them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from catalog.classify import draft
from catalog.draft import AdoptRequest, Draft, DraftResource
from catalog.expression import source
from catalog.read import read
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.settings import DatabaseSettings
from tests.fixtures.database import owner_connection

AWKWARD = Path(__file__).parent / "awkward.sql"


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Open a database."""
    settings = DatabaseSettings.from_url(url)
    database = Database(make_pool(settings, "function"))
    yield database
    database.dispose()


def run(url: str, script: str) -> None:
    """Run the statements of a script."""
    with closing(owner_connection(url)) as connection:
        connection.run(script)


def drafted(database: Database, *tables: str, **options: object) -> Draft:
    """Return the draft of these tables."""
    request = AdoptRequest(app="depot", tables=tables, **options)  # type: ignore[arg-type]
    return draft(read(database), request)


def lines(resource: DraftResource) -> list[str]:
    """Return the source of the key, the fields and the relations."""
    members = [*resource.key, *resource.fields, *resource.relations]
    return [source(member.expression) for member in members if member.expression]

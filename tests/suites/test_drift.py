"""The declarations of the application are those of its migrated database."""

from catalog.drift import declared, drift
from catalog.read import read
from local.postgres import PostgresServer
from sluice import application
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.settings import DatabaseSettings


def test_declarations_fit_the_migrations(
    postgres_server: PostgresServer, owners_database: str
) -> None:
    settings = DatabaseSettings.from_url(postgres_server.url(database=owners_database))
    database = Database(make_pool(settings, "function"))
    snapshot = read(database)
    database.dispose()

    assert drift(declared(application.current()), snapshot) == []

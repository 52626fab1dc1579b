"""Each list of the application has an index that answers it."""

import pytest

from catalog.indexes import missing
from catalog.read import read
from local.postgres import PostgresServer
from sluice import application
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.settings import DatabaseSettings
from sluice.sql.resource_repository import ResourceRepository
from tests.fixtures.own_tables import is_adopted


@pytest.fixture
def repositories() -> list[type[ResourceRepository]]:
    app = application.current()
    return [app.load("repositories", name) for name in app.repositories]


def test_no_index_is_missing(
    postgres_server: PostgresServer,
    owners_database: str,
    repositories: list[type[ResourceRepository]],
) -> None:
    settings = DatabaseSettings.from_url(postgres_server.url(database=owners_database))
    database = Database(make_pool(settings, "function"))
    tables = read(database).tables_by_name
    database.dispose()
    assert [*missing(repositories, tables, best=not is_adopted())] == []

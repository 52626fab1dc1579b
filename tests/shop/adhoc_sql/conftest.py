"""The shop's tables with a year of orders."""

from collections.abc import Iterator

import pytest

from local.postgres import PostgresServer
from sluice import runtime
from sluice.settings import AwsSettings
from tests.fixtures.adhoc_sql import DATA, AnalystClient, filled_database


@pytest.fixture(scope="session")
def filled(
    postgres_server: PostgresServer, migrated_database: str, emulated_aws: AwsSettings
) -> Iterator[tuple[AnalystClient, runtime.Runtime]]:
    with filled_database(postgres_server, migrated_database, emulated_aws, DATA) as made:
        yield made


@pytest.fixture
def analyst(filled: tuple[AnalystClient, runtime.Runtime]) -> Iterator[AnalystClient]:
    """The client of the filled database, while its runtime is the current one."""
    analyst, built = filled
    runtime.set_current(built)
    yield analyst
    runtime.set_current(None)

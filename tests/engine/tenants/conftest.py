"""The application lodge on a database of its own, for the tests of one module."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from local.postgres import PostgresServer
from scripts.derive import registry
from scripts.derive.checks import require_valid
from scripts.derive.scan import scan
from sluice import runtime
from sluice.settings import AwsSettings
from tests.engine.tenants.lodge_client import Lodge
from tests.engine.tenants.tables import ROWS, TABLES
from tests.fixtures.database import copy_database, owner_connection, runtime_settings

APPS = Path(__file__).parent / "apps"


@pytest.fixture(scope="module", autouse=True)
def lodge_application() -> Iterator[None]:
    """Make lodge the application of the process. Its registry is derived, not written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(APPS)
        patch.setenv("SLUICE_APP", "lodge")
        found = scan("lodge")
        require_valid(found)
        module = ModuleType("lodge.registry")
        vars(module).update(registry.constants(found))
        patch.setitem(sys.modules, module.__name__, module)
        yield


@pytest.fixture(scope="module")
def lodge_database(
    lodge_application: None,
    postgres_server: PostgresServer,
    migrated_database: str,
    emulated_aws: AwsSettings,
) -> Iterator[Lodge]:
    """Return a client of a database with the tables, and install a runtime of it."""
    name = f"lodge_{os.urandom(6).hex()}"
    copy_database(postgres_server, migrated_database, name)
    app_url = postgres_server.url("sluice_app", name, password="canary-app")
    built = runtime.build(runtime_settings(app_url, emulated_aws))
    with closing(owner_connection(postgres_server.url(database=name))) as owner:
        owner.run(TABLES)
        yield Lodge(owner, built)
    built.database.dispose()
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def lodge(lodge_database: Lodge) -> Iterator[Lodge]:
    """Return the client, with the rows of both houses."""
    lodge_database.owner.run(ROWS)
    runtime.set_current(lodge_database.runtime)
    yield lodge_database
    runtime.set_current(None)

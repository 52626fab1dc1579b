"""Shops in databases whose owner changed the defaults of settings, directly or by PgBouncer."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import pytest

from local.postgres import PostgresServer
from sluice import runtime
from sluice.settings import AwsSettings
from tests.fixtures.database import copy_database, owner_connection, runtime_settings
from tests.fixtures.imports import ImportHarness, import_harness
from tests.fixtures.pgbouncer import PASSWORDS, pgbouncer
from tests.fixtures.shop import Shop
from tests.shop.sessions.api_tour import fill, first_pages, tour

RESET_ROLE_SETTINGS = "ALTER ROLE {role} IN DATABASE {name} RESET ALL"


@pytest.fixture(scope="module")
def filled(postgres_server: PostgresServer, migrated_database: str) -> Iterator[str]:
    """The name of a template database with rows in every table."""
    name = f"filled_{os.urandom(6).hex()}"
    copy_database(postgres_server, migrated_database, name)
    fill(Shop(postgres_server.url(database=name)))
    yield name
    with closing(owner_connection(postgres_server.url())) as owner:
        owner.run(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass(frozen=True)
class ExpectedResponses:
    """The responses of the tour with default settings.

    `second_pages` maps each list to the request of its second page, if it has one.
    """

    responses: Mapping[str, str]
    second_pages: Mapping[str, str]

    def differences(self, responses: Mapping[str, str]) -> dict[str, str]:
        """Return the responses that are not the expected ones."""
        return {
            request: text for request, text in responses.items() if text != self.responses[request]
        }


class DatabaseOwner:
    """Makes copies of the filled database, with other defaults of settings."""

    def __init__(self, server: PostgresServer, filled: str, emulated: AwsSettings) -> None:
        self._server = server
        self._filled = filled
        self._emulated = emulated

    @property
    def major(self) -> int:
        with closing(owner_connection(self._server.url())) as connection:
            return int(connection.run("SHOW server_version_num")[0][0]) // 10_000

    @contextmanager
    def harness(self, access_path: str, settings: Mapping[str, str]) -> Iterator[ImportHarness]:
        with self.shop(access_path, settings) as shop, import_harness(self._emulated, shop) as made:
            yield made

    @contextmanager
    def shop(self, access_path: str, settings: Mapping[str, str]) -> Iterator[Shop]:
        """Yield a shop whose database has these default `settings`, with a runtime.

        With the `access_path` direct, the roles have no settings, so only the startup parameters
        apply. With pgbouncer, only the settings of the roles apply.
        """
        name = f"shop_{os.urandom(6).hex()}"
        copy_database(self._server, self._filled, name)
        with closing(owner_connection(self._server.url())) as owner, ExitStack() as undo:
            undo.callback(owner.run, f"DROP DATABASE {name} WITH (FORCE)")
            # An older major version has fewer settings.
            known = owner.run("SELECT array_agg(name) FROM pg_settings")[0][0]
            for setting, value in settings.items():
                if setting not in known:
                    continue
                owner.run(f"ALTER DATABASE {name} SET {setting} = {value}")
            url = self._server.url("sluice_app", name, password="canary-app")
            if access_path == "direct":
                for role in PASSWORDS:
                    owner.run(RESET_ROLE_SETTINGS.format(role=role, name=name))
            else:
                port = undo.enter_context(pgbouncer(self._server.port, PASSWORDS))
                url = f"postgresql://sluice_app:canary-app@127.0.0.1:{port}/{name}?pooler=pgbouncer"
            built = runtime.build(runtime_settings(url, self._emulated))
            undo.callback(built.database.dispose)
            runtime.set_current(built)
            undo.callback(runtime.set_current, None)
            yield Shop(self._server.url(database=name))


@pytest.fixture(scope="module")
def owner(postgres_server: PostgresServer, filled: str, emulated_aws: AwsSettings) -> DatabaseOwner:
    return DatabaseOwner(postgres_server, filled, emulated_aws)


@pytest.fixture(scope="module")
def expected(owner: DatabaseOwner) -> ExpectedResponses:
    """The responses with the default settings of PostgreSQL."""
    with owner.harness("direct", {}) as harness:
        pages = first_pages(harness.client)  # before the tour writes
        return ExpectedResponses(tour(harness), pages)

"""Shops in databases whose owner changed what the settings of a session are, reached directly or through PgBouncer."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import pytest

from local.postgres import PostgresServer
from sluice import runtime
from sluice.settings import AwsSettings
from tests.fixtures.pgbouncer import PASSWORDS, pgbouncer
from tests.fixtures.shop import Shop, copy_database, owner_connection, shop_settings
from tests.imports.conftest import Depot, depot_of
from tests.sessions.tour import fill, first_pages, tour

FORGET_ROLES = "ALTER ROLE {role} IN DATABASE {name} RESET ALL"


@pytest.fixture(scope="module")
def filled(postgres_server: PostgresServer, migrated_database: str) -> Iterator[str]:
    """The name of a database with rows in every list, to copy from."""
    name = f"filled_{os.urandom(6).hex()}"
    copy_database(postgres_server, migrated_database, name)
    fill(Shop(postgres_server.url(database=name)))
    yield name
    with closing(owner_connection(postgres_server.url())) as owner:
        owner.run(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass(frozen=True)
class Expected:
    """`second_pages`: of each list that was walked, a target that goes on from its first page."""

    answers: Mapping[str, str]
    second_pages: Mapping[str, str]


class Owner:
    """Makes copies of the filled database, and says what their sessions begin with."""

    def __init__(self, server: PostgresServer, filled: str, emulated: AwsSettings) -> None:
        self._server = server
        self._filled = filled
        self._emulated = emulated

    @property
    def major(self) -> int:
        with closing(owner_connection(self._server.url())) as connection:
            return int(connection.run("SHOW server_version_num")[0][0]) // 10_000

    @contextmanager
    def depot(self, way: str, settings: Mapping[str, str]) -> Iterator[Depot]:
        with self.shop(way, settings) as shop, depot_of(self._emulated, shop) as made:
            yield made

    @contextmanager
    def shop(self, way: str, settings: Mapping[str, str]) -> Iterator[Shop]:
        """A copy whose database has these `settings`, in use by the installed runtime.

        `way`: directly, where the roles have no settings of their own, so that only the startup message can help; or
        through PgBouncer, where only those of the roles can.
        """
        name = f"shop_{os.urandom(6).hex()}"
        copy_database(self._server, self._filled, name)
        with closing(owner_connection(self._server.url())) as owner, ExitStack() as undo:
            undo.callback(owner.run, f"DROP DATABASE {name} WITH (FORCE)")
            known = owner.run("SELECT array_agg(name) FROM pg_settings")[0][
                0
            ]  # a newer major has more
            for setting, value in settings.items():
                if setting not in known:
                    continue
                owner.run(f"ALTER DATABASE {name} SET {setting} = {value}")
            url = self._server.url("sluice_app", name, password="canary-app")
            if way == "direct":
                for role in PASSWORDS:
                    owner.run(FORGET_ROLES.format(role=role, name=name))
            else:
                port = undo.enter_context(pgbouncer(self._server.port, PASSWORDS))
                url = f"postgresql://sluice_app:canary-app@127.0.0.1:{port}/{name}?pooler=pgbouncer"
            built = runtime.build(shop_settings(url, self._emulated))
            undo.callback(built.database.dispose)
            runtime.set_current(built)
            undo.callback(runtime.set_current, None)
            yield Shop(self._server.url(database=name))


@pytest.fixture(scope="module")
def owner(postgres_server: PostgresServer, filled: str, emulated_aws: AwsSettings) -> Owner:
    return Owner(postgres_server, filled, emulated_aws)


@pytest.fixture(scope="module")
def expected(owner: Owner) -> Expected:
    """What a database that nobody changed answers."""
    with owner.depot("direct", {}) as depot:
        pages = first_pages(depot.shop)  # before the tour writes
        return Expected(tour(depot), pages)

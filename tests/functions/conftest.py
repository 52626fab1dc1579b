"""Fixtures that share one database between the tests and empty it before each test.

Creating a database takes half a second, emptying it a few milliseconds. A test that changes the
schema uses `isolated_shop`, which has its own database.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pg8000.native
import pytest

from local.postgres import PostgresServer
from sluice import runtime
from sluice.settings import AwsSettings
from tests.fixtures.replica import ReplicatedShop
from tests.fixtures.resources import RESOURCES
from tests.fixtures.shop import (
    ADMIN,
    ApiResponse,
    Shop,
    copy_database,
    owner_connection,
    shop_settings,
)
from tests.fixtures.tcp_proxy import TcpProxy

# Foreign keys are not checked, because every table is emptied.
DELETE_ALL_ROWS = """
DO $$ DECLARE name regclass; BEGIN
    PERFORM set_config('session_replication_role', 'replica', true);
    FOR name IN SELECT oid::regclass FROM pg_class
        WHERE relkind = 'r' AND relname NOT IN ('version', 'shop_version', 'grants')
        AND relnamespace IN ('public'::regnamespace, 'sluice'::regnamespace)
    LOOP
        EXECUTE format('DELETE FROM %s', name);
    END LOOP;
END $$
"""


class ConnectedShop(Shop):
    """A shop that keeps one connection of the owner, because connecting costs more than a query."""

    owner: pg8000.native.Connection

    def sql(self, statement: str, **params: Any) -> list[list[Any]]:
        return [list(row) for row in self.owner.run(statement, **params) or ()]


@contextmanager
def _new_shop(
    server: PostgresServer, template: str, emulated: AwsSettings
) -> Iterator[tuple[Shop, runtime.Runtime]]:
    name = f"shop_{os.urandom(6).hex()}"
    copy_database(server, template, name)
    app_url = server.url("sluice_app", name, password="canary-app")
    built = runtime.build(shop_settings(app_url, emulated))
    shop = ConnectedShop(server.url(database=name))
    with closing(owner_connection(shop.url)) as shop.owner:
        yield shop, built
    built.database.dispose()
    with closing(owner_connection(server.url())) as connection:
        connection.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def shared_shop(
    postgres_server: PostgresServer, migrated_database: str, emulated_aws: AwsSettings
) -> Iterator[tuple[Shop, runtime.Runtime]]:
    with _new_shop(postgres_server, migrated_database, emulated_aws) as made:
        yield made


@pytest.fixture
def shop(shared_shop: tuple[Shop, runtime.Runtime]) -> Iterator[Shop]:
    """Return an empty shop and install its runtime, which connects as the role sluice_app."""
    shop, built = shared_shop
    shop.sql(DELETE_ALL_ROWS)
    shop.headers = dict(ADMIN)
    runtime.set_current(built)
    yield shop
    runtime.set_current(None)


@pytest.fixture
def isolated_shop(
    postgres_server: PostgresServer, migrated_database: str, emulated_aws: AwsSettings
) -> Iterator[Shop]:
    """Return a shop with its own database, whose tables may be dropped."""
    with _new_shop(postgres_server, migrated_database, emulated_aws) as (shop, built):
        runtime.set_current(built)
        yield shop
        runtime.set_current(None)


@pytest.fixture
def proxy(shop: Shop, make_proxy: Callable[..., TcpProxy]) -> Iterator[TcpProxy]:
    """Put a proxy between the installed runtime and PostgreSQL, with timeouts of half a second."""
    settings = runtime.current().settings
    proxy = make_proxy(settings.database.host, settings.database.port)
    database = replace(
        settings.database, host=proxy.host, port=proxy.port, connect_timeout=0.5, socket_timeout=0.5
    )
    behind_proxy = runtime.build(replace(settings, database=database))
    runtime.set_current(behind_proxy)
    yield proxy
    behind_proxy.database.dispose()


def names(response: ApiResponse) -> list[str]:
    assert response.status == 200, response.text
    return [row["name"] for row in response.json["data"]]


def links(response: ApiResponse) -> dict[str, str]:
    """Return the targets of the Link header by relation."""
    return {
        rel: target
        for target, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', response.headers.get("Link", ""))
    }


def fill(shop: Shop, list_: str, count: int) -> None:
    for n in range(count):
        RESOURCES[list_].insert(shop, n)


@pytest.fixture
def served_by(
    replicated: ReplicatedShop, capsys: pytest.CaptureFixture[str]
) -> Callable[[], list[str]]:
    """Return a function that returns which server answered each request since its last call."""
    capsys.readouterr()

    def servers() -> list[str]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line.get("served_by", "") for line in lines if "request_id" in line]

    return servers

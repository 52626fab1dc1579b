"""One database for all of these tests, emptied before each: making one takes half a second, emptying one milliseconds.

A test that changes the schema asks for `breakable_shop`, which nobody else sees.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pg8000.native
import pytest

from local.postgres import PostgresServer
from sluice import runtime
from sluice.settings import AwsSettings
from tests.fixtures.shop import (
    ADMIN,
    ApiResponse,
    Shop,
    copy_database,
    owner_connection,
    shop_settings,
)
from tests.fixtures.tcp_proxy import TcpProxy

# Every table, whichever there are, without a look at foreign keys: nothing is left that one could refer to.
EMPTY = """
DO $$ DECLARE found regclass; BEGIN
    PERFORM set_config('session_replication_role', 'replica', true);
    FOR found IN SELECT oid::regclass FROM pg_class
        WHERE relkind = 'r' AND relname NOT IN ('version', 'shop_version', 'grants')
        AND relnamespace IN ('public'::regnamespace, 'sluice'::regnamespace)
    LOOP
        EXECUTE format('DELETE FROM %s', found);
    END LOOP;
END $$
"""


class ConnectedShop(Shop):
    """Keeps the owner's connection: a new one costs more than most statements here."""

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
    """An empty shop, its runtime installed and working as the role sluice_app."""
    shop, built = shared_shop
    shop.sql(EMPTY)
    shop.headers = dict(ADMIN)
    runtime.set_current(built)
    yield shop
    runtime.set_current(None)


@pytest.fixture
def breakable_shop(
    postgres_server: PostgresServer, migrated_database: str, emulated_aws: AwsSettings
) -> Iterator[Shop]:
    """As `shop`, in a database of its own: its tables may be dropped."""
    with _new_shop(postgres_server, migrated_database, emulated_aws) as (shop, built):
        runtime.set_current(built)
        yield shop
        runtime.set_current(None)


@pytest.fixture
def proxy(shop: Shop, make_proxy: Callable[..., TcpProxy]) -> Iterator[TcpProxy]:
    """On the wire of the installed runtime, which gives up soon. Closed after the test, as are its connections."""
    settings = runtime.current().settings
    proxy = make_proxy(settings.database.host, settings.database.port)
    database = replace(
        settings.database, host=proxy.host, port=proxy.port, connect_timeout=0.5, socket_timeout=0.5
    )
    behind = runtime.build(replace(settings, database=database))
    runtime.set_current(behind)
    yield proxy
    behind.database.dispose()


def names(response: ApiResponse) -> list[str]:
    assert response.status == 200, response.text
    return [row["name"] for row in response.json["data"]]

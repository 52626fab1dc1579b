"""Round trips and statements of a request, counted by a proxy in front of PostgreSQL."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from sluice import runtime
from sluice.http.route import RouteSpec
from tests.fixtures.cases import case_of
from tests.fixtures.client import Client
from tests.fixtures.resources import (
    RESOURCES,
    is_item_route,
    new_row_path,
    resource_routes,
)
from tests.fixtures.tcp_proxy import TcpProxy


@pytest.fixture
def proxy(client: Client, make_proxy: Callable[..., TcpProxy]) -> Iterator[TcpProxy]:
    """Put a proxy between the runtime and PostgreSQL, and open the connection."""
    settings = runtime.current().settings
    proxy = make_proxy(settings.database.host, settings.database.port)
    database = replace(settings.database, host=proxy.host, port=proxy.port)
    behind_proxy = runtime.build(replace(settings, database=database))
    runtime.set_current(behind_proxy)
    assert client.get("/health/ready").status == 200
    yield proxy
    behind_proxy.database.dispose()


def count_statements(client: Client) -> int:
    """Return the number of statements that the role sluice_app has run in this client."""
    query = """
        SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s
        WHERE s.userid = 'sluice_app'::regrole AND s.toplevel
          AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
    return int(client.sql(query)[0][0])


def with_row_id(target: str, client: Client) -> str:
    """Insert a row of the resource and replace {id} by its id."""
    resource = target.split("/")[2].partition("?")[0]
    return target.replace("{id}", case_of(resource).insert(client, 3))


WRITES = [
    (name, route)
    for name in RESOURCES
    for route in resource_routes(name)
    if route.method == "POST" or (route.method != "GET" and is_item_route(route))
]


@pytest.mark.parametrize(
    "target", [f"/api/{name}{row}" for name in RESOURCES for row in ("", "/{id}")]
)
def test_read_is_one_statement_and_round_trip(client: Client, proxy: TcpProxy, target: str) -> None:
    client.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    target = with_row_id(target, client)
    before = count_statements(client)

    assert proxy.count_round_trips(lambda: client.get(target)) == 1
    assert count_statements(client) - before == 1
    assert client.get(target).status == 200


@pytest.mark.parametrize(("name", "route"), WRITES, ids=lambda value: getattr(value, "name", ""))
def test_write_is_one_round_trip(
    client: Client, proxy: TcpProxy, name: str, route: RouteSpec
) -> None:
    path = new_row_path(client, name) if is_item_route(route) else route.path
    body = case_of(name).body(client, route)

    def write() -> None:
        response = client.call(route.method, path, body)
        assert response.status in (200, 201, 204), response.text

    assert proxy.count_round_trips(write) == 1

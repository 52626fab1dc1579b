"""Round trips and statements of a request, counted by a proxy in front of PostgreSQL."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from sluice.http.route import RouteSpec
from testing.tcp_proxy import TcpProxy
from tests.fixtures.application import count_statements
from tests.fixtures.cases import case_of, parameters_of
from tests.fixtures.client import Client
from tests.fixtures.resources import (
    RESOURCES,
    fill,
    is_item_route,
    list_spec,
    new_row_path,
    resource_routes,
)


def with_row_id(target: str, client: Client) -> str:
    """Insert a row of the resource and replace {id} by its id."""
    resource = target.split("/")[2].partition("?")[0]
    return target.replace("{id}", case_of(resource).insert(client, 3))


def every_parameter(name: str) -> str:
    """Return a query with up to three sorts and a value of each filter."""
    resource = case_of(name).resource
    values = {"search": "word"} if "search" in list_spec(name).filters else {}
    for field in (*resource.all_fields, *resource.filters):
        by_hand = {field.name: text_of(field.sample(1))} if field in resource.filters else {}
        values |= parameters_of(field) or by_hand
    query = "&".join(f"{key}={quote(value)}" for key, value in values.items())
    return f"?limit=5&include_total=true&sort={','.join([*list_spec(name).sorts][:3])}&{query}"


def text_of(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


WRITES = [
    (name, route)
    for name in RESOURCES
    for route in resource_routes(name)
    if route.method == "POST" or (route.method != "GET" and is_item_route(route))
]


@pytest.mark.parametrize(
    "target",
    [f"/api/{name}{row}" for name in RESOURCES for row in ("", "/{id}", every_parameter(name))],
)
def test_read_is_one_statement_and_round_trip(
    client: Client, open_proxy: TcpProxy, target: str
) -> None:
    client.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    target = with_row_id(target, client)
    before = count_statements(client)

    assert open_proxy.count_round_trips(lambda: client.get(target)) == 1
    counted = count_statements(client) - before
    # A server before 17 also counts what a function runs while the statement is planned.
    (version,) = client.sql("SELECT current_setting('server_version_num')::int")[0]
    assert counted == 1 or (counted > 1 and version < 170_000)
    assert client.get(target).status == 200


@pytest.mark.parametrize(("name", "route"), WRITES, ids=lambda value: getattr(value, "name", None))
def test_write_is_one_round_trip(
    client: Client, open_proxy: TcpProxy, name: str, route: RouteSpec
) -> None:
    path = new_row_path(client, name) if is_item_route(route) else route.path
    body = case_of(name).body(client, route)

    def write() -> None:
        response = client.call(route.method, path, body)
        assert response.status in (200, 201, 204), response.text

    assert open_proxy.count_round_trips(write) == 1


@pytest.mark.parametrize("name", RESOURCES)
def test_page_after_cursor_is_one_round_trip(
    client: Client, open_proxy: TcpProxy, name: str
) -> None:
    fill(client, name, 5)
    target = f"/api/{name}?limit=2&sort={','.join([*list_spec(name).sorts][-2:])}"
    target += f"&cursor={client.get(target).json['pagination']['next_cursor']}"

    assert open_proxy.count_round_trips(lambda: client.get(target)) == 1
    assert client.get(target).status == 200


@pytest.mark.parametrize(("name", "route"), WRITES, ids=lambda value: getattr(value, "name", None))
def test_refused_write_is_one_round_trip(
    client: Client, open_proxy: TcpProxy, name: str, route: RouteSpec
) -> None:
    path = new_row_path(client, name) if is_item_route(route) else route.path
    headers: dict[str, Any] = {"if_match": '"9.9.9"'} if is_item_route(route) else {}
    body = case_of(name).body(client, route)
    if not headers:
        assert client.call(route.method, path, body, idempotency_key="k").status == 201
        headers = {"idempotency_key": "k"}  # replayed: the second statement reads the response

    count = open_proxy.count_round_trips(lambda: client.call(route.method, path, body, **headers))

    assert count == (1 if "if_match" in headers else 2)

"""Conditional requests: ETag, If-None-Match and If-Match, for reads and writes."""

from collections.abc import Sequence
from typing import Any

import pytest

from sluice.http.route import RouteSpec
from tests.fixtures.application import written_tables
from tests.fixtures.cases import BETWEEN, case_of
from tests.fixtures.client import ApiResponse, Client
from tests.fixtures.resources import (
    RESOURCES,
    is_item_route,
    new_row_path,
    resource_routes,
)

# Every write to a single row.
WRITES = [
    (name, route)
    for name in RESOURCES
    for route in resource_routes(name)
    if is_item_route(route) and route.method != "GET"
]
each_write = pytest.mark.parametrize(
    ("resource", "route"), WRITES, ids=lambda value: getattr(value, "name", None)
)
each_resource = pytest.mark.parametrize("resource", RESOURCES)
FIRST = next(iter(RESOURCES))


def each_write_with(header: str, forms: Sequence[str]) -> pytest.MarkDecorator:
    """Parametrize writes by forms of a header: all for the first resource, one for the others.

    A header is parsed in the same way for each resource.
    """
    return pytest.mark.parametrize(
        ("resource", "route", header),
        [
            (name, route, form)
            for name, route in WRITES
            for form in (forms if name == FIRST else forms[:1])
        ],
        ids=lambda value: getattr(value, "name", None),
    )


def each_resource_with(header: str, forms: Sequence[str]) -> pytest.MarkDecorator:
    """Parametrize reads by forms of a header: all for the first resource, one for the others."""
    return pytest.mark.parametrize(
        ("resource", header),
        [(name, form) for name in RESOURCES for form in (forms if name == FIRST else forms[:1])],
    )


def write(
    client: Client, resource: str, route: RouteSpec, path: str, **headers: str
) -> ApiResponse:
    """Send a valid request of the route."""
    body = case_of(resource).body(client, route)
    return client.call(route.method, path, body, **headers)


def unknown_path(resource: str) -> str:
    return f"/api/{resource}/{case_of(resource).unknown_key}"


def table_contents(client: Client) -> list[list[Any]]:
    """Return all rows of all tables, to compare them before and after a request."""
    return [
        row
        for table in written_tables(client)
        for row in client.sql(f"SELECT * FROM {table} t ORDER BY t::text")
    ]


@each_resource
def test_resource_has_a_strong_etag(client: Client, resource: str) -> None:
    etag = client.get(new_row_path(client, resource)).headers["ETag"]
    assert etag.startswith('"')
    assert etag.endswith('"')
    assert len(etag) > 2


@each_resource
def test_etag_is_stable_without_changes(client: Client, resource: str) -> None:
    path = new_row_path(client, resource)
    assert client.get(path).headers["ETag"] == client.get(path).headers["ETag"]


@each_write
def test_write_returns_the_new_etag(client: Client, resource: str, route: RouteSpec) -> None:
    path = new_row_path(client, resource)
    before = client.get(path).headers["ETag"]
    changed = write(client, resource, route, path)
    if route.method == "DELETE":
        assert changed.status == 204
        return
    assert changed.headers["ETag"] != before
    assert changed.headers["ETag"] == client.get(path).headers["ETag"]


@each_resource_with("form", ["{tag}", "*", "W/{tag}", '"other", {tag}', '"other",{tag} , "third"'])
def test_matching_if_none_match_is_304(client: Client, resource: str, form: str) -> None:
    path = new_row_path(client, resource)
    tag = client.get(path).headers["ETag"]
    for method in ("GET", "HEAD"):
        response = client.call(method, path, if_none_match=form.format(tag=tag))
        assert (response.status, response.text, response.headers["ETag"]) == (304, "", tag)
        assert "Content-Type" not in response.headers


@each_resource_with("tags", ['"other"', 'W/"other"', '"a", "b"', '""'])
def test_other_if_none_match_is_200(client: Client, resource: str, tags: str) -> None:
    response = client.get(new_row_path(client, resource), if_none_match=tags)
    assert (response.status, response.text != "") == (200, True)


@each_write_with("form", ["{tag}", "*", '"other", {tag}', '{tag},"other"'])
def test_write_with_matching_if_match_succeeds(
    client: Client, resource: str, route: RouteSpec, form: str
) -> None:
    path = new_row_path(client, resource)
    tag = client.get(path).headers["ETag"]
    response = write(client, resource, route, path, if_match=form.format(tag=tag))
    assert response.status == (204 if route.method == "DELETE" else 200)


@each_write_with("form", ['"other"', "W/{tag}", '"other", W/{tag}', '""'])
def test_write_with_failing_if_match_is_412(
    client: Client, resource: str, route: RouteSpec, form: str
) -> None:
    path = new_row_path(client, resource)
    tag = client.get(path).headers["ETag"]
    before = table_contents(client)
    response = write(client, resource, route, path, if_match=form.format(tag=tag))
    assert (response.status, response.code, table_contents(client)) == (
        412,
        "stale_version",
        before,
    )


@each_write
def test_write_with_stale_etag_is_412(client: Client, resource: str, route: RouteSpec) -> None:
    path = new_row_path(client, resource)
    old = client.get(path).headers["ETag"]
    case = case_of(resource)
    if "update" in case.resource.writes:
        client.call("PATCH", path, case.patch(client, BETWEEN))
    elif not case.change_by_sql(client):
        pytest.skip("every column is in the key, or a reference")
    assert write(client, resource, route, path, if_match=old).status == 412


@each_write_with("header", ["1.1", "'1'", '"1', '"a" "b"', "W/1", 'w/"1"', '*, "1"'])
def test_malformed_if_match_is_400(
    client: Client, resource: str, route: RouteSpec, header: str
) -> None:
    response = write(client, resource, route, new_row_path(client, resource), if_match=header)
    assert (response.status, response.code) == (400, "invalid_request")
    assert "If-Match" in response.json["detail"]


UNREADABLE = (
    "1.1",
    "'1'",
    '"1',
    '"a" "b"',
    "W/1",
    'w/"1"',
    '*, "1"',
    "",
    " ",
    ", ,",
    '"\x7f"',
    '"1" ; "2"',
)


@each_resource_with("header", UNREADABLE)
def test_read_ignores_malformed_preconditions(client: Client, resource: str, header: str) -> None:
    path = new_row_path(client, resource)
    assert client.get(path, if_none_match=header).status == 200
    assert client.get(path, if_match=header).status == 200


@each_write_with("form", ["*", " * ", "{tag}", "W/{tag}", '"other", {tag}', ', ,\tW/{tag} ,"x"'])
def test_write_with_failing_if_none_match_is_412(
    client: Client, resource: str, route: RouteSpec, form: str
) -> None:
    path = new_row_path(client, resource)
    tag = client.get(path).headers["ETag"]
    before = table_contents(client)
    response = write(client, resource, route, path, if_none_match=form.format(tag=tag))
    assert (response.status, response.code, table_contents(client)) == (
        412,
        "stale_version",
        before,
    )


@each_write_with("header", ['"other"', 'W/"other"', '"a", "b"', '""'])
def test_write_with_passing_if_none_match_succeeds(
    client: Client, resource: str, route: RouteSpec, header: str
) -> None:
    response = write(client, resource, route, new_row_path(client, resource), if_none_match=header)
    assert response.status == (204 if route.method == "DELETE" else 200)


@each_write
def test_both_preconditions_must_hold(client: Client, resource: str, route: RouteSpec) -> None:
    path = new_row_path(client, resource)
    tag = client.get(path).headers["ETag"]
    before = table_contents(client)
    for match, unless in ((tag, tag), (tag, "*"), ('"other"', '"other"'), ("*", tag), ("*", "*")):
        assert (
            write(client, resource, route, path, if_match=match, if_none_match=unless).status == 412
        )
    assert table_contents(client) == before
    response = write(client, resource, route, path, if_match=tag, if_none_match='"other"')
    assert response.status == (204 if route.method == "DELETE" else 200)


@each_resource
def test_read_with_stale_if_match_is_412(client: Client, resource: str) -> None:
    path = new_row_path(client, resource)
    tag = client.get(path).headers["ETag"]
    for header in ('"other"', f"W/{tag}"):
        assert client.get(path, if_match=header, if_none_match=tag).status == 412
    assert client.get(path, if_match=f'"x", {tag}').status == 200
    assert client.get(path, if_match=tag, if_none_match=tag).status == 304
    assert client.get(path, if_match="*").status == 200


@each_resource
def test_empty_list_elements_are_skipped(client: Client, resource: str) -> None:
    path = new_row_path(client, resource)
    tag = client.get(path).headers["ETag"]
    assert client.get(path, if_none_match=f'"other", , {tag},').status == 304


@each_write
def test_if_match_on_missing_row_is_404(client: Client, resource: str, route: RouteSpec) -> None:
    assert write(client, resource, route, unknown_path(resource), if_match='"1"').status == 404


@each_write_with("header", ["*", '"1"'])
def test_preconditions_on_missing_row_are_404(
    client: Client, resource: str, route: RouteSpec, header: str
) -> None:
    for name in ("if_match", "if_none_match"):
        assert (
            write(client, resource, route, unknown_path(resource), **{name: header}).status == 404
        )


@each_write_with("header", UNREADABLE)
def test_write_with_malformed_if_none_match_is_400(
    client: Client, resource: str, route: RouteSpec, header: str
) -> None:
    path = new_row_path(client, resource)
    before = table_contents(client)
    response = write(client, resource, route, path, if_none_match=header)
    expected = (400, "invalid_request", True)
    named = "If-None-Match" in response.json["detail"]
    assert (response.status, response.code, named) == expected
    assert table_contents(client) == before

"""Conditional requests: ETag, If-None-Match and If-Match, for reads and writes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from shop.users import UserRepository
from sluice import runtime
from sluice.errors import StaleVersion
from sluice.http.route import RouteSpec
from sluice.sql.precondition import Precondition
from tests.fixtures.application import written_tables
from tests.fixtures.resources import (
    RESOURCES,
    is_item_route,
    new_row_path,
    resource_routes,
    valid_body,
)
from tests.fixtures.shop import Shop


def body_of(name: str, route: RouteSpec) -> Any:
    return RESOURCES[name].patch if route.method == "PATCH" else valid_body(name, route)


# The resource, method and body of every write to a single row.
WRITES: list[tuple[str, str, Any]] = [
    (name, route.method, body_of(name, route))
    for name in RESOURCES
    for route in resource_routes(name)
    if is_item_route(route) and route.method != "GET"
]
each_write = pytest.mark.parametrize(("resource", "method", "body"), WRITES)
each_resource = pytest.mark.parametrize("resource", RESOURCES)


def table_contents(shop: Shop) -> list[list[Any]]:
    """Return all rows of all tables, to compare them before and after a request."""
    return [
        row
        for table in written_tables(shop)
        for row in shop.sql(f"SELECT * FROM {table} t ORDER BY t::text")
    ]


@each_resource
def test_resource_has_a_strong_etag(shop: Shop, resource: str) -> None:
    etag = shop.get(new_row_path(shop, resource)).headers["ETag"]
    assert etag.startswith('"')
    assert etag.endswith('"')
    assert len(etag) > 2


@each_resource
def test_etag_is_stable_without_changes(shop: Shop, resource: str) -> None:
    path = new_row_path(shop, resource)
    assert shop.get(path).headers["ETag"] == shop.get(path).headers["ETag"]


@each_write
def test_write_returns_the_new_etag(shop: Shop, resource: str, method: str, body: Any) -> None:
    path = new_row_path(shop, resource)
    before = shop.get(path).headers["ETag"]
    changed = shop.call(method, path, body)
    if method == "DELETE":
        assert changed.status == 204
        return
    assert changed.headers["ETag"] != before
    assert changed.headers["ETag"] == shop.get(path).headers["ETag"]


def test_product_etag_changes_with_stock(shop: Shop) -> None:
    id = shop.add_product("Mug")
    before = shop.get(f"/api/products/{id}").headers["ETag"]
    shop.patch(f"/api/inventory/{id}", {"delta": -1})
    assert shop.get(f"/api/products/{id}").headers["ETag"] != before


def test_product_etag_changes_with_category_slug(shop: Shop) -> None:
    path = f"/api/products/{shop.add_product('Mug')}"
    before = shop.get(path).headers["ETag"]
    shop.patch(f"/api/categories/{shop.sql('SELECT id FROM categories')[0][0]}", {"slug": "cups"})
    assert shop.get(path).headers["ETag"] != before


def test_etag_is_not_reused_for_an_old_value(shop: Shop) -> None:
    path = f"/api/inventory/{shop.add_product('Mug')}"
    before = shop.get(path)
    shop.patch(path, {"delta": 1})
    after = shop.patch(path, {"delta": -1})
    assert after.json["quantity"] == before.json["quantity"]
    assert after.headers["ETag"] != before.headers["ETag"]


@each_resource
@pytest.mark.parametrize(
    "form", ["{tag}", "*", "W/{tag}", '"other", {tag}', '"other",{tag} , "third"']
)
def test_matching_if_none_match_is_304(shop: Shop, resource: str, form: str) -> None:
    path = new_row_path(shop, resource)
    tag = shop.get(path).headers["ETag"]
    for method in ("GET", "HEAD"):
        response = shop.call(method, path, if_none_match=form.format(tag=tag))
        assert (response.status, response.text, response.headers["ETag"]) == (304, "", tag)
        assert "Content-Type" not in response.headers


@each_resource
@pytest.mark.parametrize("tags", ['"other"', 'W/"other"', '"a", "b"', '""'])
def test_other_if_none_match_is_200(shop: Shop, resource: str, tags: str) -> None:
    response = shop.get(new_row_path(shop, resource), if_none_match=tags)
    assert (response.status, response.text != "") == (200, True)


def test_stale_if_none_match_is_200(shop: Shop) -> None:
    path = f"/api/inventory/{shop.add_product('Mug')}"
    old = shop.get(path).headers["ETag"]
    shop.put(path, {"quantity": 99})
    assert shop.get(path, if_none_match=old).status == 200


@each_write
@pytest.mark.parametrize("form", ["{tag}", "*", '"other", {tag}', '{tag},"other"'])
def test_write_with_matching_if_match_succeeds(
    shop: Shop, resource: str, method: str, body: Any, form: str
) -> None:
    path = new_row_path(shop, resource)
    tag = shop.get(path).headers["ETag"]
    response = shop.call(method, path, body, if_match=form.format(tag=tag))
    assert response.status == (204 if method == "DELETE" else 200)


@each_write
@pytest.mark.parametrize("form", ['"other"', "W/{tag}", '"other", W/{tag}', '""'])
def test_write_with_failing_if_match_is_412(
    shop: Shop, resource: str, method: str, body: Any, form: str
) -> None:
    path = new_row_path(shop, resource)
    tag = shop.get(path).headers["ETag"]
    before = table_contents(shop)
    response = shop.call(method, path, body, if_match=form.format(tag=tag))
    assert (response.status, response.code, table_contents(shop)) == (412, "stale_version", before)


@each_write
def test_write_with_stale_etag_is_412(shop: Shop, resource: str, method: str, body: Any) -> None:
    path = new_row_path(shop, resource)
    old = shop.get(path).headers["ETag"]
    shop.call("PATCH", path, RESOURCES[resource].concurrent_patch)
    assert shop.call(method, path, body, if_match=old).status == 412


def test_stock_change_makes_product_etag_stale(shop: Shop) -> None:
    id = shop.add_product("Mug")
    old = shop.get(f"/api/products/{id}").headers["ETag"]
    shop.patch(f"/api/inventory/{id}", {"delta": 1})
    assert shop.put(f"/api/products/{id}", RESOURCES["products"].body, if_match=old).status == 412


@each_write
def test_if_match_on_missing_row_is_404(shop: Shop, resource: str, method: str, body: Any) -> None:
    shop.add_category("mugs")
    assert shop.call(method, f"/api/{resource}/404", body, if_match='"1"').status == 404


@each_write
@pytest.mark.parametrize("header", ["1.1", "'1'", '"1', '"a" "b"', "W/1", 'w/"1"', '*, "1"'])
def test_malformed_if_match_is_400(
    shop: Shop, resource: str, method: str, body: Any, header: str
) -> None:
    response = shop.call(method, new_row_path(shop, resource), body, if_match=header)
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


@each_resource
@pytest.mark.parametrize("header", UNREADABLE)
def test_read_ignores_malformed_preconditions(shop: Shop, resource: str, header: str) -> None:
    path = new_row_path(shop, resource)
    assert shop.get(path, if_none_match=header).status == 200
    assert shop.get(path, if_match=header).status == 200


@pytest.mark.parametrize("header", UNREADABLE)
def test_write_with_malformed_if_none_match_is_400(shop: Shop, header: str) -> None:
    path = new_row_path(shop, "products")
    before = table_contents(shop)
    for method in ("PUT", "PATCH", "DELETE"):
        response = shop.call(method, path, RESOURCES["products"].body, if_none_match=header)
        expected = (400, "invalid_request", True)
        assert (
            response.status,
            response.code,
            "If-None-Match" in response.json["detail"],
        ) == expected
    response = shop.post("/api/products", RESOURCES["products"].body, if_none_match=header)
    assert response.status == 400
    assert table_contents(shop) == before


@each_write
@pytest.mark.parametrize(
    "form", ["*", " * ", "{tag}", "W/{tag}", '"other", {tag}', ', ,\tW/{tag} ,"x"']
)
def test_write_with_failing_if_none_match_is_412(
    shop: Shop, resource: str, method: str, body: Any, form: str
) -> None:
    path = new_row_path(shop, resource)
    tag = shop.get(path).headers["ETag"]
    before = table_contents(shop)
    response = shop.call(method, path, body, if_none_match=form.format(tag=tag))
    assert (response.status, response.code, table_contents(shop)) == (412, "stale_version", before)


@each_write
@pytest.mark.parametrize("header", ['"other"', 'W/"other"', '"a", "b"', '""'])
def test_write_with_passing_if_none_match_succeeds(
    shop: Shop, resource: str, method: str, body: Any, header: str
) -> None:
    response = shop.call(method, new_row_path(shop, resource), body, if_none_match=header)
    assert response.status == (204 if method == "DELETE" else 200)


@each_write
def test_both_preconditions_must_hold(shop: Shop, resource: str, method: str, body: Any) -> None:
    path = new_row_path(shop, resource)
    tag = shop.get(path).headers["ETag"]
    before = table_contents(shop)
    for match, unless in ((tag, tag), (tag, "*"), ('"other"', '"other"'), ("*", tag), ("*", "*")):
        assert shop.call(method, path, body, if_match=match, if_none_match=unless).status == 412
    assert table_contents(shop) == before
    response = shop.call(method, path, body, if_match=tag, if_none_match='"other"')
    assert response.status == (204 if method == "DELETE" else 200)


@each_write
@pytest.mark.parametrize("header", ["*", '"1"'])
def test_preconditions_on_missing_row_are_404(
    shop: Shop, resource: str, method: str, body: Any, header: str
) -> None:
    shop.add_category("mugs")
    for name in ("if_match", "if_none_match"):
        assert shop.call(method, f"/api/{resource}/404", body, **{name: header}).status == 404


@each_resource
def test_read_with_stale_if_match_is_412(shop: Shop, resource: str) -> None:
    path = new_row_path(shop, resource)
    tag = shop.get(path).headers["ETag"]
    for header in ('"other"', f"W/{tag}"):
        assert shop.get(path, if_match=header, if_none_match=tag).status == 412
    assert shop.get(path, if_match=f'"x", {tag}').status == 200
    assert shop.get(path, if_match=tag, if_none_match=tag).status == 304
    assert shop.get(path, if_match="*").status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_none_match": "*"}, 412),
        ({"if_match": '"1"'}, 412),
        ({"if_match": "*"}, 201),
        ({"if_none_match": '"1"'}, 201),
        ({"if_match": "x"}, 400),
    ],
)
def test_list_exists_and_has_no_etag(shop: Shop, headers: dict[str, str], status: int) -> None:
    id = shop.add_product("Mug")
    assert shop.post("/api/categories", {"name": "Cups"}, **headers).status == status
    assert shop.sql("SELECT count(*) FROM categories WHERE name = 'Cups'") == [[int(status == 201)]]
    updates = {"updates": [{"product_id": id, "quantity": 77}]}
    assert shop.patch("/api/inventory", updates, **headers).status == (
        200 if status == 201 else status
    )
    assert shop.graphql("{__typename}", **headers).status == 200


def test_one_of_two_conditional_writers_wins(shop: Shop) -> None:
    """Both have read version 1; the row lock lets only one of them update it."""
    users = runtime.current().get(UserRepository)
    barrier = Barrier(2)

    def write(id: int, name: str) -> str:
        barrier.wait()
        try:
            return users.update(
                id, {"name": name}, Precondition(if_match=["1", "2"], if_none_match=["2"])
            ).etag
        except StaleVersion:
            return "stale"

    with ThreadPoolExecutor(2) as threads:
        for n in range(20):
            id = shop.add_user(f"u{n}@example.com")
            assert sorted(threads.map(write, (id, id), ("Bob", "Eve"))) == ["2", "stale"]


@each_resource
def test_empty_list_elements_are_skipped(shop: Shop, resource: str) -> None:
    path = new_row_path(shop, resource)
    tag = shop.get(path).headers["ETag"]
    assert shop.get(path, if_none_match=f'"other", , {tag},').status == 304


def test_stale_version_precedes_out_of_stock(shop: Shop) -> None:
    path = f"/api/inventory/{shop.add_product('Mug', stock=1)}"
    assert shop.patch(path, {"delta": -2}, if_match='"other"').status == 412

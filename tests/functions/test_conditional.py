"""ETags, If-None-Match and If-Match: nobody fetches twice what they have, nobody overwrites what they have not seen."""

from typing import Any

import pytest

from tests.fixtures.resources import RESOURCES, body_of, of_a_row, operations, path_of
from tests.fixtures.shop import Shop, tables

# resource, method and body of whatever changes a row
WRITES: list[tuple[str, str, Any]] = [
    (name, operation.method, RESOURCES[name].patch if operation.method == "PATCH" else body_of(name, operation))
    for name in RESOURCES
    for operation in operations(name)
    if of_a_row(operation) and operation.method != "GET"
]
writes = pytest.mark.parametrize(("resource", "method", "body"), WRITES)
resources = pytest.mark.parametrize("resource", RESOURCES)


def state(shop: Shop) -> list[list[Any]]:
    return [row for table in tables(shop) for row in shop.sql(f"SELECT * FROM {table} t ORDER BY t::text")]


@resources
def test_a_single_resource_has_a_strong_etag(shop: Shop, resource: str) -> None:
    etag = shop.get(path_of(shop, resource)).headers["ETag"]
    assert etag.startswith('"')
    assert etag.endswith('"')
    assert len(etag) > 2


@resources
def test_the_etag_stays_while_nothing_changes(shop: Shop, resource: str) -> None:
    path = path_of(shop, resource)
    assert shop.get(path).headers["ETag"] == shop.get(path).headers["ETag"]


@writes
def test_a_change_changes_the_etag_and_answers_the_new_one(shop: Shop, resource: str, method: str, body: Any) -> None:
    path = path_of(shop, resource)
    before = shop.get(path).headers["ETag"]
    changed = shop.call(method, path, body)
    if method == "DELETE":
        assert changed.status == 204
        return
    assert changed.headers["ETag"] != before
    assert changed.headers["ETag"] == shop.get(path).headers["ETag"]


def test_a_products_etag_changes_with_its_stock(shop: Shop) -> None:
    id = shop.product("Mug")
    before = shop.get(f"/api/products/{id}").headers["ETag"]
    shop.patch(f"/api/inventory/{id}", {"delta": -1})
    assert shop.get(f"/api/products/{id}").headers["ETag"] != before


def test_a_products_etag_changes_with_its_categorys_slug(shop: Shop) -> None:
    path = f"/api/products/{shop.product('Mug')}"
    before = shop.get(path).headers["ETag"]
    shop.patch(f"/api/categories/{shop.sql('SELECT id FROM categories')[0][0]}", {"slug": "cups"})
    assert shop.get(path).headers["ETag"] != before


def test_an_etag_does_not_return_when_a_value_does(shop: Shop) -> None:
    path = f"/api/inventory/{shop.product('Mug')}"
    before = shop.get(path)
    shop.patch(path, {"delta": 1})
    after = shop.patch(path, {"delta": -1})
    assert after.json["quantity"] == before.json["quantity"]
    assert after.headers["ETag"] != before.headers["ETag"]


@resources
@pytest.mark.parametrize("form", ["{tag}", "*", "W/{tag}", '"other", {tag}', '"other",{tag} , "third"'])
def test_what_the_client_holds_already_is_304_without_body(shop: Shop, resource: str, form: str) -> None:
    path = path_of(shop, resource)
    tag = shop.get(path).headers["ETag"]
    for method in ("GET", "HEAD"):
        answer = shop.call(method, path, if_none_match=form.format(tag=tag))
        assert (answer.status, answer.text, answer.headers["ETag"]) == (304, "", tag)
        assert "Content-Type" not in answer.headers


@resources
@pytest.mark.parametrize("tags", ['"other"', 'W/"other"', '"a", "b"', '""'])
def test_what_the_client_does_not_hold_is_200(shop: Shop, resource: str, tags: str) -> None:
    answer = shop.get(path_of(shop, resource), if_none_match=tags)
    assert (answer.status, answer.text != "") == (200, True)


def test_a_stale_if_none_match_is_200_after_a_change(shop: Shop) -> None:
    path = f"/api/inventory/{shop.product('Mug')}"
    old = shop.get(path).headers["ETag"]
    shop.put(path, {"quantity": 99})
    assert shop.get(path, if_none_match=old).status == 200


@writes
@pytest.mark.parametrize("form", ["{tag}", "*", '"other", {tag}', '{tag},"other"'])
def test_a_write_goes_through_where_if_match_holds(
    shop: Shop, resource: str, method: str, body: Any, form: str
) -> None:
    path = path_of(shop, resource)
    tag = shop.get(path).headers["ETag"]
    answer = shop.call(method, path, body, if_match=form.format(tag=tag))
    assert answer.status == (204 if method == "DELETE" else 200)


@writes
@pytest.mark.parametrize("form", ['"other"', "W/{tag}", '"other", W/{tag}', '""'])
def test_a_write_is_412_where_if_match_does_not_hold(
    shop: Shop, resource: str, method: str, body: Any, form: str
) -> None:
    path = path_of(shop, resource)
    tag, before = shop.get(path).headers["ETag"], state(shop)
    answer = shop.call(method, path, body, if_match=form.format(tag=tag))
    assert (answer.status, answer.code, state(shop)) == (412, "stale_version", before)


@writes
def test_a_write_with_an_etag_from_before_a_change_is_412(shop: Shop, resource: str, method: str, body: Any) -> None:
    path = path_of(shop, resource)
    old = shop.get(path).headers["ETag"]
    shop.call("PATCH", path, RESOURCES[resource].between)
    assert shop.call(method, path, body, if_match=old).status == 412


def test_a_product_is_not_replaced_by_who_has_not_seen_its_stock(shop: Shop) -> None:
    id = shop.product("Mug")
    old = shop.get(f"/api/products/{id}").headers["ETag"]
    shop.patch(f"/api/inventory/{id}", {"delta": 1})
    assert shop.put(f"/api/products/{id}", RESOURCES["products"].body, if_match=old).status == 412


@writes
def test_a_missing_row_is_404_whatever_if_match_says(shop: Shop, resource: str, method: str, body: Any) -> None:
    shop.category("mugs")
    assert shop.call(method, f"/api/{resource}/404", body, if_match='"1"').status == 404


@writes
@pytest.mark.parametrize("header", ["1.1", "'1'", '"1', '"a" "b"', "W/1", 'w/"1"', '*, "1"'])
def test_an_if_match_that_cannot_be_read_is_400(shop: Shop, resource: str, method: str, body: Any, header: str) -> None:
    answer = shop.call(method, path_of(shop, resource), body, if_match=header)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert "If-Match" in answer.json["detail"]


@resources
def test_an_if_none_match_that_cannot_be_read_is_400(shop: Shop, resource: str) -> None:
    answer = shop.get(path_of(shop, resource), if_none_match="1.1")
    assert (answer.status, "If-None-Match" in answer.json["detail"]) == (400, True)


@resources
def test_empty_elements_in_a_list_of_tags_are_passed_over(shop: Shop, resource: str) -> None:
    path = path_of(shop, resource)
    tag = shop.get(path).headers["ETag"]
    assert shop.get(path, if_none_match=f'"other", , {tag},').status == 304


def test_out_of_stock_does_not_hide_a_stale_version(shop: Shop) -> None:
    path = f"/api/inventory/{shop.product('Mug', stock=1)}"
    assert shop.patch(path, {"delta": -2}, if_match='"other"').status == 412

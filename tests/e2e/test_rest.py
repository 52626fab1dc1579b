"""REST: the lifecycle of a resource, lists, conditional requests and invalid input."""

import pytest

from tests.e2e.conftest import Products
from tests.e2e.deployment import Deployment


def test_product_lifecycle(api: Deployment, products: Products, category: str) -> None:
    made = products(description="of the e2e suite")
    path = made.headers["location"]
    path = path[path.index("/api/") :]
    assert api("GET", path).json == made.json
    replaced = api(
        "PUT",
        path,
        {"name": made.json["name"], "description": None, "price": 5, "category": category},
    )
    assert (replaced.status, replaced.json["price"], replaced.json["version"]) == (200, "5.00", 2)
    patched = api("PATCH", path, {"price": "6.50"}, content_type="application/merge-patch+json")
    expected = (200, "6.50", None)
    assert (patched.status, patched.json["price"], patched.json["description"]) == expected
    assert api("DELETE", path).status == 204
    assert api("GET", path).code == "not_found"


def test_conditional_requests_compare_the_etag(api: Deployment, products: Products) -> None:
    made = products()
    path = f"/api/products/{made.json['id']}"
    etag = made.headers["etag"]
    same = api("GET", path, if_none_match=etag)
    assert (same.status, same.body, same.headers["etag"]) == (304, b"", etag)
    changed = api("PATCH", path, {"price": "1.00"}, if_match=etag)
    assert changed.status == 200
    stale = api("PATCH", path, {"price": "2.00"}, if_match=etag)
    assert (stale.status, stale.code) == (412, "stale_version")
    assert api("GET", path, if_none_match=etag).json["price"] == "1.00"


def test_cursor_visits_every_row_once(api: Deployment, products: Products, category: str) -> None:
    made = {products(price=price).json["id"] for price in ("3.00", "1.00", "3.00", "2.00", "3.00")}
    path = f"/api/products?category={category}&sort=price:desc&limit=2"
    rows = []
    page = api("GET", path).json
    rows += page["data"]
    while page["pagination"]["has_more"]:
        page = api("GET", f"{path}&cursor={page['pagination']['next_cursor']}").json
        rows += page["data"]
    ids = [product["id"] for product in rows]
    assert len(ids) == len(set(ids))
    assert made <= set(ids)
    prices = [float(product["price"]) for product in rows]
    assert prices == sorted(prices, reverse=True)


def test_list_has_link_total_and_fields(api: Deployment, products: Products, category: str) -> None:
    products(), products()
    page = api(
        "GET", f"/api/products?category={category}&limit=1&include_total=true&fields=id,name"
    )
    assert page.json["pagination"]["total"] >= 2
    assert set(page.json["data"][0]) == {"id", "name"}
    assert 'rel="next"' in page.headers["link"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=101", "limit"),
        ("nothing=1", "nothing"),
        ("sort=colour:asc", "sort"),
        ("price_min=x", "price_min"),
    ],
)
def test_invalid_parameter_is_400(api: Deployment, query: str, parameter: str) -> None:
    response = api("GET", f"/api/products?{query}")
    expected = (400, "invalid_parameter", {parameter})
    assert (response.status, response.code, response.errors) == expected


def test_changed_cursor_is_rejected(api: Deployment) -> None:
    response = api("GET", "/api/products?cursor=e2e")
    assert (response.status, response.code) == (400, "invalid_cursor")


def test_all_field_errors_are_named(api: Deployment, category: str) -> None:
    body = {"name": "", "price": "-1", "category": category, "colour": "red"}
    response = api("POST", "/api/products", body)
    assert (response.status, response.code) == (422, "validation_failed")
    assert response.errors == {"/name", "/price", "/colour"}


def test_duplicate_and_referenced_rows_are_409(
    api: Deployment, products: Products, category: str
) -> None:
    made = products().json
    body = {"name": made["name"], "price": 1, "category": category}
    assert api("POST", "/api/products", body).code == "duplicate"
    (found,) = api("GET", f"/api/categories?slug={category}").json["data"]
    rejected = api("DELETE", f"/api/categories/{found['id']}")
    assert (rejected.status, rejected.code) == (409, "still_referenced")


def test_stock_never_falls_below_zero(api: Deployment, products: Products) -> None:
    path = f"/api/inventory/{products(inventory=3).json['id']}"
    assert api("PATCH", path, {"delta": -2}).json["quantity"] == 1
    short = api("PATCH", path, {"delta": -2})
    assert (short.status, short.code) == (409, "out_of_stock")
    assert api("PUT", path, {"quantity": 7}).json["quantity"] == 7
    updates = [{"product_id": int(path.rpartition("/")[2]), "quantity": 4}]
    assert api("PATCH", "/api/inventory", {"updates": updates}).json == {"updated": 1}


def test_other_method_is_405(api: Deployment) -> None:
    response = api("PUT", "/api/products", {})
    assert (response.status, response.code) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= {method.strip() for method in response.headers["allow"].split(",")}


@pytest.mark.parametrize(
    ("raw", "content_type", "status", "code"),
    [
        (b'{"name": ', "application/json", 400, "invalid_request"),
        (b'{"name": "\xff"}', "application/json", 400, "invalid_request"),
        (b"name=x", "text/plain", 415, "unsupported_media_type"),
        (b'{"name": "' + b"x" * 1024 * 1024 + b'"}', "application/json", 413, "too_large"),
    ],
)
def test_unreadable_body_is_rejected(
    api: Deployment, raw: bytes, content_type: str, status: int, code: str
) -> None:
    if b"\xff" in raw:
        api.skip_on_sam_local("answers 502 to a body that is not UTF-8, and asks no function")
    response = api("POST", "/api/categories", raw=raw, content_type=content_type)
    assert (response.status, response.code) == (status, code)


def test_accept_without_json_is_406(api: Deployment) -> None:
    response = api("GET", "/api/products", accept="text/csv")
    assert (response.status, response.code) == (406, "not_acceptable")

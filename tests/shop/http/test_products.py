"""Products over REST: create, read, replace, patch and delete."""

from typing import Any

import pytest

from tests.fixtures.shop import Shop

BLUE_MUG = {"name": "Blue mug", "description": "For tea", "price": "12.50", "category": "mugs"}


def test_create_returns_product_and_location(shop: Shop) -> None:
    shop.add_category("mugs")
    response = shop.post("/api/products", BLUE_MUG)
    assert response.status == 201
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Location"] == f"/api/products/{response.json['id']}"
    assert response.json == {
        **BLUE_MUG,
        "id": response.json["id"],
        "inventory": 0,
        "created_at": response.json["created_at"],
        "updated_at": response.json["created_at"],
        "version": 1,
    }


def test_created_product_is_at_its_location(shop: Shop) -> None:
    shop.add_category("mugs")
    created = shop.post("/api/products", BLUE_MUG)
    found = shop.get(created.headers["Location"])
    expected = (200, created.text, created.headers["ETag"])
    assert (found.status, found.text, found.headers["ETag"]) == expected


def test_create_may_set_the_stock(shop: Shop) -> None:
    shop.add_category("mugs")
    response = shop.post("/api/products", {**BLUE_MUG, "inventory": 7})
    assert response.json["inventory"] == 7
    assert shop.get(f"/api/inventory/{response.json['id']}").json["quantity"] == 7


def test_description_defaults_to_null(shop: Shop) -> None:
    shop.add_category("mugs")
    response = shop.post("/api/products", {"name": "Plain", "price": "1", "category": "mugs"})
    assert (response.status, response.json["description"]) == (201, None)


def test_times_are_rfc_3339_in_utc(shop: Shop) -> None:
    id = shop.add_product("Mug")
    shop.sql("UPDATE products SET created_at = '2026-01-31 13:00:00.5+01' WHERE id = :id", id=id)
    assert shop.get(f"/api/products/{id}").json["created_at"] == "2026-01-31T12:00:00.500000Z"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("19.99", "19.99"),
        (19.99, "19.99"),
        (20, "20.00"),
        ("20", "20.00"),
        ("20.5", "20.50"),
        (" 1.10 ", "1.10"),
        (0, "0.00"),
        ("0.10", "0.10"),
        (1.5e1, "15.00"),
        ("9999999999.99", "9999999999.99"),
        (9999999999.99, "9999999999.99"),
    ],
)
def test_price_may_be_number_or_string(shop: Shop, sent: object, shown: str) -> None:
    shop.add_category("mugs")
    assert shop.post("/api/products", {**BLUE_MUG, "price": sent}).json["price"] == shown


@pytest.mark.parametrize(
    ("price", "code"),
    [
        (-0.01, "out_of_range"),
        ("-1", "out_of_range"),
        ("10000000000", "out_of_range"),
        (10**12, "out_of_range"),
        ("1.001", "invalid"),
        (0.005, "invalid"),
        ("free", "type"),
        ("1e2", "type"),
        ("", "type"),
        ("1,50", "type"),
        ("٣", "type"),
        (True, "type"),
        (None, "type"),
        ([], "type"),
        ({}, "type"),
    ],
)
def test_invalid_price_is_422(shop: Shop, price: object, code: str) -> None:
    shop.add_category("mugs")
    response = shop.post("/api/products", {**BLUE_MUG, "price": price})
    expected = (422, "validation_failed", {"/price": code})
    assert (response.status, response.code, response.errors) == expected


@pytest.mark.parametrize("digits", ["1e400", "1e-400", "1e1000000", "1" * 4000, "0." + "1" * 4000])
def test_huge_number_is_422(shop: Shop, digits: str) -> None:
    body = '{"name": "Mug", "category": "mugs", "price": ' + digits + "}"
    response = shop.call("POST", "/api/products", raw=body.encode())
    assert (response.status, list(response.errors)) == (422, ["/price"])


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", "", "too_short"),
        ("name", "   ", "too_short"),
        ("name", "x" * 201, "too_long"),
        ("name", None, "type"),
        ("name", 5, "type"),
        ("name", "a\0b", "invalid"),
        ("name", "half \ud83d", "invalid"),
        ("description", "x" * 10_001, "too_long"),
        ("description", 5, "type"),
        ("description", "a\0b", "invalid"),
        ("category", "No Slug", "invalid"),
        ("category", "", "too_short"),
        ("category", None, "type"),
        ("inventory", -1, "out_of_range"),
        ("inventory", 2**31, "out_of_range"),
        ("inventory", 1.5, "type"),
        ("inventory", "5", "type"),
        ("inventory", True, "type"),
        ("inventory", None, "type"),
        ("colour", "blue", "unknown_field"),
    ],
)
def test_invalid_field_is_422(shop: Shop, field: str, value: Any, code: str) -> None:
    shop.add_category("mugs")
    response = shop.post("/api/products", {**BLUE_MUG, field: value})
    expected = (422, "validation_failed", {f"/{field}": code})
    assert (response.status, response.code, response.errors) == expected


@pytest.mark.parametrize(
    ("field", "length"), [("name", 1), ("name", 200), ("description", 0), ("description", 10_000)]
)
def test_text_length_is_counted_in_characters(shop: Shop, field: str, length: int) -> None:
    shop.add_category("mugs")
    response = shop.post("/api/products", {**BLUE_MUG, field: "😀" * length})
    assert (response.status, response.json[field]) == (201, "😀" * length)


def test_text_is_stripped_and_kept(shop: Shop) -> None:
    shop.add_category("mugs")
    text = '\u202eשלום\u202c <b>&amp;</b> "\\ é e\u0301 😀'
    response = shop.post(
        "/api/products", {**BLUE_MUG, "name": "  Two  inner\tspaces \n", "description": f" {text} "}
    )
    assert response.json["name"] == "Two  inner\tspaces"
    assert response.json["description"] == text


def test_all_field_errors_are_named(shop: Shop) -> None:
    response = shop.post(
        "/api/products", {"name": "", "price": -1, "inventory": "x", "colour": 1, "a/b~c": 2}
    )
    assert response.status == 422
    assert response.errors == {
        "/category": "required",
        "/name": "too_short",
        "/price": "out_of_range",
        "/inventory": "type",
        "/colour": "unknown_field",
        "/a~1b~0c": "unknown_field",
    }


def test_unknown_category_is_422(shop: Shop) -> None:
    response = shop.post("/api/products", {**BLUE_MUG, "category": "nowhere"})
    assert (response.status, list(response.errors)) == (422, ["/category"])


def test_duplicate_name_is_409(shop: Shop) -> None:
    shop.add_product("Blue mug")
    response = shop.post("/api/products", BLUE_MUG)
    expected = (409, "duplicate", {"/name": "duplicate"})
    assert (response.status, response.code, response.errors) == expected


def test_rejected_product_leaves_no_rows(shop: Shop) -> None:
    shop.add_product("Blue mug")
    shop.post("/api/products", BLUE_MUG)
    shop.post("/api/products", {**BLUE_MUG, "name": "Other", "category": "nowhere"})
    counts = "SELECT (SELECT count(*) FROM products), (SELECT count(*) FROM inventory)"
    assert shop.sql(counts) == [[1, 1]]


def test_read_only_fields_are_ignored(shop: Shop) -> None:
    shop.add_category("mugs")
    forged = {"id": 99, "created_at": "never", "updated_at": None, "version": 7}
    response = shop.post("/api/products", {**BLUE_MUG, **forged})
    assert (response.status, response.json["version"]) == (201, 1)
    assert response.json["id"] != 99


def test_get_response_can_be_put_back(shop: Shop) -> None:
    path = f"/api/products/{shop.add_product('Mug')}"
    current = shop.get(path)
    put = shop.put(path, current.json)
    expected = (200, current.text, current.headers["ETag"])
    assert (put.status, put.text, put.headers["ETag"]) == expected


def test_put_replaces_every_writable_field(shop: Shop) -> None:
    id = shop.add_product("Old", stock=3)
    shop.add_category("cups")
    response = shop.put(f"/api/products/{id}", {**BLUE_MUG, "category": "cups", "inventory": 99})
    assert response.status == 200
    assert {name: response.json[name] for name in BLUE_MUG} == {**BLUE_MUG, "category": "cups"}
    assert (response.json["version"], response.json["inventory"]) == (2, 3)
    assert response.text == shop.get(f"/api/products/{id}").text


@pytest.mark.parametrize("missing", sorted(BLUE_MUG))
def test_put_requires_every_writable_field(shop: Shop, missing: str) -> None:
    id = shop.add_product("Mug")
    response = shop.put(
        f"/api/products/{id}", {name: value for name, value in BLUE_MUG.items() if name != missing}
    )
    assert (response.status, response.errors) == (422, {f"/{missing}": "required"})


def test_patch_changes_only_given_fields(shop: Shop) -> None:
    id = shop.add_product("Mug", price="3.00")
    before = shop.get(f"/api/products/{id}").json
    response = shop.patch(f"/api/products/{id}", {"price": "4.00"})
    changed = {"price": "4.00", "version": 2, "updated_at": response.json["updated_at"]}
    assert (response.status, response.json) == (200, {**before, **changed})
    assert response.json["updated_at"] > before["updated_at"]


def test_patch_with_null_clears_description(shop: Shop) -> None:
    id = shop.add_product("Mug")
    assert shop.patch(f"/api/products/{id}", {"description": "Nice"}).json["description"] == "Nice"
    assert shop.patch(f"/api/products/{id}", {"description": None}).json["description"] is None


@pytest.mark.parametrize("body", [{}, {"version": 9, "inventory": 70, "id": 3}, {"name": "Mug"}])
def test_patch_without_changes_keeps_the_version(shop: Shop, body: Any) -> None:
    path = f"/api/products/{shop.add_product('Mug')}"
    before = shop.get(path).text
    response = shop.patch(path, body)
    assert (response.status, response.text) == (200, before)


def test_patch_accepts_merge_patch_media_type(shop: Shop) -> None:
    id = shop.add_product("Mug")
    response = shop.patch(
        f"/api/products/{id}", {"name": "Cup"}, content_type="application/merge-patch+json"
    )
    assert (response.status, response.json["name"]) == (200, "Cup")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_update_to_duplicate_name_is_409(shop: Shop, method: str) -> None:
    shop.add_product("Taken")
    id = shop.add_product("Mug")
    response = shop.call(method, f"/api/products/{id}", {**BLUE_MUG, "name": "Taken"})
    expected = (409, "duplicate", {"/name": "duplicate"})
    assert (response.status, response.code, response.errors) == expected


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_update_to_unknown_category_is_422(shop: Shop, method: str) -> None:
    id = shop.add_product("Mug")
    response = shop.call(method, f"/api/products/{id}", {**BLUE_MUG, "category": "nowhere"})
    assert (response.status, list(response.errors)) == (422, ["/category"])


def test_delete_is_204_and_deletes_stock(shop: Shop) -> None:
    id = shop.add_product("Mug")
    response = shop.delete(f"/api/products/{id}")
    assert (response.status, response.text) == (204, "")
    assert shop.get(f"/api/products/{id}").status == 404
    assert shop.sql("SELECT count(*) FROM inventory") == [[0]]


def test_delete_of_ordered_product_is_409(shop: Shop) -> None:
    id = shop.add_product("Mug")
    shop.sql("INSERT INTO users (email, name) VALUES ('a@example.com', 'A')")
    shop.sql("INSERT INTO orders (user_id, total) SELECT id, 9.99 FROM users")
    shop.sql("INSERT INTO order_items SELECT id, :p, 1, 9.99 FROM orders", p=id)
    response = shop.delete(f"/api/products/{id}")
    assert (response.status, response.code) == (409, "still_referenced")
    assert shop.get(f"/api/products/{id}").status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("id", ["0", "404", str(2**63 - 1), str(2**63), "9" * 100])
def test_unknown_id_is_404(shop: Shop, method: str, id: str) -> None:
    shop.add_category("mugs")
    response = shop.call(
        method, f"/api/products/{id}", None if method in ("GET", "DELETE") else BLUE_MUG
    )
    assert (response.status, response.code) == (404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "id", ["-1", "+1", "1.0", "1e3", "abc", "٣", "1 ", "%31", "null", "1;drop", '"1"', "😀"]
)
def test_invalid_id_is_400(shop: Shop, method: str, id: str) -> None:
    response = shop.call(
        method, f"/api/products/{id}", None if method in ("GET", "DELETE") else BLUE_MUG
    )
    expected = (400, "invalid_parameter", {"id": "invalid"})
    assert (response.status, response.code, response.errors) == expected


def test_fields_selects_fields(shop: Shop) -> None:
    id = shop.add_product("Mug")
    assert shop.get(f"/api/products/{id}?fields=name,id").json == {"id": id, "name": "Mug"}


@pytest.mark.parametrize("body", [[], "text", 5, None, True, [BLUE_MUG]])
def test_body_that_is_not_an_object_is_422(shop: Shop, body: object) -> None:
    response = shop.call("POST", "/api/products", body if body is not None else "null")
    assert (response.status, response.errors) == (422, {"": "type"})

"""Categories over REST: create, read, replace, patch and delete."""

from typing import Any

import pytest

from tests.fixtures.shop import Shop


def test_create_returns_category_and_location(shop: Shop) -> None:
    response = shop.post("/api/categories", {"name": "Tea cups", "slug": "cups"})
    assert response.status == 201
    assert response.headers["Location"] == f"/api/categories/{response.json['id']}"
    assert response.json == {
        "id": response.json["id"],
        "name": "Tea cups",
        "slug": "cups",
        "created_at": response.json["created_at"],
        "updated_at": response.json["created_at"],
        "version": 1,
    }
    assert shop.get(response.headers["Location"]).text == response.text


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Tea & Coffee", "tea-coffee"),
        ("  Mugs  ", "mugs"),
        ("Crème brûlée", "creme-brulee"),
        ("4K -- TVs!", "4k-tvs"),
        ("--x--", "x"),
        ("㎒" * 200, ("mhz" * 200)[:200]),
        ("Straße", "strasse"),
        ("GROẞE Größe", "grosse-grosse"),
        ("Łódź", "lodz"),
        ("Øl & Æbler", "ol-aebler"),
        ("İstanbul’da çay — ılık", "istanbul-da-cay-ilik"),
        ("Þórr ðæs Œuvre", "thorr-daes-oeuvre"),
        ("Чай и кофе", "chay-i-kofe"),
        ("茶", "cha"),
        ("cafe\u0301", "cafe"),
        ("Tea ☕ 🫖 Cups", "tea-cups"),
        ("Ｆｕｌｌ　Ｗｉｄｔｈ", "full-width"),
        ("½ price", "1-2-price"),
        ("茶" * 200, ("cha" * 200)[:200]),
        ("a" * 198 + " b", "a" * 198 + "-b"),
        ("a" * 198 + "æ", "a" * 198 + "ae"),
        ("٣ أكواب", "3-kwb"),
    ],
)
def test_missing_slug_is_derived_from_name(shop: Shop, name: str, slug: str) -> None:
    response = shop.post("/api/categories", {"name": name})
    assert (response.status, response.json["slug"]) == (201, slug)


@pytest.mark.parametrize("name", ["!!!", "😀", "👩‍👩‍👧 ❤️", "—", "®", "\u200b.", "…"])
def test_name_without_letters_needs_a_slug(shop: Shop, name: str) -> None:
    response = shop.post("/api/categories", {"name": name})
    assert (response.status, response.errors) == (422, {"/slug": "required"})


@pytest.mark.parametrize("body", [{"name": "Mugs", "slug": "mugs"}, {"name": "Mugs"}])
def test_duplicate_slug_is_409_at_the_sent_field(shop: Shop, body: Any) -> None:
    shop.add_category("mugs")
    response = shop.post("/api/categories", body)
    sent = "/slug" if "slug" in body else "/name"
    expected = (409, "duplicate", {sent: "duplicate"})
    assert (response.status, response.code, response.errors) == expected
    assert shop.post("/api/categories", body, idempotency_key="k").errors == {sent: "duplicate"}


def test_categories_may_share_a_name(shop: Shop) -> None:
    assert shop.post("/api/categories", {"name": "Mugs", "slug": "a"}).status == 201
    assert shop.post("/api/categories", {"name": "Mugs", "slug": "b"}).status == 201


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", "", "too_short"),
        ("name", "x" * 201, "too_long"),
        ("name", None, "type"),
        ("name", "a\0", "invalid"),
        ("slug", "", "too_short"),
        ("slug", "Mugs", "invalid"),
        ("slug", "a_b", "invalid"),
        ("slug", "é", "invalid"),
        ("slug", "a\nb", "invalid"),
        ("slug", "x" * 201, "too_long"),
        ("slug", None, "type"),
        ("slug", 5, "type"),
        ("parent", 1, "unknown_field"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_invalid_field_is_422(shop: Shop, method: str, field: str, value: Any, code: str) -> None:
    path = "/api/categories" if method == "POST" else f"/api/categories/{shop.add_category('mugs')}"
    response = shop.call(method, path, {"name": "Mugs", "slug": "cups", field: value})
    expected = (422, "validation_failed", {f"/{field}": code})
    assert (response.status, response.code, response.errors) == expected


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_read_only_fields_are_ignored(shop: Shop, method: str) -> None:
    path = "/api/categories" if method == "POST" else f"/api/categories/{shop.add_category('mugs')}"
    forged = {"id": 99, "created_at": 1, "updated_at": [], "version": "x"}
    response = shop.call(method, path, {"name": "Cups", "slug": "cups", **forged})
    assert (response.status, response.json["name"]) == (201 if method == "POST" else 200, "Cups")
    assert response.json["id"] != 99


def test_get_response_can_be_put_back(shop: Shop) -> None:
    path = f"/api/categories/{shop.add_category()}"
    current = shop.get(path)
    put = shop.put(path, current.json)
    assert (put.status, put.text) == (200, current.text)


def test_put_replaces_and_increments_version(shop: Shop) -> None:
    path = f"/api/categories/{shop.add_category('mugs')}"
    response = shop.put(path, {"name": "Cups", "slug": "cups"})
    assert (
        response.status,
        response.json["name"],
        response.json["slug"],
        response.json["version"],
    ) == (
        200,
        "Cups",
        "cups",
        2,
    )
    assert shop.get(path).text == response.text


def test_put_requires_slug(shop: Shop) -> None:
    response = shop.put(f"/api/categories/{shop.add_category()}", {"name": "Cups"})
    assert (response.status, response.errors) == (422, {"/slug": "required"})


def test_patch_changes_only_given_fields(shop: Shop) -> None:
    path = f"/api/categories/{shop.add_category('mugs')}"
    response = shop.patch(path, {"name": "Cups"})
    assert (response.status, response.json["name"], response.json["slug"]) == (200, "Cups", "mugs")


def test_empty_patch_keeps_the_version(shop: Shop) -> None:
    path = f"/api/categories/{shop.add_category()}"
    before = shop.get(path).text
    response = shop.patch(path, {})
    assert (response.status, response.text) == (200, before)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_update_to_duplicate_slug_is_409(shop: Shop, method: str) -> None:
    shop.add_category("taken")
    response = shop.call(
        method, f"/api/categories/{shop.add_category('mugs')}", {"name": "Mugs", "slug": "taken"}
    )
    expected = (409, "duplicate", {"/slug": "duplicate"})
    assert (response.status, response.code, response.errors) == expected


def test_new_slug_shows_in_products(shop: Shop) -> None:
    id = shop.add_product("Mug", category="mugs")
    category_id = shop.sql("SELECT category_id FROM products")[0][0]
    shop.patch(f"/api/categories/{category_id}", {"slug": "cups"})
    assert shop.get(f"/api/products/{id}").json["category"] == "cups"


def test_delete_is_204(shop: Shop) -> None:
    path = f"/api/categories/{shop.add_category()}"
    response = shop.delete(path)
    assert (response.status, response.text, shop.get(path).status) == (204, "", 404)


def test_delete_with_products_is_409(shop: Shop) -> None:
    shop.add_product("Mug")
    path = f"/api/categories/{shop.sql('SELECT id FROM categories')[0][0]}"
    response = shop.delete(path)
    assert (response.status, response.code, shop.get(path).status) == (409, "still_referenced", 200)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("id", "status"), [("404", 404), (str(2**63), 404), ("-1", 400), ("mugs", 400), ("🫖", 400)]
)
def test_unknown_id_is_404_and_invalid_id_400(
    shop: Shop, method: str, id: str, status: int
) -> None:
    body = None if method in ("GET", "DELETE") else {"name": "a", "slug": "a"}
    response = shop.call(method, f"/api/categories/{id}", body)
    expected = (status, "not_found" if status == 404 else "invalid_parameter")
    assert (response.status, response.code) == expected
    assert response.errors == ({} if status == 404 else {"id": "invalid"})


def test_fields_selects_fields(shop: Shop) -> None:
    assert shop.get(f"/api/categories/{shop.add_category('mugs')}?fields=slug").json == {
        "slug": "mugs"
    }

"""Categories over REST: slugs that are made from names."""

from typing import Any

import pytest

from tests.fixtures.shop import Shop


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


def test_new_slug_shows_in_products(shop: Shop) -> None:
    id = shop.add_product("Mug", category="mugs")
    category_id = shop.sql("SELECT category_id FROM products")[0][0]
    shop.patch(f"/api/categories/{category_id}", {"slug": "cups"})
    assert shop.get(f"/api/products/{id}").json["category"] == "cups"

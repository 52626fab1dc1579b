"""The statements of the shop's imports: products, stock, categories and users."""

from tests.fixtures.imports import ImportHarness
from tests.shop.imports.product_files import HEADER, products


def test_last_row_of_a_key_wins(harness: ImportHarness) -> None:
    harness.client.add_category("mugs")
    harness.load(HEADER + "Mug,one,1.00,mugs,1\nCup,,2.00,mugs,\nMug,two,3.00,mugs,2\n")
    assert products(harness) == [
        ["Cup", None, "2.00", "mugs", 0, 1],
        ["Mug", "two", "3.00", "mugs", 2, 1],
    ]


def test_unchanged_rows_keep_their_version(harness: ImportHarness) -> None:
    harness.client.add_category("mugs")
    text = HEADER + "".join(f"Mug {n},of clay,{n}.50,mugs,{n}\n" for n in range(50))
    for _ in range(2):
        job = harness.load(text)
        assert (job["rows_read"], job["rows_written"]) == (50, 50)
    assert {row[-1] for row in products(harness)} == {1}
    other = text.replace("Mug 7,of clay", "Mug 7,of glass").replace(
        "Mug 8,of clay,8.50,mugs,8", "Mug 8,,8.50,mugs,9"
    )
    assert harness.load(other)["rows_written"] == 50
    assert [row[0] for row in products(harness) if row[-1] == 2] == ["Mug 7", "Mug 8"]


def test_missing_columns_stay_unchanged(harness: ImportHarness) -> None:
    harness.client.add_category("mugs")
    harness.load(HEADER + "Mug,of clay,1.00,mugs,5\n")
    harness.load("category,PRICE, name\nmugs,2.00,Mug\nmugs,3.00,Cup\n")
    assert products(harness) == [
        ["Cup", None, "3.00", "mugs", 0, 1],
        ["Mug", "of clay", "2.00", "mugs", 5, 2],
    ]


def test_stock_is_set_by_name_or_id(harness: ImportHarness) -> None:
    mug, cup = harness.client.add_product("Mug"), harness.client.add_product("Cup")
    by_name = harness.load("product,quantity\nMug,7\nPot,1\nMug,8\n", "inventory")
    assert harness.rejects(by_name["id"]) == [(3, "product", "unknown")]
    by_id = harness.load(f"quantity,product_id\n9,{cup}\n1,999999999\n1,x\n,{mug}\n", "inventory")
    assert harness.rejects(by_id["id"]) == [
        (3, "product_id", "unknown"), (4, "product_id", "type"), (5, "quantity", "required")
    ]  # fmt: skip
    assert harness.client.sql("SELECT product_id, quantity FROM inventory ORDER BY 1") == [
        [mug, 8],
        [cup, 9],
    ]
    both = harness.load("product,product_id,quantity\nMug,1,1\n", "inventory")
    assert both["error"] == "exactly one of the columns product, product_id is required"


def test_users_are_matched_by_email_in_any_case(harness: ImportHarness) -> None:
    harness.client.add_user("Ada@Example.com", "Ada")
    job = harness.load(
        "email,name\nada@example.com,Ada Byron\nbob@example.com,Bob\ninvalid,N\n"
        "BOB@example.com,Rob\n",
        "users",
    )
    assert harness.rejects(job["id"]) == [(4, "email", "invalid")]
    assert harness.client.sql("SELECT email, name FROM users ORDER BY lower(email)") == [
        ["Ada@Example.com", "Ada Byron"], ["BOB@example.com", "Rob"]
    ]  # fmt: skip


def test_missing_slug_is_made_from_the_name(harness: ImportHarness) -> None:
    job = harness.load("name,slug\nTea & Coffee,\nMugs,cups\n!!!,\n", "categories")
    assert harness.rejects(job["id"]) == [(4, "slug", "required")]
    harness.load("name\nTea and Coffee\nTea & Coffee\n", "categories")
    assert harness.client.sql("SELECT name, slug FROM categories ORDER BY slug") == [
        ["Mugs", "cups"], ["Tea and Coffee", "tea-and-coffee"], ["Tea & Coffee", "tea-coffee"]
    ]  # fmt: skip

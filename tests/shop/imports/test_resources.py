"""The shop's own imports: stock, which is set by product, and the slugs of categories."""

import json

from tests.fixtures.imports import ImportHarness


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


def test_missing_slug_is_made_from_the_name(harness: ImportHarness) -> None:
    job = harness.load("name,slug\nTea & Coffee,\nMugs,cups\n!!!,\n", "categories")
    assert harness.rejects(job["id"]) == [(4, "slug", "required")]
    harness.load("name\nTea and Coffee\nTea & Coffee\n", "categories")
    assert harness.client.sql("SELECT name, slug FROM categories ORDER BY slug") == [
        ["Mugs", "cups"], ["Tea and Coffee", "tea-and-coffee"], ["Tea & Coffee", "tea-coffee"]
    ]  # fmt: skip


def test_json_lines_have_product_name_or_id(harness: ImportHarness) -> None:
    mug, cup = harness.client.add_product("Tin Mug"), harness.client.add_product("Cup")
    lines: list[dict[str, object]] = [
        {"product": "Tin Mug", "quantity": 3},
        {"product_id": cup, "quantity": 4},
        {"product": "Pot", "quantity": 1},
        {"product_id": 999_999_999, "quantity": 1},
        {"quantity": 1},
        {"product": "Cup", "product_id": cup, "quantity": 1},
        {"product": None, "product_id": cup, "quantity": 5},
        {"product": "Cup"},
        {"product": "Tin Mug", "product_id": None, "quantity": 6},
    ]
    job = harness.load("\n".join(map(json.dumps, lines)), "inventory", "file.jsonl")
    assert harness.rejects(job["id"]) == [
        (3, "product", "unknown"),
        (4, "product_id", "unknown"),
        (5, "product", "required"),
        (6, "product_id", "invalid"),
        (8, "quantity", "required"),
    ]
    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (9, 4, 5)
    assert harness.client.sql("SELECT product_id, quantity FROM inventory ORDER BY 1") == [
        [mug, 6],
        [cup, 5],
    ]

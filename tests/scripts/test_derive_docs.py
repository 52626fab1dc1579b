"""`make derive` writes the tables of documents between their marks, and nothing else."""

import pytest

from scripts.derive.docs import render
from scripts.derive.scan import Found, scan

PAGE = "Before.\n\n<!-- derived: {} -->\nold\n<!-- /derived -->\n\nAfter.\n"


@pytest.fixture(name="found", scope="module")
def resources_of_the_shop() -> Found:
    return scan("shop")


def test_text_around_a_table_is_kept(found: Found) -> None:
    page = render(PAGE.format("scopes"), found)

    assert page.startswith("Before.\n\n<!-- derived: scopes -->\n\n| scopes | routes |\n")
    assert page.endswith("|\n\n<!-- /derived -->\n\nAfter.\n")
    assert "| `users:read`, `users:write` | users |\n" in page
    assert "old" not in page


def test_resources_of_one_scope_share_a_row(found: Found) -> None:
    assert "| categories, products, inventory |" in render(PAGE.format("scopes"), found)


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("routes", "| orders | `GET POST /api/orders` · `GET PATCH /api/orders/{id}` |"),
        ("lists", "| categories | `search`, `slug` | `id`, `name`, `created_at` |"),
        ("tables", "| `order_items` | `order_id`, `product_id`, `quantity`, `unit_price` |"),
        (
            "imports",
            "| inventory | `quantity`, `product` or `product_id` |  | `product`, `product_id` |",
        ),
        ("imports", "| categories | `name` | `slug` | `slug` |"),
        ("graphql_scopes", "| `placeOrder`, `updateOrderStatus` | `orders:write` |"),
    ],
)
def test_table_has_what_is_declared(found: Found, table: str, row: str) -> None:
    assert row in render(PAGE.format(table), found).splitlines()


def test_types_without_a_scope_are_left_out(found: Found) -> None:
    assert "OrderItem" not in render(PAGE.format("graphql_scopes"), found)


def test_unknown_table_is_an_error(found: Found) -> None:
    with pytest.raises(KeyError, match="colours"):
        render(PAGE.format("colours"), found)

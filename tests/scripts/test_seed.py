"""Demo data: its consistency at any size, its variety, and usage errors."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scripts.seed import SeedError, main, seed_demo, seed_more
from sluice.migrations.runner import migrate_url
from tests.fixtures.shop import Shop

# Each query counts faulty rows. Faults that the tables' constraints prevent are not checked.
FAULTS = {
    "orders whose total is not the sum of their items": """
        SELECT count(*) FROM orders AS o WHERE total IS DISTINCT FROM
            (SELECT sum(quantity * unit_price) FROM order_items WHERE order_id = o.id)""",
    "orders of more than five items": """
        SELECT count(*)
        FROM (SELECT FROM order_items GROUP BY order_id HAVING count(*) > 5) AS o""",
    "items at another price than their product's": """
        SELECT count(*) FROM order_items JOIN products ON id = product_id
        WHERE unit_price <> price""",
    "products without stock, or stock that changed since": """
        SELECT count(*) FROM products LEFT JOIN inventory AS i ON product_id = id
        WHERE i.version IS DISTINCT FROM 1""",
    "rows from the future, or changed before they were created": """
        SELECT count(*) FROM (
            SELECT created_at, updated_at FROM products
            UNION ALL SELECT created_at, updated_at FROM orders
            UNION ALL SELECT created_at, updated_at FROM users
            UNION ALL SELECT created_at, updated_at FROM categories
        ) AS r WHERE NOT created_at <= updated_at OR NOT updated_at <= now()""",
    "orders older than their user": """
        SELECT count(*) FROM orders AS o JOIN users AS u ON u.id = user_id
        WHERE o.created_at < u.created_at""",
    "orders older than one of their products": """
        SELECT count(*)
        FROM order_items
        JOIN orders AS o ON o.id = order_id
        JOIN products AS p ON p.id = product_id
        WHERE o.created_at < p.created_at""",
    "versions that do not count the status changes of an order": """
        SELECT count(*) FROM orders
        WHERE version <> CASE status
            WHEN 'pending' THEN 1 WHEN 'shipped' THEN 3 WHEN 'delivered' THEN 4 ELSE 2 END""",
}
TABLES = ("categories", "products", "inventory", "users", "orders")


def faults(shop: Shop) -> dict[str, int]:
    found = {fault: shop.sql(query)[0][0] for fault, query in FAULTS.items()}
    return {fault: count for fault, count in found.items() if count}


def counts(shop: Shop) -> list[int]:
    return [shop.sql(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES]


def test_demo_shop_has_varied_data(shop: Shop) -> None:
    added = seed_demo(shop.url)
    categories, products, stocks, users, orders = counts(shop)
    assert added == categories + products + users + orders
    assert products == stocks > 150
    assert categories >= 12
    assert users >= 40
    assert orders == 300
    assert faults(shop) == {}
    facts = """
        SELECT count(*) FILTER (WHERE quantity = 0) BETWEEN 3 AND 15,
               count(*) FILTER (WHERE name ~ '[^\\x01-\\x7f]') > 5,
               count(DISTINCT description) = count(*), max(created_at) > now() - interval '10 days',
               min(created_at) < now() - interval '300 days'
        FROM products JOIN inventory ON product_id = id"""
    assert shop.sql(facts) == [[True] * 5]
    assert shop.sql(
        "SELECT count(DISTINCT status), min(created_at) > now() - interval '90 days' FROM orders"
    ) == [[5, True]]


def test_api_works_on_the_demo_shop(shop: Shop) -> None:
    seed_demo(shop.url)
    found = shop.get("/api/products?search=CRÊPE&category=kitchen").json["data"]
    assert [product["name"] for product in found] == ["Crêpe Pan"]
    assert shop.add_product("Something new", category="novelties") > 150


def test_second_demo_seed_changes_nothing(shop: Shop) -> None:
    seed_demo(shop.url)
    before = counts(shop)
    assert seed_demo(shop.url) == 0
    assert counts(shop) == before


def test_demo_seed_needs_an_empty_shop(shop: Shop) -> None:
    shop.add_category("kitchen")
    assert seed_demo(shop.url) == 0
    assert counts(shop) == [1, 0, 0, 0, 0]


def test_concurrent_demo_seeds_add_one_shop(shop: Shop) -> None:
    added: list[int] = []
    threads = [threading.Thread(target=lambda: added.append(seed_demo(shop.url))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    categories, products, _, users, orders = counts(shop)
    assert sorted(added) == [0, categories + products + users + orders]


def test_rows_can_be_added_repeatedly(shop: Shop) -> None:
    for run in (1, 2):
        seed_more(shop.url, products=2000, orders=3000)
        assert counts(shop) == [13, 2000 * run, 2000 * run, 300 * run, 3000 * run]
        assert faults(shop) == {}


def test_added_products_are_varied(shop: Shop) -> None:
    seed_more(shop.url, products=3000)
    facts = """
        SELECT count(DISTINCT price) BETWEEN 100 AND 1500,
               count(*) FILTER (WHERE quantity = 0) BETWEEN 50 AND 150,
               count(DISTINCT quantity) BETWEEN 100 AND 500, count(DISTINCT category_id) = 13,
               max(created_at) - min(created_at) > interval '1000 days'
        FROM products JOIN inventory ON product_id = id"""
    assert shop.sql(facts) == [[True] * 5]
    words = """
        SELECT count(*) FROM products, unnest(sluice.words(name)) AS word
        GROUP BY word ORDER BY 1 DESC"""
    frequencies = [row[0] for row in shop.sql(words)]
    assert frequencies[0] > 300
    assert frequencies[-1] == 1


def test_added_orders_are_varied(shop: Shop) -> None:
    seed_more(shop.url, products=1000, orders=3000, users=20)
    months = """
        SELECT count(*) FROM orders
        GROUP BY least(11, floor(extract(epoch FROM now() - created_at) / 2628000))"""
    assert all(150 < row[0] < 350 for row in shop.sql(months))
    assert len(shop.sql(months)) == 12
    sold = [
        row[0]
        for row in shop.sql("SELECT count(*) FROM order_items GROUP BY product_id ORDER BY 1 DESC")
    ]
    assert 5 * sold[len(sold) // 2] < sold[0] < sum(sold) / 20
    assert counts(shop)[3] == 20


def test_seeding_is_reproducible(isolated_shop: Shop, empty_database: str) -> None:
    migrate_url(empty_database, "shop")
    rows = []
    for each in (isolated_shop, Shop(empty_database)):
        seed_demo(each.url)
        demo_orders = each.sql("SELECT * FROM order_items ORDER BY order_id, product_id")
        seed_more(each.url, products=500, users=50)
        users = each.sql("SELECT id, email, name FROM users ORDER BY id")
        products = each.sql(
            "SELECT id, name, description, price, category_id, version FROM products ORDER BY id"
        )
        rows.append((demo_orders, users, products))
    assert rows[0] == rows[1]


def test_one_product_is_enough_for_orders(shop: Shop) -> None:
    shop.add_product("The only one")
    seed_more(shop.url, orders=5)
    assert counts(shop)[3:] == [1, 5]
    # the only product is newer than the orders
    assert faults(shop).keys() <= {"orders older than one of their products"}


def test_orders_need_products(shop: Shop) -> None:
    with pytest.raises(SeedError, match="needs a product"):
        seed_more(shop.url, orders=5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a number of rows is missing"),
        (["--products", "0"], "a number of rows is missing"),
        (["--products", "-5"], "a whole number from 0 to"),
        (["--orders", "1e9"], "a whole number from 0 to"),
        (["--orders", "999999999999"], "a whole number from 0 to"),
        (["--users", "2", "--url", "mysql://a@b/c"], "must look like postgresql://"),
        (
            ["--users", "2", "--url", "postgresql://a@127.0.0.1:1/c"],
            "cannot connect to 127.0.0.1:1",
        ),
        (["--users", "2", "--url", "postgresql://a@127.0.0.1:x/c"], "port must be a number"),
    ],
)
def test_usage_error_is_reported(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code
    assert message in f"{raised.value.code} {capsys.readouterr().err}"


def test_missing_tables_are_reported(empty_database: str) -> None:
    with pytest.raises(SystemExit, match="to add them: make migrate"):
        main(["--products", "5", "--url", empty_database])


def test_command_finds_the_running_system(shop: Shop, tmp_path: Path) -> None:
    command = [sys.executable, "scripts/seed.py", "--products", "30", "--orders", "40"]
    environment = {**os.environ, "PYTHONPATH": ".:layers/shared", "SLUICE_STATE": str(tmp_path)}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    failed = run()
    assert failed.returncode == 1
    assert "`make run` first" in failed.stderr

    (tmp_path / "local.json").write_text(json.dumps({"database_url": shop.url}))
    done = run()
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()[:-1]] == [
        ["products", "30"],
        ["users", "4"],
        ["orders", "40"],
    ]
    assert counts(shop) == [13, 30, 30, 4, 40]

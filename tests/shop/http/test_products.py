"""Products over REST: the row of stock that each has."""

from tests.fixtures.shop import Shop

BLUE_MUG = {"name": "Blue mug", "description": "For tea", "price": "12.50", "category": "mugs"}


def test_create_may_set_the_stock(shop: Shop) -> None:
    shop.add_category("mugs")
    response = shop.post("/api/products", {**BLUE_MUG, "inventory": 7})
    assert response.json["inventory"] == 7
    assert shop.get(f"/api/inventory/{response.json['id']}").json["quantity"] == 7


def test_rejected_product_leaves_no_rows(shop: Shop) -> None:
    shop.add_product("Blue mug")
    shop.post("/api/products", BLUE_MUG)
    shop.post("/api/products", {**BLUE_MUG, "name": "Other", "category": "nowhere"})
    counts = "SELECT (SELECT count(*) FROM products), (SELECT count(*) FROM inventory)"
    assert shop.sql(counts) == [[1, 1]]


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

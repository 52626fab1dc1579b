"""Error responses: what clients see, and what only the log shows."""

import logging

import pytest

from tests.fixtures.client import ApiResponse
from tests.fixtures.shop import Shop

INTERNAL_WORDS = (
    "select",
    "insert",
    "update ",
    "delete from",
    "constraint",
    "_key",
    "_fkey",
    "_check",
    "_id_",
    "relation",
    "column",
    "traceback",
    "pg8000",
    "sqlalchemy",
    "violates",
    "sqlstate",
    ".py",
)


def leaked_words(response: ApiResponse) -> list[str]:
    return [word for word in INTERNAL_WORDS if word in response.text.lower()]


MUG = {"name": "Mug", "description": None, "price": "1.00", "category": "mugs"}
ORDER = {"user_id": 1, "items": [{"product_id": 1, "quantity": 1}]}
INTERNAL_ERRORS = [
    ("ALTER TABLE products DROP COLUMN description CASCADE", "GET", "/api/products", None),
    ("ALTER TABLE products DROP COLUMN description CASCADE", "POST", "/api/products", MUG),
    (
        "ALTER TABLE inventory DROP COLUMN quantity CASCADE",
        "PATCH",
        "/api/inventory/1",
        {"delta": 1},
    ),
    ("REVOKE ALL ON products FROM sluice_app", "GET", "/api/products/1", None),
]
KEY = {"idempotency_key": "k"}
ENGINE = "The database does not have the schema sluice"
TABLES = "The database does not have the tables for this"
NOT_SET_UP = [
    ("DROP TABLE inventory", "GET", "/api/inventory", None, {}, TABLES),
    ("DROP TABLE inventory", "PATCH", "/api/inventory/1", {"delta": 1}, {}, TABLES),
    (
        "DROP TABLE categories CASCADE",
        "PUT",
        "/api/categories/1",
        {"name": "a", "slug": "a"},
        {},
        TABLES,
    ),
    ("DROP FUNCTION place_order", "POST", "/api/orders", ORDER, {}, TABLES),
    ("DROP FUNCTION category_ids", "GET", "/api/products?category=mugs", None, {}, TABLES),
    ("DROP TABLE sluice.version", "GET", "/health/ready", None, {}, ENGINE),
    ("DROP SCHEMA sluice CASCADE", "GET", "/health/ready", None, {}, ENGINE),
    ("DROP SCHEMA sluice CASCADE", "GET", "/api/products?search=mug", None, {}, ENGINE),
    ("DROP SCHEMA sluice CASCADE", "GET", "/api/imports", None, {}, ENGINE),
    ("DROP SCHEMA sluice CASCADE", "POST", "/api/categories", {"name": "a"}, KEY, ENGINE),
    (
        "DROP PROCEDURE sluice.claim_idempotency_key",
        "POST",
        "/api/categories",
        {"name": "a"},
        KEY,
        ENGINE,
    ),
]


@pytest.mark.parametrize(("damage", "method", "path", "body", "headers", "detail"), NOT_SET_UP)
def test_missing_schema_object_is_503_not_set_up(
    isolated_shop: Shop,
    damage: str,
    method: str,
    path: str,
    body: object,
    headers: dict[str, str],
    detail: str,
) -> None:
    isolated_shop.add_category("mugs")
    isolated_shop.sql(damage)
    response = isolated_shop.call(method, path, body, **headers)
    assert (response.status, response.code, leaked_words(response)) == (503, "not_set_up", [])
    assert response.headers["Retry-After"] == "60"
    assert detail in response.json["detail"]


@pytest.mark.parametrize(
    "damage", ["DROP SCHEMA sluice CASCADE", "DROP TABLE sluice.import_jobs CASCADE"]
)
def test_reads_work_without_the_engine_schema(isolated_shop: Shop, damage: str) -> None:
    isolated_shop.add_product("Mug")
    isolated_shop.sql(damage)
    for path in (
        "/api/products/1",
        "/api/products?sort=price:desc",
        "/api/inventory",
        "/api/categories",
    ):
        assert isolated_shop.get(path).status == 200, path
    assert isolated_shop.graphql("{ products { nodes { name category { name } } } }").json["data"]


@pytest.mark.parametrize(("damage", "method", "path", "body"), INTERNAL_ERRORS)
def test_internal_error_hides_its_cause_from_clients(
    isolated_shop: Shop,
    caplog: pytest.LogCaptureFixture,
    damage: str,
    method: str,
    path: str,
    body: object,
) -> None:
    isolated_shop.add_category("mugs")
    isolated_shop.sql(damage)
    response = isolated_shop.call(method, path, body)
    assert (response.status, response.code, leaked_words(response)) == (500, "internal_error", [])
    assert response.json["detail"] == response.json["title"]
    records = [record for record in caplog.records if record.name == "sluice"]
    (record,) = [record for record in records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    cause = record.exc_info[1]
    assert cause is not None
    assert cause.__cause__ is not None  # the driver's error, with its SQLSTATE


def test_error_log_has_the_request_id(
    isolated_shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    isolated_shop.sql("ALTER TABLE inventory DROP COLUMN quantity CASCADE")
    response = isolated_shop.get("/api/inventory")
    records = [record for record in caplog.records if record.name == "sluice"]
    assert [getattr(record, "request_id", None) for record in records] == [
        response.json["request_id"]
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/products/404"),
        ("GET", "/api/products/x"),
        ("POST", "/api/products"),
        ("BREW", "/api/products"),
    ],
)
def test_client_error_is_not_logged_as_error(
    shop: Shop, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    assert 400 <= shop.call(method, path, {"colour": 1}).status < 500
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


SECRET = "a secret value of another row"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/products", MUG | {"name": "Taken"}),
        ("POST", "/api/products", MUG | {"category": "nowhere"}),
        ("PATCH", "/api/products/{mug}", {"name": "Taken"}),
        ("PATCH", "/api/products/{mug}", {"category": "nowhere"}),
        ("POST", "/api/categories", {"name": "x", "slug": "mugs"}),
        ("DELETE", "/api/categories/{mugs}", None),
        ("POST", "/api/users", {"email": "TAKEN@example.com", "name": "x"}),
        ("DELETE", "/api/users/{user}", None),
        ("PATCH", "/api/inventory/{mug}", {"delta": -1000}),
        ("PATCH", "/api/inventory/{mug}", {"delta": 2**31 - 1}),
        ("PATCH", "/api/inventory", {"updates": [{"product_id": 404_404_404, "quantity": 1}]}),
        ("GET", "/api/products/404404404", None),
        ("GET", "/api/products?sort=password", None),
    ],
)
def test_client_error_leaks_no_sql_and_no_values(
    shop: Shop, method: str, path: str, body: object
) -> None:
    shop.add_product("Taken", stock=7123)
    shop.sql("UPDATE products SET description = :d", d=SECRET)
    ids = {"mug": shop.add_product("Mug"), "mugs": shop.sql("SELECT id FROM categories")[0][0]}
    ids["user"] = shop.add_user("taken@example.com", SECRET)
    shop.sql("INSERT INTO orders (user_id, total) VALUES (:u, 1)", u=ids["user"])
    response = shop.call(method, path.format(**ids), body)
    assert 400 <= response.status < 500
    assert leaked_words(response) == []
    assert SECRET not in response.text
    assert "7123" not in response.text


def test_many_field_errors_fit_lambdas_response_limit(
    shop: Shop,
) -> None:
    body = {f"f{n:x}": 0 for n in range(75_000)}
    response = shop.post("/api/products", body)
    assert response.status == 422
    assert len(response.json["detail"]) < 5_000
    assert len(response.text) < 5 * 2**20


def test_bulk_update_names_10_000_field_errors(shop: Shop) -> None:
    updates = [{"product_id": n, "quantity": -1} for n in range(1, 10_001)]
    response = shop.patch("/api/inventory", {"updates": updates})
    assert (response.status, len(response.errors)) == (422, 10_000)

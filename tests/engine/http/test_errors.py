"""Error responses: what clients see, and what only the log shows."""

import logging

import pytest

from tests.fixtures.client import ApiResponse
from tests.fixtures.sample import Library

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


MUG = {"name": "Mug", "description": None, "price": "1.00", "shelf": "mugs"}
INTERNAL_ERRORS = [
    ("ALTER TABLE books DROP COLUMN description CASCADE", "GET", "/api/books", None),
    ("ALTER TABLE books DROP COLUMN description CASCADE", "POST", "/api/books", MUG),
    ("ALTER TABLE books DROP COLUMN copies CASCADE", "PATCH", "/api/books/1", {"copies": 1}),
]
SHELF = {"name": "a", "slug": "a"}
KEY = {"idempotency_key": "k"}
ENGINE = "The database does not have the schema sluice"
TABLES = "The database does not have the tables for this"
PRIVILEGE = "A privilege is missing in the database"
NOT_SET_UP = [
    ("REVOKE ALL ON books FROM sluice_app", "GET", "/api/books/1", None, {}, PRIVILEGE),
    ("DROP TABLE books", "GET", "/api/books", None, {}, TABLES),
    ("DROP TABLE books", "PATCH", "/api/books/1", {"copies": 1}, {}, TABLES),
    (
        "DROP TABLE shelves CASCADE",
        "PUT",
        "/api/shelves/1",
        SHELF,
        {},
        TABLES,
    ),
    ("DROP TABLE sluice.version", "GET", "/health/ready", None, {}, ENGINE),
    ("DROP SCHEMA sluice CASCADE", "GET", "/health/ready", None, {}, ENGINE),
    ("DROP SCHEMA sluice CASCADE", "GET", "/api/books?search=mug", None, {}, ENGINE),
    ("DROP SCHEMA sluice CASCADE", "GET", "/api/imports", None, {}, ENGINE),
    ("DROP SCHEMA sluice CASCADE", "POST", "/api/shelves", SHELF, KEY, ENGINE),
    (
        "DROP PROCEDURE sluice.claim_idempotency_key",
        "POST",
        "/api/shelves",
        SHELF,
        KEY,
        ENGINE,
    ),
]


@pytest.mark.parametrize(("damage", "method", "path", "body", "headers", "detail"), NOT_SET_UP)
def test_missing_schema_object_is_503_not_set_up(
    isolated_library: Library,
    damage: str,
    method: str,
    path: str,
    body: object,
    headers: dict[str, str],
    detail: str,
) -> None:
    isolated_library.add_shelf("mugs")
    isolated_library.sql(damage)
    response = isolated_library.call(method, path, body, **headers)
    assert (response.status, response.code, leaked_words(response)) == (503, "not_set_up", [])
    assert response.headers["Retry-After"] == "60"
    assert detail in response.json["detail"]


@pytest.mark.parametrize(
    "damage", ["DROP SCHEMA sluice CASCADE", "DROP TABLE sluice.import_jobs CASCADE"]
)
def test_reads_work_without_the_engine_schema(isolated_library: Library, damage: str) -> None:
    isolated_library.add_book("Mug")
    isolated_library.sql(damage)
    for path in (
        "/api/books/1",
        "/api/books?sort=price:desc",
        "/api/books",
        "/api/shelves",
    ):
        assert isolated_library.get(path).status == 200, path
    assert isolated_library.graphql("{ books { nodes { name shelf { name } } } }").json["data"]


@pytest.mark.parametrize(("damage", "method", "path", "body"), INTERNAL_ERRORS)
def test_internal_error_hides_its_cause_from_clients(
    isolated_library: Library,
    caplog: pytest.LogCaptureFixture,
    damage: str,
    method: str,
    path: str,
    body: object,
) -> None:
    isolated_library.add_shelf("mugs")
    isolated_library.sql(damage)
    response = isolated_library.call(method, path, body)
    assert (response.status, response.code, leaked_words(response)) == (500, "internal_error", [])
    assert response.json["detail"] == response.json["title"]
    records = [record for record in caplog.records if record.name == "sluice"]
    (record,) = [record for record in records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    cause = record.exc_info[1]
    assert cause is not None
    assert cause.__cause__ is not None  # the driver's error, with its SQLSTATE


def test_error_log_has_the_request_id(
    isolated_library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    isolated_library.sql("ALTER TABLE books DROP COLUMN copies CASCADE")
    response = isolated_library.get("/api/books")
    records = [record for record in caplog.records if record.name == "sluice"]
    assert [getattr(record, "request_id", None) for record in records] == [
        response.json["request_id"]
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/books/404"),
        ("GET", "/api/books/x"),
        ("POST", "/api/books"),
        ("BREW", "/api/books"),
    ],
)
def test_client_error_is_not_logged_as_error(
    library: Library, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    assert 400 <= library.call(method, path, {"colour": 1}).status < 500
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


SECRET = "a secret value of another row"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/books", MUG | {"name": "Taken"}),
        ("POST", "/api/books", MUG | {"shelf": "nowhere"}),
        ("PATCH", "/api/books/{mug}", {"name": "Taken"}),
        ("PATCH", "/api/books/{mug}", {"shelf": "nowhere"}),
        ("POST", "/api/shelves", {"name": "x", "slug": "novels"}),
        ("DELETE", "/api/shelves/{mugs}", None),
        ("POST", "/api/readers", {"email": "TAKEN@example.com", "name": "x"}),
        ("PATCH", "/api/books/{mug}", {"copies": -1000}),
        ("PATCH", "/api/books/{mug}", {"copies": 2**31}),
        ("GET", "/api/books/404404404", None),
        ("GET", "/api/books?sort=password", None),
    ],
)
def test_client_error_leaks_no_sql_and_no_values(
    library: Library, method: str, path: str, body: object
) -> None:
    library.add_book("Taken", copies=71_236_931)
    library.sql("UPDATE books SET description = :d", d=SECRET)
    ids = {"mug": library.add_book("Mug"), "mugs": library.sql("SELECT id FROM shelves")[0][0]}
    library.add_reader("taken@example.com", SECRET)
    response = library.call(method, path.format(**ids), body)
    assert 400 <= response.status < 500
    assert leaked_words(response) == []
    assert SECRET not in response.text
    assert "71236931" not in response.text


def test_many_field_errors_fit_lambdas_response_limit(
    library: Library,
) -> None:
    body = {f"f{n:x}": 0 for n in range(75_000)}
    response = library.post("/api/books", body)
    assert response.status == 422
    assert len(response.json["detail"]) < 5_000
    assert len(response.text) < 5 * 2**20

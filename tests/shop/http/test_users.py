"""Users over REST: create, read, replace, patch and delete."""

from typing import Any

import pytest

from tests.fixtures.shop import Shop

ADA = {"email": "Ada@Example.com", "name": "Ada Byron"}


def test_create_returns_user_and_location(shop: Shop) -> None:
    response = shop.post("/api/users", ADA)
    assert response.status == 201
    assert response.headers["Location"] == f"/api/users/{response.json['id']}"
    assert response.json == {
        "id": response.json["id"],
        "email": "Ada@Example.com",
        "name": "Ada Byron",
        "created_at": response.json["created_at"],
        "updated_at": response.json["created_at"],
        "version": 1,
    }
    assert shop.get(response.headers["Location"]).text == response.text


@pytest.mark.parametrize(
    "email", ["a@b", "Ada+shop@Example.com", "ä@例え.jp", "o'neil@x.ie", "a@" + "b" * 252]
)
def test_email_is_stripped_and_kept(shop: Shop, email: str) -> None:
    created = shop.post("/api/users", {"email": f" {email}\n", "name": "Ada"})
    assert (created.status, created.json["email"]) == (201, email)


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@EXAMPLE.COM", " Ada@example.com "])
def test_duplicate_email_is_409_in_any_case(shop: Shop, email: str) -> None:
    shop.add_user("ada@Example.com")
    response = shop.post("/api/users", {"email": email, "name": "Ada"})
    expected = (409, "duplicate", {"/email": "duplicate"})
    assert (response.status, response.code, response.errors) == expected


def test_users_may_share_a_name(shop: Shop) -> None:
    assert shop.post("/api/users", {"email": "a@example.com", "name": "Ada"}).status == 201
    assert shop.post("/api/users", {"email": "b@example.com", "name": "Ada"}).status == 201


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("email", "", "too_short"),
        ("email", "a@" + "b" * 253, "too_long"),
        ("email", None, "type"),
        ("email", 5, "type"),
        ("email", "ada", "invalid"),
        ("email", "ada@", "invalid"),
        ("email", "@example.com", "invalid"),
        ("email", "ada@example@com", "invalid"),
        ("email", "ada byron@example.com", "invalid"),
        ("email", "ada\r\nBcc:@example.com", "invalid"),
        ("email", "ada\x1b@example.com", "invalid"),
        ("email", "a\0@example.com", "invalid"),
        ("name", "", "too_short"),
        ("name", "x" * 201, "too_long"),
        ("name", None, "type"),
        ("name", "a\0", "invalid"),
        ("password", "x", "unknown_field"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_invalid_field_is_422(shop: Shop, method: str, field: str, value: Any, code: str) -> None:
    path = "/api/users" if method == "POST" else f"/api/users/{shop.add_user()}"
    response = shop.call(method, path, {**ADA, field: value})
    expected = (422, "validation_failed", {f"/{field}": code})
    assert (response.status, response.code, response.errors) == expected


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("missing", ["email", "name"])
def test_both_fields_are_required(shop: Shop, method: str, missing: str) -> None:
    path = "/api/users" if method == "POST" else f"/api/users/{shop.add_user()}"
    response = shop.call(
        method, path, {name: value for name, value in ADA.items() if name != missing}
    )
    assert (response.status, response.errors) == (422, {f"/{missing}": "required"})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_read_only_fields_are_ignored(shop: Shop, method: str) -> None:
    path = "/api/users" if method == "POST" else f"/api/users/{shop.add_user()}"
    forged = {"id": 10**9, "created_at": 1, "updated_at": [], "version": "x"}
    response = shop.call(method, path, ADA | forged)
    expected = (201 if method == "POST" else 200, "Ada Byron")
    assert (response.status, response.json["name"]) == expected
    assert response.json["id"] != 10**9


def test_get_response_can_be_put_back(shop: Shop) -> None:
    path = f"/api/users/{shop.add_user()}"
    current = shop.get(path)
    put = shop.put(path, current.json)
    assert (put.status, put.text) == (200, current.text)


def test_put_replaces_and_increments_version(shop: Shop) -> None:
    path = f"/api/users/{shop.add_user('old@example.com', 'Old')}"
    response = shop.put(path, ADA)
    expected = (200, ADA["email"], ADA["name"])
    assert (response.status, response.json["email"], response.json["name"]) == expected
    assert (response.json["version"], shop.get(path).text) == (2, response.text)


def test_patch_changes_only_given_fields(shop: Shop) -> None:
    path = f"/api/users/{shop.add_user('ada@example.com', 'Ada')}"
    response = shop.patch(path, {"name": "Ada Byron"})
    expected = (200, "Ada Byron", "ada@example.com")
    assert (response.status, response.json["name"], response.json["email"]) == expected


def test_user_may_change_case_of_own_email(shop: Shop) -> None:
    path = f"/api/users/{shop.add_user('ada@example.com')}"
    response = shop.patch(path, {"email": "Ada@Example.com"})
    expected = (200, "Ada@Example.com", 2)
    assert (response.status, response.json["email"], response.json["version"]) == expected


def test_empty_patch_keeps_the_version(shop: Shop) -> None:
    path = f"/api/users/{shop.add_user()}"
    before = shop.get(path).text
    response = shop.patch(path, {})
    assert (response.status, response.text) == (200, before)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_update_to_duplicate_email_is_409(shop: Shop, method: str) -> None:
    shop.add_user("taken@example.com")
    response = shop.call(
        method, f"/api/users/{shop.add_user()}", {"email": "Taken@example.com", "name": "Ada"}
    )
    expected = (409, "duplicate", {"/email": "duplicate"})
    assert (response.status, response.code, response.errors) == expected


def test_delete_is_204_and_frees_the_email(shop: Shop) -> None:
    path = f"/api/users/{shop.add_user('ada@example.com')}"
    response = shop.delete(path)
    assert (response.status, response.text, shop.get(path).status) == (204, "", 404)
    assert shop.post("/api/users", ADA).status == 201


def test_delete_with_orders_is_409(shop: Shop) -> None:
    id = shop.add_user()
    shop.sql("INSERT INTO orders (user_id, total) VALUES (:id, 5)", id=id)
    response = shop.delete(f"/api/users/{id}")
    expected = (409, "still_referenced", 200)
    assert (response.status, response.code, shop.get(f"/api/users/{id}").status) == expected


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("id", "status"), [("404", 404), (str(2**63), 404), ("-1", 400), ("ada", 400), ("🫖", 400)]
)
def test_unknown_id_is_404_and_invalid_id_400(
    shop: Shop, method: str, id: str, status: int
) -> None:
    response = shop.call(method, f"/api/users/{id}", None if method in ("GET", "DELETE") else ADA)
    expected = (status, "not_found" if status == 404 else "invalid_parameter")
    assert (response.status, response.code) == expected
    assert response.errors == ({} if status == 404 else {"id": "invalid"})


def test_fields_selects_fields(shop: Shop) -> None:
    assert shop.get(f"/api/users/{shop.add_user('ada@example.com')}?fields=email").json == {
        "email": "ada@example.com"
    }

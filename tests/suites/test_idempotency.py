"""A POST that is sent twice with one Idempotency-Key is executed once."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from functions.cleanup.handler import handler as cleanup
from tests.fixtures.aws import AddApiKey
from tests.fixtures.client import ApiResponse
from tests.fixtures.database import owner_connection
from tests.fixtures.shop import Shop

CREATES: dict[str, Callable[[Shop], dict[str, Any]]] = {
    "categories": lambda shop: {"name": "Bowls"},
    "products": lambda shop: {"name": "Bowl", "price": 5, "category": "mugs"},
    "users": lambda shop: {"email": "bob@example.com", "name": "Bob"},
    "orders": lambda shop: {
        "user_id": shop.add_user(),
        "items": [{"product_id": shop.add_product("Mug"), "quantity": 2}],
    },
}
each_create = pytest.mark.parametrize("name", CREATES)


def prepare(shop: Shop, name: str) -> tuple[str, dict[str, Any]]:
    if name == "products":
        shop.add_category("mugs")
    return f"/api/{name}", CREATES[name](shop)


def count_rows(shop: Shop, name: str) -> int:
    return int(shop.sql(f"SELECT count(*) FROM {name}")[0][0])


def same_response(first: ApiResponse, again: ApiResponse) -> bool:
    """Compare two responses except for request id, remaining quota and the replay header."""
    less = {"X-Request-Id": "", "Idempotency-Replayed": "", "RateLimit": ""}
    return (first.status, first.text, {**first.headers, **less}) == (
        again.status,
        again.text,
        {**again.headers, **less},
    )


@each_create
def test_repeated_request_is_replayed(shop: Shop, name: str) -> None:
    path, body = prepare(shop, name)
    first = shop.post(path, body, idempotency_key="k")
    assert first.status == 201, first.text
    assert "Idempotency-Replayed" not in first.headers
    before = count_rows(shop, name)

    again = shop.post(path, body, idempotency_key="k")

    assert again.headers["Idempotency-Replayed"] == "true"
    assert same_response(first, again)
    assert count_rows(shop, name) == before


@each_create
def test_same_key_with_other_body_is_422(shop: Shop, name: str) -> None:
    path, body = prepare(shop, name)
    assert shop.post(path, body, idempotency_key="k").status == 201

    response = shop.post(path, {**body, "id": 7}, idempotency_key="k")

    assert (response.status, response.code) == (422, "idempotency_key_reused")


@each_create
def test_without_key_each_request_is_executed(shop: Shop, name: str) -> None:
    path, body = prepare(shop, name)
    assert shop.post(path, body).status == 201
    assert shop.post(path, body).status == (201 if name == "orders" else 409)


def test_replay_survives_deletion_of_the_row(shop: Shop) -> None:
    path, body = prepare(shop, "users")
    first = shop.post(path, body, idempotency_key="k")
    shop.delete(first.headers["Location"])

    assert same_response(first, shop.post(path, body, idempotency_key="k"))


def test_key_is_scoped_to_client_and_path(shop: Shop, add_api_key: AddApiKey) -> None:
    path, body = prepare(shop, "users")
    add_api_key("ada", "users:write", "catalog:write")
    add_api_key("bob", "users:write")
    assert shop.post(path, body, idempotency_key="k", x_api_key="ada").status == 201

    assert shop.post(path, body, idempotency_key="k", x_api_key="bob").code == "duplicate"
    bowls = {"name": "Bowls"}
    other_path = shop.post("/api/categories", bowls, idempotency_key="k", x_api_key="ada")
    assert other_path.status == 201
    replayed = shop.post(path, body, idempotency_key="k", x_api_key="ada")
    assert "Idempotency-Replayed" in replayed.headers


def test_key_survives_replacement_of_the_api_key(shop: Shop, add_api_key: AddApiKey) -> None:
    path, body = prepare(shop, "users")
    client = {"S": "the same client"}
    add_api_key("first", "users:write", client=client)
    add_api_key("second", "users:write", client=client)
    assert shop.post(path, body, idempotency_key="k", x_api_key="first").status == 201

    replayed = shop.post(path, body, idempotency_key="k", x_api_key="second")
    assert "Idempotency-Replayed" in replayed.headers


def test_rejected_request_releases_the_key(shop: Shop) -> None:
    user = shop.add_user()
    mug = shop.add_product("Mug", stock=1)
    body = {"user_id": user, "items": [{"product_id": mug, "quantity": 2}]}
    assert shop.post("/api/orders", body, idempotency_key="k").code == "out_of_stock"
    duplicate = {"email": "ada@example.com", "name": "A"}
    assert shop.post("/api/users", duplicate, idempotency_key="k").code == "duplicate"
    assert count_rows(shop, "sluice.idempotency_keys") == 0

    shop.put(f"/api/inventory/{mug}", {"quantity": 2})

    assert shop.post("/api/orders", body, idempotency_key="k").status == 201


def test_concurrent_request_with_same_key_is_409(shop: Shop) -> None:
    path, body = prepare(shop, "users")
    shop.post(path, body, idempotency_key="k")
    key = shop.sql("SELECT id FROM sluice.idempotency_keys")[0][0]
    with closing(owner_connection(shop.url)) as first:  # simulates a request that is still running
        first.run("BEGIN")
        first.run("DELETE FROM sluice.idempotency_keys WHERE id = :key", key=key)
        first.run("CALL sluice.claim_idempotency_key(:key)", key=key)

        second = shop.post(path, body, idempotency_key="k")

        first.run("ROLLBACK")
    assert (second.status, second.code) == (409, "idempotency_in_progress")
    assert shop.post(path, body, idempotency_key="k").headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb", "caf\u00e9", "a\x7f"])
def test_invalid_key_is_400(shop: Shop, key: str) -> None:
    response = shop.post("/api/categories", {"name": "Bowls"}, idempotency_key=key)
    assert (response.status, response.code) == (400, "invalid_request")
    assert "Idempotency-Key" in response.json["detail"]
    assert count_rows(shop, "categories") == 0


def test_key_may_have_255_characters(shop: Shop) -> None:
    assert shop.post("/api/categories", {"name": "Bowls"}, idempotency_key="x" * 255).status == 201


def test_key_expires_after_a_day(shop: Shop) -> None:
    body = {
        "user_id": shop.add_user(),
        "items": [{"product_id": shop.add_product("Mug"), "quantity": 1}],
    }
    first = shop.post("/api/orders", body, idempotency_key="k").json["id"]
    shop.sql("UPDATE sluice.idempotency_keys SET created_at = now() - interval '24 hours'")

    again = shop.post("/api/orders", body, idempotency_key="k")

    assert again.status == 201
    assert again.json["id"] != first
    assert shop.post("/api/orders", body, idempotency_key="k").json["id"] == again.json["id"]


def test_cleanup_deletes_only_expired_keys(shop: Shop) -> None:
    shop.sql(
        """
        INSERT INTO sluice.idempotency_keys
            (id, fingerprint, response, etag, resource_id, created_at)
        SELECT sha256(n::text::bytea), '', '{}', '1', n, now() - n * interval '1 minute'
        FROM generate_series(1, 12000) n
        """
    )

    assert cleanup({}, None)["deleted"] == 12_000 - 24 * 60 + 1
    assert cleanup({}, None)["deleted"] == 0
    assert count_rows(shop, "sluice.idempotency_keys") == 24 * 60 - 1

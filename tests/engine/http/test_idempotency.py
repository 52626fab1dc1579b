"""A POST that is sent twice with one Idempotency-Key is executed once."""

from contextlib import closing

import pytest

from tests.fixtures.aws import AddApiKey
from tests.fixtures.client import ApiResponse
from tests.fixtures.database import owner_connection
from tests.fixtures.sample import Library

READER = {"email": "bob@example.com", "name": "Bob"}
SHELF = {"name": "Poems", "slug": "poems"}


def count_rows(library: Library, name: str) -> int:
    return int(library.sql(f"SELECT count(*) FROM {name}")[0][0])


def same_response(first: ApiResponse, again: ApiResponse) -> bool:
    """Compare two responses except for request id, remaining quota and the replay header."""
    less = {"X-Request-Id": "", "Idempotency-Replayed": "", "RateLimit": ""}
    return (first.status, first.text, {**first.headers, **less}) == (
        again.status,
        again.text,
        {**again.headers, **less},
    )


def test_without_key_each_request_is_executed(library: Library) -> None:
    assert library.post("/api/readers", READER).status == 201
    assert library.post("/api/readers", READER).status == 409


def test_replay_survives_deletion_of_the_row(library: Library) -> None:
    path, body = "/api/readers", READER
    first = library.post(path, body, idempotency_key="k")
    library.delete(first.headers["Location"])

    assert same_response(first, library.post(path, body, idempotency_key="k"))


def test_key_is_scoped_to_client_and_path(library: Library, add_api_key: AddApiKey) -> None:
    path, body = "/api/readers", READER
    add_api_key("ada", "readers:write", "library:write")
    add_api_key("bob", "readers:write")
    assert library.post(path, body, idempotency_key="k", x_api_key="ada").status == 201

    assert library.post(path, body, idempotency_key="k", x_api_key="bob").code == "duplicate"
    other_path = library.post("/api/shelves", SHELF, idempotency_key="k", x_api_key="ada")
    assert other_path.status == 201
    replayed = library.post(path, body, idempotency_key="k", x_api_key="ada")
    assert "Idempotency-Replayed" in replayed.headers


def test_key_survives_replacement_of_the_api_key(library: Library, add_api_key: AddApiKey) -> None:
    path, body = "/api/readers", READER
    client = {"S": "the same client"}
    add_api_key("first", "readers:write", client=client)
    add_api_key("second", "readers:write", client=client)
    assert library.post(path, body, idempotency_key="k", x_api_key="first").status == 201

    replayed = library.post(path, body, idempotency_key="k", x_api_key="second")
    assert "Idempotency-Replayed" in replayed.headers


def test_rejected_request_releases_the_key(library: Library) -> None:
    id = library.add_reader(READER["email"])
    assert library.post("/api/readers", READER, idempotency_key="k").code == "duplicate"
    assert count_rows(library, "sluice.idempotency_keys") == 0

    library.delete(f"/api/readers/{id}")

    assert library.post("/api/readers", READER, idempotency_key="k").status == 201


def test_concurrent_request_with_same_key_is_409(library: Library) -> None:
    path, body = "/api/readers", READER
    library.post(path, body, idempotency_key="k")
    key = library.sql("SELECT id FROM sluice.idempotency_keys")[0][0]
    with closing(
        owner_connection(library.url)
    ) as first:  # simulates a request that is still running
        first.run("BEGIN")
        first.run("DELETE FROM sluice.idempotency_keys WHERE id = :key", key=key)
        first.run("CALL sluice.claim_idempotency_key(:key)", key=key)

        second = library.post(path, body, idempotency_key="k")

        first.run("ROLLBACK")
    assert (second.status, second.code) == (409, "idempotency_in_progress")
    assert library.post(path, body, idempotency_key="k").headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb", "caf\u00e9", "a\x7f"])
def test_invalid_key_is_400(library: Library, key: str) -> None:
    response = library.post("/api/shelves", SHELF, idempotency_key=key)
    assert (response.status, response.code) == (400, "invalid_request")
    assert "Idempotency-Key" in response.json["detail"]
    assert count_rows(library, "shelves") == 0


def test_key_may_have_255_characters(library: Library) -> None:
    assert library.post("/api/shelves", SHELF, idempotency_key="x" * 255).status == 201


def test_key_expires_after_a_day(library: Library) -> None:
    first = library.post("/api/readers", READER, idempotency_key="k").json["id"]
    library.sql("UPDATE sluice.idempotency_keys SET created_at = now() - interval '24 hours'")
    library.delete(f"/api/readers/{first}")

    again = library.post("/api/readers", READER, idempotency_key="k")

    assert again.status == 201
    assert again.json["id"] != first
    assert library.post("/api/readers", READER, idempotency_key="k").json["id"] == again.json["id"]

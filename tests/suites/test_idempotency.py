"""A POST that is sent twice with one Idempotency-Key is executed once."""

import pytest

from functions.cleanup.handler import handler as cleanup
from sluice.sql.derived import table
from tests.fixtures.cases import BETWEEN, case_of
from tests.fixtures.client import ApiResponse, Client
from tests.fixtures.resources import RESOURCES, resource_routes

CREATES = [name for name in RESOURCES if any(r.method == "POST" for r in resource_routes(name))]
each_create = pytest.mark.parametrize("name", CREATES)


def count_rows(client: Client, table: str) -> int:
    return int(client.sql(f"SELECT count(*) FROM {table}")[0][0])


def same_response(first: ApiResponse, again: ApiResponse) -> bool:
    """Compare two responses except for request id, remaining quota and the replay header."""
    less = {"X-Request-Id": "", "Idempotency-Replayed": "", "RateLimit": ""}
    return (first.status, first.text, {**first.headers, **less}) == (
        again.status,
        again.text,
        {**again.headers, **less},
    )


@each_create
def test_repeated_request_is_replayed(client: Client, name: str) -> None:
    path, body = f"/api/{name}", case_of(name).new(client)
    first = client.post(path, body, idempotency_key="k")
    assert first.status == 201, first.text
    assert "Idempotency-Replayed" not in first.headers
    stored_in = table(case_of(name).resource)
    before = count_rows(client, stored_in)

    again = client.post(path, body, idempotency_key="k")

    assert again.headers["Idempotency-Replayed"] == "true"
    assert same_response(first, again)
    assert count_rows(client, stored_in) == before


@each_create
def test_same_key_with_other_body_is_422(client: Client, name: str) -> None:
    case = case_of(name)
    path, body = f"/api/{name}", case.new(client)
    assert client.post(path, body, idempotency_key="k").status == 201

    other = {**body, "id": 7} if "id" in case.resource.by_name else case.new(client, BETWEEN)
    response = client.post(path, other, idempotency_key="k")

    assert (response.status, response.code) == (422, "idempotency_key_reused")


def test_cleanup_deletes_only_expired_keys(client: Client) -> None:
    client.sql(
        """
        INSERT INTO sluice.idempotency_keys
            (id, fingerprint, response, etag, resource_id, created_at)
        SELECT sha256(n::text::bytea), '', '{}', '1', n, now() - n * interval '1 minute'
        FROM generate_series(1, 12000) n
        """
    )

    assert cleanup({}, None)["deleted"] == 12_000 - 24 * 60 + 1
    assert cleanup({}, None)["deleted"] == 0
    assert count_rows(client, "sluice.idempotency_keys") == 24 * 60 - 1

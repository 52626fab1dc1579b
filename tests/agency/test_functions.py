"""Functions of the database on a deal: one writes, one returns nothing, two only read."""

import pytest

from tests.fixtures.application import count_statements
from tests.fixtures.aws import AddApiKey
from tests.fixtures.cases import case_of
from tests.fixtures.client import Client


@pytest.fixture
def deal(client: Client) -> str:
    case = case_of("deals")
    row = case.row(client, 0) | {"stage": "lead", "amount": "5.00", "title": "First"}
    return f"/api/deals/{case.insert_row(client, row)[0]}"


def test_function_changes_the_row_once(client: Client, deal: str) -> None:
    stale = client.get(deal).headers["ETag"]
    client.patch(deal, {"amount": "6.00"})
    refused = client.post(f"{deal}/win", {"note": "Won"}, if_match=stale)
    assert (refused.status, client.get(deal).json["stage"]) == (412, "lead")
    etag = client.get(deal).headers["ETag"]

    won = client.post(f"{deal}/win", {"note": "Won"}, if_match=etag, idempotency_key="k")

    assert won.status == 200, won.text
    assert (won.json["stage"], won.json["title"]) == ("won", "Won")
    assert client.get(deal).text == won.text
    assert client.get(deal).headers["ETag"] == won.headers["ETag"]
    client.patch(deal, {"title": "Later"})
    again = client.post(f"{deal}/win", {"note": "Won"}, if_match=etag, idempotency_key="k")
    assert (again.text, client.get(deal).json["title"]) == (won.text, "Later")


def test_error_of_a_function(client: Client, deal: str) -> None:
    refused = client.post(f"{deal}/win", {"note": "refused"})
    assert (refused.status, refused.code) == (409, "conflict")
    client.patch(deal, {"stage": "lost"})
    none = client.post(f"{deal}/win", {})
    assert (none.status, none.code) == (409, "conflict")
    long = client.post(f"{deal}/win", {"note": 81 * "x"})
    assert (long.status, long.errors) == (422, {"/note": "too_long"})
    unknown = client.post("/api/deals/987654/win", {})
    assert (unknown.status, unknown.code) == (404, "not_found")


def test_function_that_returns_nothing(client: Client, deal: str) -> None:
    done = client.post(f"{deal}/touch", {})

    assert (done.status, done.text) == (204, "")
    assert client.get(deal).json["amount"] == "6.00"


def test_function_that_only_reads(client: Client, deal: str) -> None:
    case = case_of("deals")
    owner = client.get(deal).json["owner_id"]
    row = case.row(client, 0) | {"owner_id": owner, "stage": "offer", "amount": "2.00"}
    siblings = [case.insert_row(client, row)[0] for _ in range(5)]
    client.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    before = count_statements(client)

    assert client.get(f"{deal}/open_total").json == {"open_total": "15.00"}
    assert count_statements(client) - before == 1
    assert client.get(f"{deal}/open_total?at_least=3").json == {"open_total": "5.00"}
    invalid = client.get(f"{deal}/open_total?at_least=x")
    assert (invalid.status, invalid.errors) == (400, {"at_least": "invalid"})
    found = client.get(f"{deal}/siblings").json["data"]
    assert found == [client.get(f"/api/deals/{key}").json for key in siblings]
    case.insert_row(client, row)
    assert client.get(f"{deal}/siblings").status >= 400  # more rows than max_rows
    assert client.post(f"{deal}/open_total", {}).status == 405


def test_function_needs_the_scope_of_its_kind(
    client: Client, add_api_key: AddApiKey, deal: str
) -> None:
    reads, writes = add_api_key("f-reads", "deals:read"), add_api_key("f-writes", "deals:write")

    assert client.get(f"{deal}/open_total", x_api_key=reads).status == 200
    assert client.get(f"{deal}/open_total", x_api_key=writes).status == 403
    assert client.post(f"{deal}/touch", {}, x_api_key=reads).status == 403
    assert client.post(f"{deal}/touch", {}, x_api_key=writes).status == 204

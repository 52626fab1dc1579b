"""DELETE keeps the row of a table with soft deletion. No route finds it any more."""

from tests.fixtures.cases import case_of
from tests.fixtures.client import Client


def test_deleted_row_is_kept_but_not_found(client: Client) -> None:
    case = case_of("people")
    path = f"/api/people/{case.insert(client, 0)}"
    body = client.get(path).json
    etag = client.get(path).headers["ETag"]

    stale = client.delete(path, if_match='"other"')
    assert stale.status == 412
    assert client.delete(path, if_match=etag).status == 204

    assert client.sql("SELECT deleted_at IS NOT NULL FROM agency.people") == [[True]]
    for response in (
        client.get(path),
        client.put(path, case.replacement(client)),
        client.patch(path, {"name": "Other"}),
        client.delete(path),
        client.get(f"{path}/deals"),
    ):
        assert (response.status, response.code) == (404, "not_found")
    assert client.get("/api/people?include_total=true").json["pagination"]["total"] == 0
    assert client.get(f"/api/people?email={body['email']}").json["data"] == []
    below = f"/api/organisations/{body['organisation_id']}/people"
    assert client.get(below).json["data"] == []


def test_reference_to_a_deleted_row_stays(client: Client) -> None:
    deal = f"/api/deals/{case_of('deals').insert(client, 0)}"
    owner = client.get(deal).json["owner_id"]
    assert client.delete(f"/api/people/{owner}").status == 204

    assert client.get(deal).json["owner_id"] == owner
    assert client.get(f"{deal}?expand=owner").json["owner"] is None
    assert client.get("/api/deals?expand=owner").json["data"][0]["owner"] is None

"""The null of JSON in a column that is NOT NULL, which a client or another program stored."""

from tests.fixtures.cases import case_of
from tests.fixtures.client import Client
from tests.fixtures.graph import data


def test_null_of_another_program_can_be_sent_back(client: Client) -> None:
    case = case_of("specimens")
    path = f"/api/specimens/{case.insert(client, 1)}"
    before = client.get(path)
    client.sql("UPDATE agency.specimens SET document = 'null'")

    found = client.get(path)
    assert (found.status, found.json["document"]) == (200, None)
    assert found.headers["ETag"] != before.headers["ETag"]
    nodes = data(client, "{ specimens { nodes { document } } }")["specimens"]["nodes"]
    assert nodes == [{"document": None}]
    put = client.put(path, found.json, if_match=found.headers["ETag"])
    assert (put.status, put.json, put.headers["ETag"]) == (200, found.json, found.headers["ETag"])
    assert client.sql("SELECT count(*) FROM agency.specimens WHERE document = 'null'") == [[1]]


def test_null_is_stored_as_json_or_as_null(client: Client) -> None:
    row = case_of("specimens").new(client) | {"document": None, "document_or_null": None}

    created = client.post("/api/specimens", row)

    assert (created.status, created.json["document"]) == (201, None)
    stored = "SELECT document = 'null', document_or_null IS NULL FROM agency.specimens"
    assert client.sql(stored) == [[True, True]]

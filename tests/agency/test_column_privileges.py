"""The application's role may have privileges on the declared columns only, not on the table."""

import pytest

from sluice.sql.derived import table
from sluice.sql.identifiers import quoted
from tests.fixtures.cases import CHANGED, case_of
from tests.fixtures.client import Client


def restrict(client: Client, name: str) -> None:
    """Leave the role the declared columns, and the column of soft deletion."""
    resource = case_of(name).resource
    named = {field.column for field in resource.all_fields} | {resource.soft_delete} - {""}
    columns = ", ".join(quoted(column) for column in sorted(named))
    privileges = ", ".join(f"{each} ({columns})" for each in ("SELECT", "INSERT", "UPDATE"))
    client.sql(f"REVOKE ALL ON {table(resource)} FROM sluice_app")
    client.sql(f"GRANT {privileges}, DELETE ON {table(resource)} TO sluice_app")


@pytest.mark.parametrize("name", ["people", "rates", "deals", "specimens"])
def test_declared_columns_are_enough(isolated_client: Client, name: str) -> None:
    client, case = isolated_client, case_of(name)
    body = case.new(client)
    restrict(client, name)

    created = client.post(f"/api/{name}", body, idempotency_key="k")
    assert created.status == 201, created.text
    assert client.post(f"/api/{name}", body, idempotency_key="k").text == created.text
    path = created.headers["Location"]
    assert client.get(path).text == created.text
    assert client.get(path, if_none_match=created.headers["ETag"]).status == 304
    assert client.get(f"/api/{name}?include_total=true").json["data"] == [created.json]
    changed = client.put(path, case.replacement(client), if_match=created.headers["ETag"])
    assert changed.status == 200, changed.text
    assert client.patch(path, case.patch(client, CHANGED + 1)).status == 200
    assert client.delete(path).status == 204


def test_hidden_columns_cannot_be_read(isolated_client: Client) -> None:
    client, case = isolated_client, case_of("people")
    row = client.get(f"/api/people/{case.insert(client, 1)}")

    assert {"words", "secret", "deleted_at"}.isdisjoint(row.json)
    assert client.get("/api/people?fields=secret").errors == {"fields": "invalid"}
    client.sql("UPDATE agency.people SET secret = 'changed'")
    assert client.get("/api/people").json["data"] == [row.json]
    same = client.get(f"/api/people/{row.json['id']}", if_none_match=row.headers["ETag"])
    assert same.status == 304

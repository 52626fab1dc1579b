"""Rows that are not those of a plain table: views, partitions, and names that need quotes."""

import pytest

from tests.fixtures.cases import case_of
from tests.fixtures.client import Client


@pytest.mark.parametrize("name", ["pipeline", "monthly"])
def test_view_is_read_only(client: Client, name: str) -> None:
    path = f"/api/{name}/{case_of(name).insert(client, 0)}"
    row = client.get(path)
    assert row.status == 200, row.text
    assert client.get(path, if_none_match=row.headers["ETag"]).status == 304
    for method in ("PUT", "PATCH", "DELETE"):
        assert client.call(method, path, {}).status == 405
    assert client.post(f"/api/{name}", {}).status == 405


def test_row_moves_to_another_partition(client: Client) -> None:
    """Writes name the parent table, and each partition has its rows."""
    rows = [
        {"sensor": 1, "measured_at": f"{year}-05-01T00:00:00.000000Z", "value": year + 0.5}
        for year in (2025, 2026, 2027)
    ]
    for row in rows:
        assert client.post("/api/measurements", row).status == 201

    count = "SELECT count(*) FROM agency.measurements_2026"
    assert client.sql(count) == [[1]]
    again = client.post("/api/measurements", rows[1])
    expected = {"/sensor": "duplicate", "/measured_at": "duplicate"}
    assert (again.status, again.errors) == (409, expected)  # the report names the partition
    assert client.get("/api/measurements").json["data"] == rows
    assert client.get("/api/measurements?sort=value:desc").json["data"] == rows[::-1]
    path = "/api/measurements/1/2026-05-01T00:00:00Z"
    assert client.patch(path, {"value": "NaN"}).json == rows[1] | {"value": "NaN"}
    assert client.delete(path).status == 204
    assert client.sql(count) == [[0]]


def test_names_that_need_quotes(client: Client) -> None:
    line = {"unit_price": "5.00", "order": 7, "user": "select"}
    created = client.post("/api/lines", line)
    assert created.status == 201, created.text

    query = "unit_price_min=5&order=7&user=select&sort=user,order:desc,unit_price"
    assert client.get(f"/api/lines?{query}").json["data"] == [created.json]
    path = created.headers["Location"]
    assert client.patch(path, {"user": None}).json == created.json | {"user": None}
    assert client.sql('SELECT "ID", "order" FROM agency."Order Lines"') == [[created.json["id"], 7]]
    assert client.delete(path).status == 204

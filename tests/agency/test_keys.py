"""Rows whose key has only a few values. Suites need more rows of each resource."""

import pytest

from tests.fixtures.client import Client

KEYS = [
    ("switches", "state", [(False, "false"), (True, "true")]),
    ("stages", "stage", [(stage, stage) for stage in ("lead", "offer", "won", "lost")]),
]


@pytest.mark.parametrize(("name", "key", "values"), KEYS)
def test_rows_of_a_few_keys(client: Client, name: str, key: str, values: list) -> None:
    for value, in_path in reversed(values):
        made = client.post(f"/api/{name}", {key: value, "name": f"{value}"})
        assert (made.status, made.headers["Location"]) == (201, f"/api/{name}/{in_path}")
        found = client.get(f"/api/{name}/{in_path}")
        assert found.json == {key: value, "name": f"{value}"}
        changed = client.patch(f"/api/{name}/{in_path}", {"name": "other"})
        assert (changed.status, changed.json["name"]) == (200, "other")

    again = client.post(f"/api/{name}", {key: values[0][0], "name": "again"})
    assert (again.status, again.errors) == (409, {f"/{key}": "duplicate"})
    pages = client.get(f"/api/{name}?limit=100").json["data"]
    assert [row[key] for row in pages] == [value for value, _ in values]
    assert client.delete(f"/api/{name}/{values[0][1]}").status == 204
    assert client.get(f"/api/{name}/{values[0][1]}").status == 404
    assert client.get(f"/api/{name}/neither").status in (400, 404)

"""Rules and a digest as ETag, in the requests and imports of the sample application."""

import re

import pytest

from tests.fixtures.imports import ImportHarness
from tests.fixtures.sample import Library

REFUSED = [{"code": "invalid", "message": "must not be at example.invalid", "pointer": "/email"}]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_rule_refuses_each_kind_of_write(library: Library, method: str) -> None:
    path = "/api/readers" if method == "POST" else f"/api/readers/{library.add_reader()}"
    body = {"email": "Ada@Example.invalid", "name": "Ada"}

    response = library.call(method, path, body)

    assert response.status == 422
    assert response.json["errors"] == REFUSED


def test_rule_completes_a_new_row(library: Library) -> None:
    created = library.post("/api/shelves", {"name": "Crime & Thrillers"})

    assert (created.status, created.json["slug"]) == (201, "crime-thrillers")


def test_rule_rejects_the_row_of_an_import(harness: ImportHarness) -> None:
    rows = "email,name\nada@example.com,Ada\nmary@example.invalid,Mary\n"
    job = harness.load(rows, "readers")

    assert (job["rows_written"], job["rows_rejected"]) == (1, 1)
    assert harness.rejects(job["id"]) == [(3, "email", "invalid")]


def test_digest_changes_with_the_row(library: Library) -> None:
    path = f"/api/readers/{library.add_reader()}"
    before = library.get(path).headers["ETag"]
    changed = library.patch(path, {"name": "Mary"}, if_match=before)
    stale = library.patch(path, {"name": "Emma"}, if_match=before)

    assert re.fullmatch(r'"[0-9a-f]{32}"', before)
    assert changed.headers["ETag"] == library.get(path).headers["ETag"] != before
    assert stale.status == 412

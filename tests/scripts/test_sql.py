"""`make sql` prints the statements of a resource."""

import os
import subprocess
import sys

import pytest

from scripts.sql import laid_out, raw, statements_of
from sluice import application
from sluice.query import Query

SQL = "SELECT a, max(b) FROM t WHERE a IN (SELECT 'x FROM y' FROM u) AND a IS DISTINCT FROM :b"


@pytest.mark.parametrize("name", application.current().repositories)
def test_statements_of_each_resource_have_labels(name: str) -> None:
    app = application.current()

    labels = [label for label, _ in statements_of(name)]

    assert {"page: default", "page: sort=-id, after a cursor", "get_by_id"} <= {
        label.replace(f"-{app.load('repositories', name).list_spec.keys[0]}", "-id")
        for label in labels
    }
    assert any(label.startswith("import of ") for label in labels) == (name in app.imports)


def test_writes_and_connections_are_called() -> None:
    labels = [label for label, _ in statements_of("products")]

    assert {"create with a key", "update: price", "delete with If-Match"} <= set(labels)
    assert any(label.startswith("connections_by_parent: ") for label in labels)


def test_writes_have_the_declared_examples() -> None:
    email = application.current().declaration("users").by_name["email"].example

    created = dict(statements_of("users"))["create"]

    assert created.params["email"] == email


def test_each_clause_has_a_line() -> None:
    assert laid_out("example", Query(SQL, prepare=True)).splitlines() == [
        "-- example (prepared)",
        "SELECT a, max(b)",
        "FROM t",
        "WHERE a IN (",
        "    SELECT 'x FROM y'",
        "    FROM u) AND a IS DISTINCT FROM :b;",
    ]


def test_raw_statement_is_one_line_without_white_space() -> None:
    query = Query("SELECT (\n  a ,b\n)", {"n": 1}, before=Query("CALL  c()"))

    assert raw("example", query) == 'example | before: CALL c() | SELECT (a,b) | {"n": 1}'


def test_closed_pipe_ends_the_output_quietly() -> None:
    """As with `make sql RESOURCE=users | head`."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "scripts.sql", "users"]
    done = subprocess.run(
        command, stdout=write_end, stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )
    os.close(write_end)

    assert (done.returncode, done.stderr) == (0, "")

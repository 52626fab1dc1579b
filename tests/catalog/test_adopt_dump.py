"""tests/apps/<application>/schema.sql: the same text each time, which other servers accept."""

from pathlib import Path

import pytest

from catalog.adopt.schema_dump import DumpError, dump, reason
from tests.fixtures.adopt import SCHEMA, ForeignSchema

NEWER = """\
pg_dump: error: aborting because of server version mismatch
pg_dump: detail: server version: 19.1; pg_dump version: 18.6
"""


def test_dump_is_the_same_each_time(empty_database: str) -> None:
    ForeignSchema(empty_database).sql(SCHEMA)

    first = dump(empty_database, ["crm"])

    assert first == dump(empty_database, ["crm"])
    assert "\\restrict" not in first
    assert "transaction_timeout" not in first


def test_lines_of_a_function_stay(empty_database: str) -> None:
    body = "BEGIN\nUPDATE crm.people\nSET name = 'x';\n--\n-- a comment\n--\nEND"
    database = ForeignSchema(empty_database)
    database.sql(SCHEMA)
    database.sql(f"CREATE FUNCTION crm.f() RETURNS void LANGUAGE plpgsql AS $${body}$$")

    assert "SET name = 'x';\n" in dump(empty_database, ["crm"])


def test_newer_server_is_named_with_the_remedy() -> None:
    message = reason(NEWER, Path("/bin/pg_dump"))

    assert message.startswith("the server is PostgreSQL 19.1, and /bin/pg_dump is of 18.6: ")
    assert "or write the file by hand" in message


def test_schema_that_is_not_there_is_an_error(empty_database: str) -> None:
    with pytest.raises(DumpError, match="no matching schemas were found"):
        dump(empty_database, ["crm"])

"""COPY and the row parser import the same rows from a file.

Books have no rule, so a file of valid ones is copied without parsing.
"""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.imports import record_splitter
from tests.fixtures.examples import examples
from tests.fixtures.imports import ImportHarness

BOOKS = "name,price,shelf\n"
MALFORMED = '"\n'  # then the parser reads the chunk


def is_complete(job: dict[str, object]) -> bool:
    return job["rows_read"] == int(str(job["rows_written"])) + int(str(job["rows_rejected"]))


def names(harness: ImportHarness) -> list[str]:
    return [row[0] for row in harness.client.sql("SELECT name FROM books ORDER BY id")]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_end_of_data_mark_is_a_row(harness: ImportHarness, newline: str) -> None:
    """Until PostgreSQL 17, COPY ends there and silently ignores the rows after it."""
    harness.client.add_shelf("novels")
    text = newline.join(["name,price,shelf", "A,1,novels", "\\.", "B,1,novels", ""])
    job = harness.load(text)
    assert harness.rejects(job["id"]) == [(3, "", "wrong_columns")]
    assert (job["status"], job["rows_read"], job["rows_written"]) == ("completed", 3, 2)
    assert names(harness) == ["A", "B"]


@pytest.mark.parametrize(
    "name", ["\\.", '"\\."', "\\.x", "\\N", '"\\N"', "\\\\.", "\\", "\\n", "a\\tb"]
)
def test_backslashes_are_not_escapes(harness: ImportHarness, name: str) -> None:
    harness.client.add_shelf("novels")
    for bad in ("", MALFORMED):
        harness.client.sql("DELETE FROM books")
        job = harness.load(f"{BOOKS}{name},1,novels\nB,1,novels\n{bad}")
        assert (job["rows_written"], job["rows_rejected"]) == (2, len(bad) // 2)
        assert names(harness) == sorted([name.strip('"'), "B"])


def test_end_of_data_mark_in_quotes_is_text(harness: ImportHarness) -> None:
    harness.client.add_shelf("novels")
    job = harness.load(BOOKS + '"of clay\n\\.\nand glass",1,novels\nDune,1,novels\n')
    assert (job["rows_read"], job["rows_written"]) == (2, 2)
    assert names(harness) == ["Dune", "of clay\n\\.\nand glass"]


PROPERTY = settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
LINES = st.lists(st.text(alphabet='ab",\n\r\\.N\x00é \t', max_size=12), max_size=8)


@PROPERTY
@given(LINES)
def test_every_record_is_written_or_rejected(harness: ImportHarness, lines: list[str]) -> None:
    """Each record that the parser finds is written or rejected."""
    harness.client.add_shelf("novels")
    data = "".join(f"{line},1,novels\n" for line in lines).encode()
    job = harness.load(BOOKS.encode() + data)
    read = [
        row.fields
        for row in record_splitter.parse_records(data, 2)
        if row.fields is None or "".join(row.fields).strip()
    ]
    assert job["status"] == "completed", job
    assert job["rows_read"] == len(read)
    assert is_complete(job)
    assert len(harness.rejects(job["id"])) == job["rows_rejected"]


CELLS = st.text(alphabet='ab",\n\r\\.N;é \u00a0', min_size=1, max_size=6).map(
    lambda text: f"x{text}x"
)


@PROPERTY
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), st.booleans())
def test_values_are_stored_unchanged(
    harness: ImportHarness, rows: list[tuple[str, str]], quote_all: bool
) -> None:
    harness.client.sql("DELETE FROM books")
    harness.client.add_shelf("novels")
    output = io.StringIO(newline="")
    dialect = {"quoting": csv.QUOTE_ALL, "lineterminator": "\n"} if quote_all else {}
    writer = csv.writer(output, **dialect)
    writer.writerow(["name", "description", "price", "shelf"])
    writer.writerows([name, text, "1", "novels"] for name, text in rows)
    job = harness.load(output.getvalue())
    assert (job["rows_read"], job["rows_written"]) == (len(rows), len(rows))
    assert sorted(harness.client.sql("SELECT name, description FROM books")) == sorted(
        [name, text] for name, text in dict(rows).items()
    )


@pytest.mark.parametrize("row", [",", ",,", '"",""', " , ", "   ", ",,,,,", '"","",'])
def test_empty_rows_are_skipped(harness: ImportHarness, row: str) -> None:
    harness.client.add_shelf("novels")
    job = harness.load(BOOKS + f"A,1,novels\n{row}\n\nB,1,novels\n{row}\n{row}\n")
    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (2, 2, 0)


def test_empty_rows_of_one_column_are_skipped(harness: ImportHarness) -> None:
    job = harness.load('name\nA\n""\n\n \nB\n', "shelves")
    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (2, 2, 0)


def test_line_numbers_count_quoted_newlines(harness: ImportHarness) -> None:
    text = 'email,name\na@x.y,"A\nB"\n,\n\nbad\n"x\r\n\r\n",\nworse\n'
    job = harness.load(text, "readers")
    assert [line for line, *_ in harness.rejects(job["id"])] == [6, 7, 10]

"""COPY and the row parser import the same rows from a file."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.imports import record_splitter
from tests.fixtures.imports import ImportHarness
from tests.shop.imports.product_files import HEADER, products

USERS = "email,name\n"


def is_complete(job: dict[str, object]) -> bool:
    return job["rows_read"] == int(str(job["rows_written"])) + int(str(job["rows_rejected"]))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_end_of_data_mark_is_a_row(harness: ImportHarness, newline: str) -> None:
    """Until PostgreSQL 17, COPY ends there and silently ignores the rows after it."""
    text = newline.join(["email,name", "a@x.y,A", "\\.", "b@x.y,B", ""])
    job = harness.load(text, "users")
    assert harness.rejects(job["id"]) == [(3, "", "wrong_columns")]
    assert (job["status"], job["rows_read"], job["rows_written"]) == ("completed", 3, 2)
    assert harness.client.sql("SELECT email FROM users ORDER BY email") == [["a@x.y"], ["b@x.y"]]


@pytest.mark.parametrize(
    "name", ["\\.", '"\\."', "\\.x", "\\N", '"\\N"', "\\\\.", "\\", "\\n", "a\\tb"]
)
def test_backslashes_are_not_escapes(harness: ImportHarness, name: str) -> None:
    job = harness.load(f"slug,name\na,{name}\nb,B\n", "categories")
    assert (job["rows_read"], job["rows_written"]) == (2, 2)
    without_slug = harness.load(f"name\n{name}\nLast\n", "categories")
    assert is_complete(without_slug)
    assert without_slug["rows_read"] == 2
    assert harness.client.sql("SELECT name FROM categories WHERE slug = 'a'") == [[name.strip('"')]]
    assert harness.client.sql("SELECT count(*) FROM categories WHERE slug = 'last'") == [[1]]


def test_end_of_data_mark_in_quotes_is_text(harness: ImportHarness) -> None:
    harness.client.add_category("mugs")
    job = harness.load(HEADER + 'Mug,"of clay\n\\.\nand glass",1,mugs,1\nCup,,1,mugs,1\n')
    assert (job["rows_read"], job["rows_written"]) == (2, 2)
    assert [row[1] for row in products(harness)] == [None, "of clay\n\\.\nand glass"]


LINES = st.lists(st.text(alphabet='ab",\n\r\\.N\x00é \t', max_size=12), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(LINES)
def test_every_record_is_written_or_rejected(harness: ImportHarness, lines: list[str]) -> None:
    """Each record that the parser finds is written or rejected."""
    harness.client.sql("DELETE FROM categories")
    data = "".join(f"{line}\n" for line in lines).encode()
    job = harness.load(b"name,slug\n" + data, "categories")
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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), st.booleans())
def test_values_are_stored_unchanged(
    harness: ImportHarness, rows: list[tuple[str, str]], quote_all: bool
) -> None:
    harness.client.sql("DELETE FROM products")
    harness.client.sql(
        "INSERT INTO categories (name, slug) VALUES ('M', 'mugs') ON CONFLICT DO NOTHING"
    )
    output = io.StringIO(newline="")
    dialect = {"quoting": csv.QUOTE_ALL, "lineterminator": "\n"} if quote_all else {}
    writer = csv.writer(output, **dialect)
    writer.writerow(["name", "description", "price", "category"])
    writer.writerows([name, text, "1", "mugs"] for name, text in rows)
    job = harness.load(output.getvalue())
    assert (job["rows_read"], job["rows_written"]) == (len(rows), len(rows))
    assert sorted(row[:2] for row in products(harness)) == sorted(
        [name, text] for name, text in dict(rows).items()
    )


NUMBERS = {
    **dict.fromkeys(("-0", " 5 ", "1.50", "00005", "5\u00a0"), None),
    **dict.fromkeys(("1_000", "１２", "1e3", "0x10", "NaN", "Infinity", "+5", ".5", "5."), "type"),
    **dict.fromkeys(("٣", "1,5", "1" * 30, "5\u200b", "true", "٫5"), "type"),
    "1.999": "invalid",
    "-1": "out_of_range",
}


def test_copy_and_parser_agree_on_numbers(harness: ImportHarness) -> None:
    """COPY reads a valid file; if a row is invalid, the parser reads all rows."""
    harness.client.add_category("mugs")
    for bad in ("", "Bad,,x,mugs,1\n"):
        for number, code in NUMBERS.items():
            job = harness.load(HEADER + bad + f'Mug,,"{number}",mugs,1\n')
            codes = [
                code for line, column, code in harness.rejects(job["id"]) if line == 2 + bool(bad)
            ]
            assert codes == ([code] if code else []), number
            assert is_complete(job)


QUANTITIES = {
    **dict.fromkeys(("-0", " 5 ", "+5", "2147483647"), None),
    **dict.fromkeys(("1_000", "１２", "1e3", "NaN", "5.0", "9" * 50), "type"),
    **dict.fromkeys(("2147483648", "99999999999999999999"), "out_of_range"),
}


def test_copy_and_parser_agree_on_quantities(harness: ImportHarness) -> None:
    harness.client.add_category("mugs")
    for bad in ("", "Bad,,x,mugs,1\n"):
        for number, code in QUANTITIES.items():
            job = harness.load(HEADER + bad + f'Mug,,1,mugs,"{number}"\n')
            codes = [
                code for line, column, code in harness.rejects(job["id"]) if line == 2 + bool(bad)
            ]
            assert codes == ([code] if code else []), number


@pytest.mark.parametrize("row", [",", ",,", '"",""', " , ", "   ", ",,,,,", '"","",'])
def test_empty_rows_are_skipped(harness: ImportHarness, row: str) -> None:
    job = harness.load(USERS + f"a@x.y,A\n{row}\n\nb@x.y,B\n{row}\n{row}\n", "users")
    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (2, 2, 0)


def test_empty_rows_of_one_column_are_skipped(harness: ImportHarness) -> None:
    job = harness.load('name\nA\n""\n\n \nB\n', "categories")
    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (2, 2, 0)


def test_line_numbers_count_quoted_newlines(harness: ImportHarness) -> None:
    job = harness.load(USERS + 'a@x.y,"A\nB"\n,\n\nbad\n"x\r\n\r\n",\nworse\n', "users")
    assert [line for line, *_ in harness.rejects(job["id"])] == [6, 7, 10]

"""COPY and the reader of records never disagree silently: a file becomes the same rows whichever reads it."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.imports import record_splitter
from tests.imports.conftest import Depot
from tests.imports.test_job import HEADER, products

USERS = "email,name\n"


def accounted(job: dict[str, object]) -> bool:
    return job["rows_read"] == int(str(job["rows_written"])) + int(str(job["rows_rejected"]))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_end_of_data_mark_is_an_ordinary_line(depot: Depot, newline: str) -> None:
    """Until PostgreSQL 17 COPY ends there, and says nothing of the rows behind it."""
    text = newline.join(["email,name", "a@x.y,A", "\\.", "b@x.y,B", ""])
    job = depot.load(text, "users")
    assert depot.rejects(job["id"]) == [(3, "", "wrong_columns")]
    assert (job["status"], job["rows_read"], job["rows_written"]) == ("completed", 3, 2)
    assert depot.shop.sql("SELECT email FROM users ORDER BY email") == [["a@x.y"], ["b@x.y"]]


@pytest.mark.parametrize(
    "name", ["\\.", '"\\."', "\\.x", "\\N", '"\\N"', "\\\\.", "\\", "\\n", "a\\tb"]
)
def test_backslashes_are_ordinary_letters(depot: Depot, name: str) -> None:
    job = depot.load(f"slug,name\na,{name}\nb,B\n", "categories")
    assert (job["rows_read"], job["rows_written"]) == (2, 2)
    alone = depot.load(f"name\n{name}\nLast\n", "categories")
    assert accounted(alone)
    assert alone["rows_read"] == 2
    assert depot.shop.sql("SELECT name FROM categories WHERE slug = 'a'") == [[name.strip('"')]]
    assert depot.shop.sql("SELECT count(*) FROM categories WHERE slug = 'last'") == [[1]]


def test_end_of_data_mark_within_quotes_is_kept(depot: Depot) -> None:
    depot.shop.add_category("mugs")
    job = depot.load(HEADER + 'Mug,"of clay\n\\.\nand glass",1,mugs,1\nCup,,1,mugs,1\n')
    assert (job["rows_read"], job["rows_written"]) == (2, 2)
    assert [row[1] for row in products(depot)] == [None, "of clay\n\\.\nand glass"]


LINES = st.lists(st.text(alphabet='ab",\n\r\\.N\x00é \t', max_size=12), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(LINES)
def test_every_record_is_written_or_rejected(depot: Depot, lines: list[str]) -> None:
    """Whatever the lines are, as many records are accounted for as the reader sees; and what it reads is written."""
    depot.shop.sql("DELETE FROM categories")
    data = "".join(f"{line}\n" for line in lines).encode()
    job = depot.load(b"name,slug\n" + data, "categories")
    read = [
        row.fields
        for row in record_splitter.rows(data, 2)
        if row.fields is None or "".join(row.fields).strip()
    ]
    assert job["status"] == "completed", job
    assert job["rows_read"] == len(read)
    assert accounted(job)
    assert len(depot.rejects(job["id"])) == job["rows_rejected"]


CELLS = st.text(alphabet='ab",\n\r\\.N;é \u00a0', min_size=1, max_size=6).map(
    lambda text: f"x{text}x"
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), st.booleans())
def test_values_are_kept_to_the_letter(
    depot: Depot, rows: list[tuple[str, str]], everything_quoted: bool
) -> None:
    depot.shop.sql("DELETE FROM products")
    depot.shop.sql(
        "INSERT INTO categories (name, slug) VALUES ('M', 'mugs') ON CONFLICT DO NOTHING"
    )
    written = io.StringIO(newline="")
    dialect = {"quoting": csv.QUOTE_ALL, "lineterminator": "\n"} if everything_quoted else {}
    writer = csv.writer(written, **dialect)
    writer.writerow(["name", "description", "price", "category"])
    writer.writerows([name, text, "1", "mugs"] for name, text in rows)
    job = depot.load(written.getvalue())
    assert (job["rows_read"], job["rows_written"]) == (len(rows), len(rows))
    assert sorted(row[:2] for row in products(depot)) == sorted(
        [name, text] for name, text in dict(rows).items()
    )


NUMBERS = {
    "1_000": "type", "１２": "type", "1e3": "type", "0x10": "type", "NaN": "type", "Infinity": "type", "-0": None,
    " 5 ": None, "+5": "type", ".5": "type", "5.": "type", "٣": "type", "1,5": "type", "1.50": None,
    "00005": None, "1.999": "invalid", "1" * 30: "type", "5\u00a0": None, "5\u200b": "type", "true": "type",
    "-1": "out_of_range", "٫5": "type",
}  # fmt: skip


def test_numbers_are_read_alike_by_copy_and_by_us(depot: Depot) -> None:
    """Rows alone in their file go past COPY; beside a bad row each is read here. The outcome is the same."""
    depot.shop.add_category("mugs")
    for bad in ("", "Bad,,x,mugs,1\n"):
        for number, code in NUMBERS.items():
            job = depot.load(HEADER + bad + f'Mug,,"{number}",mugs,1\n')
            codes = [
                code for line, column, code in depot.rejects(job["id"]) if line == 2 + bool(bad)
            ]
            assert codes == ([code] if code else []), number
            assert accounted(job)


QUANTITIES = {
    "1_000": "type", "１２": "type", "1e3": "type", "NaN": "type", "-0": None, " 5 ": None, "+5": None, "5.0": "type",
    "2147483647": None, "2147483648": "out_of_range", "99999999999999999999": "out_of_range", "9" * 50: "type",
}  # fmt: skip


def test_quantities_are_read_alike_by_copy_and_by_us(depot: Depot) -> None:
    depot.shop.add_category("mugs")
    for bad in ("", "Bad,,x,mugs,1\n"):
        for number, code in QUANTITIES.items():
            job = depot.load(HEADER + bad + f'Mug,,1,mugs,"{number}"\n')
            codes = [
                code for line, column, code in depot.rejects(job["id"]) if line == 2 + bool(bad)
            ]
            assert codes == ([code] if code else []), number


@pytest.mark.parametrize("row", [",", ",,", '"",""', " , ", "   ", ",,,,,", '"","",'])
def test_empty_rows_are_skipped_like_blank_lines(depot: Depot, row: str) -> None:
    job = depot.load(USERS + f"a@x.y,A\n{row}\n\nb@x.y,B\n{row}\n{row}\n", "users")
    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (2, 2, 0)


def test_empty_rows_of_one_column_are_skipped(depot: Depot) -> None:
    job = depot.load('name\nA\n""\n\n \nB\n', "categories")
    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (2, 2, 0)


def test_lines_are_counted_through_quotes_and_empty_rows(depot: Depot) -> None:
    job = depot.load(USERS + 'a@x.y,"A\nB"\n,\n\nbad\n"x\r\n\r\n",\nworse\n', "users")
    assert [line for line, *_ in depot.rejects(job["id"])] == [6, 7, 10]

"""Rejections: one record for one error, the report, and the limits."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from sluice.errors import InternalError
from sluice.imports.record_splitter import MAX_RECORD_BYTES
from sluice.imports.report import escape_formula
from sluice.imports.row_parser import printable
from sluice.query import Query
from tests.fixtures.imports import BUCKET, ImportHarness, insert_trigger

HEADER = "name,description,price,shelf,copies\n"
REJECT_LEAD = "IF NEW.description = 'of lead' THEN RAISE check_violation; END IF;"
TRIGGER_BODIES = {
    "by a message": ("RAISE 'no';", "invalid"),
    "by a constraint": ("RAISE check_violation;", "invalid"),
    "by a missing function": ("PERFORM no_such_function();", "internal_error"),
    "by an internal error": (
        "RAISE internal_error USING MESSAGE = 'tuple concurrently updated';",
        "internal_error",
    ),
    "by a division": ("NEW.price := 1 / 0;", "invalid"),
}


def book_names(harness: ImportHarness) -> list[str]:
    return [row[0] for row in harness.client.sql("SELECT name FROM books ORDER BY name")]


def count_stored_rejections(harness: ImportHarness) -> int:
    return int(str(harness.client.sql("SELECT count(*) FROM sluice.import_rejects")[0][0]))


def counts(job: dict[str, Any]) -> tuple[int, int, int]:
    return job["rows_read"], job["rows_written"], job["rows_rejected"]


@pytest.mark.parametrize("file_name", ["file.csv", "file.jsonl"])
def test_too_long_field_rejects_its_row(harness: ImportHarness, file_name: str) -> None:
    harness.client.add_shelf("novels")
    rows = [
        ("Mug", "of clay"),
        ("Cup", "x" * 300_000),
        ("Pot", "of glass"),
        ("Jar", "y, " * 100_000),
    ]
    if file_name == "file.csv":
        text = HEADER + "".join(f'{name},"{text}",1,novels,1\n' for name, text in rows)
        rejected = [(3, "description", "too_long"), (5, "description", "too_long")]
    else:
        fields = [
            {"name": name, "description": text, "price": 1, "shelf": "novels"}
            for name, text in rows
        ]
        text = "".join(f"{json.dumps(each)}\n" for each in fields)
        rejected = [(2, "description", "too_long"), (4, "description", "too_long")]
    job = harness.load(text, name=file_name)
    assert harness.rejects(job["id"]) == rejected
    assert (job["status"], *counts(job)) == ("completed", 4, 2, 2)


@pytest.mark.parametrize(
    "size",
    [
        MAX_RECORD_BYTES - 20,
        MAX_RECORD_BYTES - 1,
        MAX_RECORD_BYTES,
        MAX_RECORD_BYTES + 1,
        3 * MAX_RECORD_BYTES + 7,
    ],
)
@pytest.mark.parametrize("ending", ["\n", ""])
def test_too_long_record_is_rejected_alone(harness: ImportHarness, size: int, ending: str) -> None:
    harness.client.add_shelf("novels")
    long = f"Cup,{'x' * (size - 17)},1,novels,1"
    job = harness.load(HEADER + f"Mug,,1,novels,1\n{long}\nPot,,1,novels,1\n{long}{ending}")
    assert [(line, code) for line, _, code in harness.rejects(job["id"])] == [
        (3, "too_long"),
        (5, "too_long"),
    ]
    assert (job["status"], *counts(job)) == ("completed", 4, 2, 2)
    assert job["bytes_read"] == job["bytes_total"]
    first = harness.load(HEADER + f"{long}\nJar,,1,novels,1\n")
    assert counts(first) == (2, 1, 1)
    line = json.dumps({"name": "x" * size, "price": 1, "shelf": "novels"})
    valid = '{"name": "A", "price": 1, "shelf": "novels"}'
    json_job = harness.load(f"{line}\n\n{line}\n{valid}", name="a.jsonl")
    assert counts(json_job) == (3, 1, 2)


def test_too_long_record_is_skipped_to_its_end(harness: ImportHarness) -> None:
    harness.client.add_shelf("novels")
    long = '"Cup\nand saucer",' + "x" * (2 * MAX_RECORD_BYTES) + ",1,novels,1"
    job = harness.load(HEADER + f"{long}\nPot,,1,novels,1\nBad,,x,novels,1\n")
    assert [(line, code) for line, _, code in harness.rejects(job["id"])] == [
        (2, "too_long"),
        (5, "type"),
    ]
    assert counts(job) == (3, 1, 2)


def test_row_rejected_by_constraint(harness: ImportHarness) -> None:
    """The database has a constraint that the API does not know."""
    harness.client.add_shelf("novels")
    rows = [
        f"Mug {n},{'of lead' if n % 400 == 7 else 'of clay'},1,novels,1\n" for n in range(2_000)
    ]
    with insert_trigger(harness.client, "books", REJECT_LEAD):
        job = harness.load(HEADER + "".join(rows))
    assert harness.rejects(job["id"]) == [
        (n + 2, "", "invalid") for n in range(2_000) if n % 400 == 7
    ]
    assert counts(job) == (2_000, 1_995, 5)
    assert len(book_names(harness)) == 1_995


@pytest.mark.parametrize("cause", TRIGGER_BODIES)
def test_row_rejected_by_trigger(harness: ImportHarness, cause: str) -> None:
    harness.client.add_shelf("novels")
    statement, code = TRIGGER_BODIES[cause]
    names = ["Bad 0", *(f"Mug {n}" for n in range(500)), "Bad 1", "Bad 2", "Cup", "Bad 3"]
    with insert_trigger(
        harness.client, "books", f"IF NEW.name LIKE 'Bad%' THEN {statement} END IF;"
    ):
        job = harness.load(HEADER + "".join(f"{name},,1,novels,1\n" for name in names))
    lines = [n for n, name in enumerate(names, 2) if name.startswith("Bad")]
    assert [(line, found_code) for line, _, found_code in harness.rejects(job["id"])] == [
        (line, code) for line in lines
    ]
    assert (job["status"], *counts(job)) == ("completed", 505, 501, 4)
    assert len(book_names(harness)) == 501


def test_broken_schema_rejects_no_row(harness: ImportHarness) -> None:
    """An error that the server also raises without rows rejects none."""
    harness.client.sql("ALTER TABLE readers RENAME COLUMN name TO called")
    try:
        key = harness.put("incoming/readers/a.csv", b"email,name\na@x.y,A\n")
        with pytest.raises(InternalError):
            harness.importer.run(key, 60.0)
    finally:
        harness.client.sql("ALTER TABLE readers RENAME COLUMN called TO name")
    assert counts(harness.job(key)) == (0, 0, 0)
    assert harness.importer.run(key, 60.0)
    assert counts(harness.job(key)) == (1, 1, 0)


FIELD_NAMES = [
    "\ud800",
    "\x00",
    "a\x00b",
    "=cmd|'/c calc'!A1",
    "\r\n",
    ";=1",
    "x" * 5_000,
    "",
    "\u202e",
    "\\",
    "\t@",
]


def test_unprintable_field_names_are_reported(harness: ImportHarness) -> None:
    lines = [json.dumps({name: 1}).encode() for name in FIELD_NAMES]
    lines += [b'{"\xff": 1}', b'{"\xff": 1, "\xff": 2}']
    job = harness.load(b"\n".join(lines), "readers", "file.jsonl")
    assert (job["status"], *counts(job)) == ("completed", len(lines), 0, len(lines))
    rows = list(csv.reader(io.StringIO(report(harness, job["id"]), newline="")))[1:]
    assert [int(line) for line, *_ in rows] == list(range(1, len(lines) + 1))
    assert {code for _, _, code, _ in rows[:-1]} == {"unknown_field"}
    for row in rows:
        for cell in row:
            is_formula = cell.lstrip(" \"'").startswith(("=", "+", "-", "@", "\t", "\r"))
            assert not is_formula or cell.startswith("'")
            assert len(cell) <= 102
            assert ";" not in cell or cell is row[3]


def report(harness: ImportHarness, id: int) -> str:
    return str(
        harness.s3.get_object(Bucket=BUCKET, Key=f"rejects/{id}.csv")["Body"].read().decode()
    )


@pytest.mark.parametrize(
    "cell", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", ' "=1', "'=1", "  +1", "\n-1", "＝1", '""=1']
)
def test_formula_cells_are_escaped(cell: str) -> None:
    assert escape_formula(cell) == f"'{cell}"


def test_other_cells_are_unchanged() -> None:
    for cell in ("name", "must be from 0 to 9", "a=b", "1-2", "", "é"):
        assert escape_formula(cell) == cell
    assert escape_formula(None) == ""
    assert printable("Größe (cm)") == "Größe (cm)"


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ('{"name":"x","price":1,"price":2,"shelf":"novels"}', "price"),
        ('{"name":"x","price":{"a":1,"a":2},"shelf":"novels"}', "a"),
        ('{"name":[{"b":1,"b":1}]}', "b"),
        ('{"name":"x","name":"x","price":1,"shelf":"novels"}', "name"),
        ('{"n\\u0061me":"x","name":"y","price":1,"shelf":"novels"}', "name"),
    ],
)
def test_duplicate_field_rejects_its_line(harness: ImportHarness, line: str, column: str) -> None:
    harness.client.add_shelf("novels")
    job = harness.load(line + '\n{"name":"y","price":1,"shelf":"novels"}', name="file.jsonl")
    assert harness.rejects(job["id"]) == [(1, column, "duplicate_field")]
    assert book_names(harness) == ["y"]


NOT_JSON = [
    "NaN",
    '{"name": NaN}',
    '{"a":1}{"b":2}',
    "[" * 100_000,
    '{"price": 1' + "0" * 5_000 + "}",
    "\ufeff{}",
    "1",
]


def test_lines_other_than_json_objects_are_rejected(harness: ImportHarness) -> None:
    job = harness.load("\n" + "\n".join(NOT_JSON), name="file.jsonl")
    assert harness.rejects(job["id"]) == [(n, "", "malformed") for n in range(2, len(NOT_JSON) + 2)]


def test_too_many_rejections_fail_the_import(harness: ImportHarness) -> None:
    harness.client.add_shelf("novels")
    harness.importer = replace(harness.importer, max_rejections=10)
    text = HEADER + "".join(f"Mug {n},,{'x' if n % 3 else '1'},novels,1\n" for n in range(40))
    id = harness.put("incoming/books/a.csv", text.encode())
    assert harness.importer.run(id, 60.0)
    job = harness.job(id)
    assert (job["status"], job["error"]) == ("failed", "more than 10 rows are rejected")
    assert counts(job) == (16, 6, 10)
    assert len(harness.rejects(id)) == 10
    at_limit = harness.load(HEADER + "Cup,,x,novels,1\n" * 10 + "Cup,,1,novels,1\n")
    assert (at_limit["status"], *counts(at_limit)) == ("completed", 11, 1, 10)


def test_limit_includes_rows_rejected_by_server(harness: ImportHarness) -> None:
    harness.client.add_shelf("novels")
    harness.importer = replace(harness.importer, max_rejections=3)
    with insert_trigger(harness.client, "books", REJECT_LEAD):
        for shelf in ("cups", "novels"):
            job = harness.load(HEADER + "".join(f"Mug {n},of lead,1,{shelf},1\n" for n in range(9)))
            assert (job["status"], *counts(job)) == ("failed", 3, 0, 3)


def test_rejected_rows_are_deleted_after_the_report(harness: ImportHarness) -> None:
    harness.client.add_shelf("novels")
    done = harness.load(HEADER + "Mug,,x,novels,1\n" * 5)
    assert len(harness.rejects(done["id"])) == done["rows_rejected"] == 5
    assert done["rejects_url"]
    failed = harness.load(HEADER + "Mug,,x,novels,1\n" * 5, name="file.csv.gz")
    assert failed["status"] == "failed"
    assert count_stored_rejections(harness) == 0


def test_many_short_rows_are_read_in_chunks(harness: ImportHarness) -> None:
    """A chunk has at most 50,000 lines."""
    harness.importer = replace(harness.importer, max_rejections=1_000)
    job = harness.load(b'"\n' + b"a\n" * 700_000, "readers")
    assert job["error"].startswith(
        "the header line cannot be read: it is longer than 1,048,576 bytes"
    )
    job = harness.load(b"email,name\n" + b"a\n" * 700_000, "readers")
    assert (job["status"], *counts(job)) == ("failed", 1_000, 0, 1_000)
    blank = harness.load(b"email,name\n" + b"\n" * 700_000 + b"a@x.y,A\n", "readers")
    assert (blank["status"], *counts(blank)) == ("completed", 1, 1, 0)


def test_file_over_size_limit_fails(harness: ImportHarness) -> None:
    harness.importer = replace(harness.importer, max_bytes=100)
    job = harness.load(HEADER + "Mug,,1,novels,1\n" * 10)
    assert (job["status"], *counts(job)) == ("failed", 0, 0, 0)
    assert job["error"] == "the file has 196 bytes; at most 100 are imported. Split it"


class InterruptedTransaction:
    """A transaction that calls `interrupt` before it writes books."""

    def __init__(self, transaction: Any, interrupt: Callable[[], object]) -> None:
        self._transaction = transaction
        self._interrupt = interrupt

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transaction, name)

    def write(self, query: Query) -> Any:
        if "INSERT INTO books" in query.sql:
            self._interrupt()
        return self._transaction.write(query)


@pytest.mark.parametrize("all_rows_valid", [True, False])
def test_row_with_deleted_shelf_is_rejected(harness: ImportHarness, all_rows_valid: bool) -> None:
    """Another session deletes the shelf after the worker has looked it up."""
    harness.client.sql("INSERT INTO shelves (name, slug) VALUES ('M', 'novels'), ('C', 'cups')")
    connect = harness.importer.connect

    def delete_shelf() -> None:
        harness.client.sql("DELETE FROM shelves WHERE slug = 'cups'")

    @contextmanager
    def connect_and_interrupt() -> Iterator[Any]:
        with connect() as begin:

            @contextmanager
            def begin_and_interrupt() -> Iterator[Any]:
                with begin() as transaction:
                    yield InterruptedTransaction(transaction, delete_shelf)

            yield begin_and_interrupt

    harness.importer = replace(harness.importer, connect=connect_and_interrupt)
    text = (
        HEADER
        + "Cup,,1,cups,1\nMug,,1,novels,1\n"
        + ("" if all_rows_valid else "Pot,,x,novels,1\n")
    )
    job = harness.load(text)
    expected_counts = (2, 1, 1) if all_rows_valid else (3, 1, 2)
    assert (job["status"], *counts(job)) == ("completed", *expected_counts)
    assert harness.rejects(job["id"])[0] == (2, "shelf", "unknown")
    assert book_names(harness) == ["Mug"]

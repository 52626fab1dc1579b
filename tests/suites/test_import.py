"""Imports of each resource: files made from its declaration, with valid and invalid rows."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import pytest

from sluice import application
from sluice.errors import ValidationFailed
from sluice.imports.derived import import_resource
from sluice.imports.resource import ImportResource
from sluice.kinds.field import Field
from sluice.sql.derived import table
from tests.fixtures.cases import case_of
from tests.fixtures.imports import ImportHarness

MALFORMED = "one,field,and,others,than,in,the,header"
UNKNOWN = 900_000  # the number of a sample that no row has
TEXTS = (
    *("0", "1", "-1", "+5", "007", "-0", "1.5", "1.50", ".5", "1e3", "NaN", "Infinity", "1_0"),
    *("1_000", "１２", "0x10", "٣", "1,5", "5.", "1" * 30, "5\u00a0", "5\u200b", "1.999"),
    *("a", "A", "a b", "a-b", "é", "a@b", "A@B", "true", "TRUE", "2026-01-31", "2024-02-29"),
    *("2026-01-31T12:00:00Z", "2026-01-31t12:00:00+01:00", "\\.", "\\N", "a\\tb", 'a"b', "a\nb"),
)
Row = dict[str, Any]  # JSON values by column
each_resource = pytest.mark.parametrize("name", application.current().imports)


def imported(name: str) -> ImportResource:
    return import_resource(application.current().load("imports", name))


def new_row(harness: ImportHarness, name: str, n: int) -> Row:
    """Insert the rows that the nth row references, and return its values."""
    values = case_of(name).new(harness.client, n)
    return {column: values[column] for column in imported(name).fields if column in values}


def new_rows(harness: ImportHarness, name: str) -> list[Row]:
    """Return eight rows with different keys, or fewer if a key has fewer values."""
    rows = [new_row(harness, name, n) for n in range(1, 9)]
    keys = keys_of(name)
    by_key = {json.dumps([row[key] for key in keys]): row for row in rows}
    return list(by_key.values()) if keys else rows


def csv_text(value: object) -> str:
    """Return a value as a CSV file has it: a list or an object as JSON."""
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def csv_file(rows: Sequence[Row], quoting: Literal[0, 1] = csv.QUOTE_MINIMAL) -> str:
    output = io.StringIO(newline="")
    writer = csv.DictWriter(output, list(rows[0]), lineterminator="\n", quoting=quoting)
    writer.writeheader()
    writer.writerows({name: csv_text(value) for name, value in row.items()} for row in rows)
    return output.getvalue()


def json_lines(rows: Iterable[Row]) -> str:
    """Return a line for each row. JSON has the digits of a Decimal as they are."""
    text = "".join(f"{json.dumps(row, default=lambda n: f'<{n}>')}\n" for row in rows)
    return re.sub(r'"<([-+.\dE]+)>"', r"\1", text)


def stored(harness: ImportHarness, name: str) -> list[Mapping[str, Any]]:
    """Return the rows as the API shows them, without what the database sets, in any order."""
    rows: list[Mapping[str, Any]] = []
    while page := harness.client.get(f"/api/{name}?limit=100&offset={len(rows)}").json["data"]:
        rows += page
    read_only = {field.name for field in case_of(name).resource.all_fields if field.read_only}
    rows = [{key: row[key] for key in row.keys() - read_only} for row in rows]
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def clear(harness: ImportHarness, name: str) -> None:
    harness.client.sql(f"DELETE FROM {table(case_of(name).resource)}")


def code_of(field: Field, text: str) -> str:
    """Return the code with which a text of a CSV file is rejected; empty if it is valid."""
    try:
        field.read(field.parse_csv(text), "")
    except ValidationFailed as error:
        return error.errors[0].code
    return ""


class CopiedColumns:
    """A transaction that notes the columns of each COPY."""

    def __init__(self, transaction: Any, copies: list[str]) -> None:
        self._transaction = transaction
        self._copies = copies

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transaction, name)

    def copy(self, sql: str, data: bytes) -> None:
        self._copies.append(sql)
        self._transaction.copy(sql, data)


def noting_copies(harness: ImportHarness, copies: list[str]) -> ImportHarness:
    """Return the harness with transactions that add each COPY to `copies`."""

    @contextmanager
    def connect() -> Iterator[Any]:
        with harness.importer.connect() as begin:

            @contextmanager
            def begin_and_note() -> Iterator[Any]:
                with begin() as transaction:
                    yield CopiedColumns(transaction, copies)

            yield begin_and_note

    return replace(harness, importer=replace(harness.importer, connect=connect))


def with_value(name: str, row: Row, column: str, value: object) -> Row:
    """Return the row with another value, and without the alternatives of the column."""
    alternatives = imported(name).exactly_one_of
    dropped = alternatives if column in alternatives else ()
    return {key: row[key] for key in row if key not in dropped} | {column: value}


@each_resource
def test_invalid_json_values_are_rejected(harness: ImportHarness, name: str) -> None:
    valid = new_row(harness, name, 1)
    rows, rejections = [valid], []
    for column, field in imported(name).fields.items():
        for value, code in field.invalid():
            rows.append(with_value(name, valid, column, value))
            rejections.append((len(rows), column, code))

    job = harness.load(json_lines([*rows, new_row(harness, name, 2)]), name, "file.jsonl")

    assert harness.rejects(job["id"]) == rejections
    assert (job["status"], job["rows_written"]) == ("completed", 2)


@each_resource
def test_invalid_csv_values_are_rejected(harness: ImportHarness, name: str) -> None:
    valid = new_row(harness, name, 1)
    for column, field in imported(name).fields.items():
        texts = [*(csv_text(value) for value, _ in field.invalid()), *TEXTS]
        codes = {text: code_of(field, text) for text in texts if text and "\ud83d" not in text}
        codes = {text: code for text, code in codes.items() if code}
        if len(valid) == 1:  # an empty row is skipped
            codes = {text: code for text, code in codes.items() if text.strip()}
        rows = [with_value(name, valid, column, text) for text in codes]

        job = harness.load(csv_file(rows), name)

        rejects = harness.rejects(job["id"])
        assert [each[1:] for each in rejects] == [(column, code) for code in codes.values()]
        assert (job["rows_read"], job["rows_written"]) == (len(codes), 0)


@each_resource
def test_required_fields_must_have_a_value(harness: ImportHarness, name: str) -> None:
    """A row without any value is skipped. Where null is a value, it is not missing."""
    valid = new_row(harness, name, 1)
    fields = imported(name).fields
    required = list(imported(name).required)
    alone = [
        column
        for column in required
        if not fields[column].accepts_null and any(valid[key] for key in valid.keys() - {column})
    ]
    rows = [valid, *(valid | {column: None} for column in alone)]
    rejections = [(column, "required") for column in alone]

    in_csv = harness.load(csv_file(rows), name)
    clear(harness, name)
    in_json = harness.load(json_lines(rows), name, "file.jsonl")

    assert [each[1:] for each in harness.rejects(in_csv["id"])] == rejections
    assert harness.rejects(in_json["id"]) == [(n, *each) for n, each in enumerate(rejections, 2)]
    for column in required:
        without = [{key: value for key, value in valid.items() if key != column}]
        if any(without):
            job = harness.load(csv_file(without), name)
            assert job["error"] == f"the column {column!r} is missing"


@each_resource
def test_other_fields_may_be_left_out(harness: ImportHarness, name: str) -> None:
    resource = imported(name)
    needed = (*resource.required, *resource.exactly_one_of)
    new = new_row(harness, name, 1)
    row = {key: value for key, value in new.items() if key in needed}
    row = row or dict([*new.items()][:1])  # a line has a value

    job = harness.load(csv_file([row]), name)

    assert (job["rows_written"], harness.rejects(job["id"])) == (1, [])


@each_resource
def test_unknown_references_are_rejected(harness: ImportHarness, name: str) -> None:
    resource, rows = imported(name), [new_row(harness, name, 1)]
    for n, column in enumerate(resource.references):
        valid = new_row(harness, name, 2 + n)
        unknown = with_value(name, valid, column, resource.fields[column].sample(UNKNOWN))
        rows += [unknown, valid]
        in_csv = harness.load(csv_file([unknown]), name)
        assert harness.rejects(in_csv["id"]) == [(2, column, "unknown")]

    job = harness.load(json_lines(rows), name, "file.jsonl")

    rejections = [(2 * n, column, "unknown") for n, column in enumerate(resource.references, 1)]
    assert harness.rejects(job["id"]) == rejections
    assert job["rows_written"] == len(rows) - len(rejections)


def rows_of_texts(harness: ImportHarness, name: str) -> list[Row]:
    """Return valid rows: with nulls and bounds of each field, and with texts of many forms."""
    resource, rows = imported(name), [new_row(harness, name, n) for n in (1, 2, 3)]
    for column in rows[0].keys() - resource.references.keys():
        field = resource.fields[column]
        if column not in (*resource.required, *resource.exactly_one_of):
            rows.append(new_row(harness, name, len(rows) + 1) | {column: None})
        padded = f" {csv_text(field.sample(1))}\t"
        for text in (*map(csv_text, field.bounds()), padded, *TEXTS):
            if text and not code_of(field, text):
                rows.append(new_row(harness, name, len(rows) + 1) | {column: text})
    return rows


@each_resource
def test_copy_and_parser_write_the_same_rows(harness: ImportHarness, name: str) -> None:
    """If a row is malformed, the parser reads all rows of its chunk."""
    rows = rows_of_texts(harness, name)
    clear(harness, name)

    job = harness.load(csv_file(rows), name)
    rejected, copied = harness.rejects(job["id"]), stored(harness, name)
    clear(harness, name)
    parsed = harness.load(f"{MALFORMED}\n".join([csv_file(rows), ""]), name)

    assert copied == stored(harness, name) != []
    line = csv_file(rows).count("\n") + 1
    assert harness.rejects(parsed["id"]) == [*rejected, (line, "", "wrong_columns")]


@each_resource
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_copy_writes_samples_without_parsing(
    harness: ImportHarness, name: str, quoting: Literal[0, 1]
) -> None:
    """But for rows that a rule must see. Quotes do not make a text of an empty field."""
    copies: list[str] = []
    rows = new_rows(harness, name)
    nullable = {field.name for field in case_of(name).resource.all_fields if field.nullable}
    rows[0] |= dict.fromkeys(nullable & rows[0].keys())
    clear(harness, name)

    noting_copies(harness, copies).load(csv_file(rows, quoting), name)

    found = stored(harness, name)
    assert len(found) == len(rows)
    assert any(rows[0] == {key: row[key] for key in rows[0]} for row in found)
    resource = imported(name)
    by_python = any(field.trusted("x") == "false" for field in resource.fields.values())
    assert len(copies) == (2 if by_python or resource.trusted_when == "false" else 1)


@each_resource
def test_csv_and_json_lines_write_the_same_rows(harness: ImportHarness, name: str) -> None:
    rows = new_rows(harness, name)
    clear(harness, name)

    harness.load(csv_file(rows), name)
    from_csv = stored(harness, name)
    clear(harness, name)
    harness.load(json_lines(rows), name, "file.jsonl")

    assert from_csv == stored(harness, name)
    assert len(from_csv) == len(rows)


def keys_of(name: str) -> list[str]:
    """Return the fields by which an import finds a row."""
    resource = case_of(name).resource
    columns = {*resource.import_columns} - {resource.tenant}  # a file never names the tenant
    return [field.name for field in resource.all_fields if field.column in columns]


@each_resource
def test_row_with_a_known_key_is_changed(harness: ImportHarness, name: str) -> None:
    """The last row of a key counts. Without a key, each row is new."""
    keys = keys_of(name)
    first, other = new_row(harness, name, 1), new_row(harness, name, 2)
    between, last = (new_row(harness, name, n) | {key: first[key] for key in keys} for n in (3, 4))
    clear(harness, name)
    harness.load(csv_file([first, other]), name)

    job = harness.load(csv_file([between, last]), name)

    rows = stored(harness, name)
    assert job["rows_written"] == 2
    assert len(rows) == (2 if keys else 4)
    changeable = {field.name for field in case_of(name).resource.changeable} & last.keys()
    found = [row for row in rows if keys and all(row[key] == first[key] for key in keys)]
    assert [{key: row[key] for key in changeable} for row in found] == (
        [{key: last[key] for key in changeable}] if keys else []
    )


@each_resource
def test_each_column_alone_is_changed(harness: ImportHarness, name: str) -> None:
    """To another value, and to null."""
    row, other = new_row(harness, name, 1), new_row(harness, name, 2)
    changeable = [f for f in case_of(name).resource.changeable if f.name in row]
    clear(harness, name)
    harness.load(csv_file([row]), name)

    for field in changeable if keys_of(name) else ():
        if field.name in keys_of(name):
            continue
        for value in (None, other[field.name]) if field.nullable else (other[field.name],):
            row = row | {field.name: value}
            harness.load(csv_file([row]), name)
            assert [{key: each[key] for key in row} for each in stored(harness, name)] == [row]


@each_resource
def test_key_may_be_written_in_another_case(harness: ImportHarness, name: str) -> None:
    fields = imported(name).fields
    keys = [key for key in keys_of(name) if getattr(fields[key], "ignore_case", False)]
    if not keys:
        pytest.skip("the key is compared as it is")
    row = new_row(harness, name, 1)
    harness.load(csv_file([row]), name)

    harness.load(csv_file([row | {key: row[key].upper() for key in keys}]), name)

    assert [{key: each[key] for key in keys} for each in stored(harness, name)] == [
        {key: row[key] for key in keys}
    ]


@each_resource
def test_columns_that_a_file_lacks_stay_unchanged(harness: ImportHarness, name: str) -> None:
    needed = {*imported(name).required, *keys_of(name)}
    first, other = new_row(harness, name, 1), new_row(harness, name, 2)
    if not keys_of(name) or not first.keys() - needed:
        pytest.skip("a file has each column of a row that it changes")
    clear(harness, name)
    harness.load(csv_file([first]), name)

    changed = {key: (first if key in keys_of(name) else other)[key] for key in needed}
    harness.load(csv_file([changed]), name)

    assert [{key: row[key] for key in first} for row in stored(harness, name)] == [first | changed]


@each_resource
def test_same_rows_again_change_nothing(harness: ImportHarness, name: str) -> None:
    if not keys_of(name):
        pytest.skip("each row is new")
    rows = [new_row(harness, name, n) for n in range(1, 9)]
    harness.load(csv_file(rows), name)
    before = harness.client.get(f"/api/{name}?limit=100").json

    job = harness.load(csv_file(rows), name)

    assert job["rows_written"] == len(rows)
    assert harness.client.get(f"/api/{name}?limit=100").json == before

"""A value survives each way into the database and out of it, above all at the bounds of its kind.

It is created, read, written over another one, found by a filter, passed by a cursor, and imported.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice import application
from sluice.imports.derived import import_resource
from sluice.kinds.field import Field
from sluice.kinds.jsonb import dumps
from sluice.sql.derived import table
from tests.fixtures.cases import NEW, case_of
from tests.fixtures.client import Client
from tests.fixtures.field_values import values_of
from tests.fixtures.imports import ImportHarness
from tests.fixtures.matrix import kind_of, one_of_each, owner_of
from tests.fixtures.sent_row import (
    POSTS,
    SentRow,
    created_fields,
    edge_values,
    exact,
    text_of,
)

OTHERS = 2_000  # the number of a row that is there already; no value is such a sample
CREATED = [
    (name, field)
    for name, route in POSTS.items()
    for field in created_fields(name)
    if field.name in route.body.fields
]
Row = Mapping[str, Any]


def ids(value: object) -> str:
    return value.name if isinstance(value, Field) else str(value)


def fill(client: Client, name: str) -> None:
    """Insert two rows if there is none, unless the key has too few values."""
    resource = case_of(name).resource
    is_empty = not client.sql(f"SELECT FROM {table(resource)} LIMIT 1")
    if is_empty and not any(key.distinct for key in resource.keys):
        case_of(name).insert(client, OTHERS)
        case_of(name).insert(client, OTHERS + 1)


@pytest.mark.parametrize(
    ("name", "field"),
    one_of_each(
        sorted(CREATED, key=lambda each: not each[1].nullable),  # these have one value more
        lambda name, field: (owner_of(name), *kind_of(field)),
    ),
    ids=ids,
)
def test_bounds_survive_each_way(client: Client, name: str, field: Field) -> None:
    fill(client, name)

    for value in edge_values(name, field):
        sent = SentRow(client, name, field, value)
        sent.check()
        sent.delete()


@pytest.mark.parametrize("examples", [40, pytest.param(1_000, marks=pytest.mark.slow)])
def test_any_value_survives_each_way(client: Client, examples: int) -> None:
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        name, field = data.draw(st.sampled_from(CREATED))
        value = data.draw(values_of(field))
        fill(client, name)
        sent = SentRow(client, name, field, value)
        sent.check()
        sent.delete()

    check()


def imported_fields(name: str) -> dict[str, Field]:
    """Return the columns that a file of the resource sets, without references.

    There are none if the key has too few values: a file changes the row that has the key.
    """
    resource = case_of(name).resource
    if any(key.distinct or key.column == resource.tenant for key in resource.keys):
        return {}
    declared = import_resource(application.current().load("imports", name))
    excluded = {*declared.references, *declared.exactly_one_of}
    plain = {field.name: field for field in created_fields(name)}
    return {
        column: plain[column]
        for column in declared.fields
        if column in plain.keys() - excluded and plain[column].in_table
    }


def rows_of(client: Client, name: str, *, is_csv: bool) -> Iterator[tuple[Row, Row]]:
    """Yield a row of a file for each value of each field, and what a created row shows.

    A CSV file has no empty text.
    """
    columns = import_resource(application.current().load("imports", name)).fields
    number = NEW
    for field in imported_fields(name).values():
        for value in edge_values(name, field):
            number += 1
            if is_csv and value == "":
                continue
            if name in POSTS:
                sent = SentRow(client, name, field, value, number)
                row, shown = sent.body, sent.row
                sent.delete()
            else:
                row = shown = case_of(name).new(client, number) | {field.name: value}
            names = [column for column in columns if column in row]
            yield {each: row[each] for each in names}, {each: shown[each] for each in names}


def csv_line(texts: Iterable[str]) -> str:
    output = StringIO()
    csv.writer(output).writerow(texts)
    return output.getvalue()


def json_line(row: Row) -> str:
    return f"{{{','.join(f'{json.dumps(name)}:{dumps(value)}' for name, value in row.items())}}}\n"


def all_rows(client: Client, name: str) -> list[Row]:
    rows: list[Row] = []
    while page := exact(client.get(f"/api/{name}?limit=100&offset={len(rows)}"))["data"]:
        rows += page
    return rows


@pytest.mark.parametrize("file", ["file.csv", "file.jsonl"])
@pytest.mark.parametrize("name", application.current().imports)
def test_bounds_survive_an_import(harness: ImportHarness, name: str, file: str) -> None:
    is_csv = file.endswith("csv")
    rows = [*rows_of(harness.client, name, is_csv=is_csv)]
    if not rows:
        pytest.skip("each column is a reference, or the key has few values")
    fields, columns = case_of(name).resource.by_name, rows[0][0].keys()
    lines = [
        csv_line(text_of(fields[column], value) for column, value in row.items())
        if is_csv
        else json_line(row)
        for row, _ in rows
    ]
    header = csv_line(columns) if is_csv else ""

    job = harness.load(header + "".join(lines), name, file)

    assert harness.rejects(job["id"]) == []
    assert (job["status"], job["rows_written"]) == ("completed", len(rows))
    found = [{each: row[each] for each in columns} for row in all_rows(harness.client, name)]
    assert sorted(map(json_line, found)) == sorted(json_line(shown) for _, shown in rows)

"""A value survives each way into the database and out of it, above all at the bounds of its kind.

It is created, read, sent back, found by a filter, passed by a cursor, and imported.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice import application
from sluice.imports.derived import import_resource
from sluice.kinds.field import Field
from sluice.kinds.items import Items
from sluice.kinds.jsonb import Json, dumps
from sluice.resource import DIGEST, names_of
from sluice.sql.derived import table
from sluice.sql.identifiers import quoted
from tests.fixtures.cases import NEW, case_of
from tests.fixtures.client import ApiResponse, Client
from tests.fixtures.field_values import values_of
from tests.fixtures.imports import ImportHarness
from tests.fixtures.matrix import kind_of, one_of_each, owner_of
from tests.fixtures.resources import RESOURCES, resource_routes

OTHERS = 2_000  # the number of a row that is there already; no value is such a sample
POSTS: dict[str, Any] = {
    name: route
    for name in RESOURCES
    for route in resource_routes(name)
    if route.body and route.method == "POST"
}


def created_fields(name: str) -> Iterator[Field]:
    """Yield the columns that a client sets, without references: those need other rows."""
    resource = case_of(name).resource
    references = {column for each in resource.refs for column in names_of(each.foreign_key)}
    for field in resource.writable:
        if field.column not in references and not isinstance(field, Items):
            yield field


CREATED = [
    (name, field)
    for name, route in POSTS.items()
    for field in created_fields(name)
    if field.name in route.body.fields
]


def ids(value: object) -> str:
    return value.name if isinstance(value, Field) else str(value)


class Sent:
    """A row that was created with one value, and what the client gets of it."""

    def __init__(self, client: Client, name: str, field: Field, value: object) -> None:
        self.client, self.name, self.field, self.value = client, name, field, value
        self.resource = case_of(name).resource
        body = case_of(name).new(client, NEW) | {field.name: value}
        self.created = self.write("POST", POSTS[name].path, body, 201)
        self.path = self.created.headers["Location"]
        self.row = exact(self.created)

    def write(self, method: str, path: str, body: dict[str, Any], status: int = 200) -> ApiResponse:
        """Send JSON with each digit of its numbers."""
        pairs = ",".join(f"{json.dumps(name)}:{dumps(value)}" for name, value in body.items())
        response = self.client.call(method, path, raw=f"{{{pairs}}}".encode())
        assert response.status == status, (self.value, response.text)
        return response

    @property
    def shown(self) -> Any:
        return self.row[self.field.name]

    @property
    def key(self) -> list[Any]:
        return [self.row[key.name] for key in self.resource.keys]

    def check(self) -> None:
        """Check each way but that of an import."""
        assert self.is_same(self.shown), (self.value, self.shown)
        assert self.client.get(self.path).text == self.created.text
        self.check_writes()
        self.check_filters()
        self.check_pages()

    def is_same(self, other: object) -> bool:
        """Return whether PostgreSQL stores the value and another one as the same."""
        field = self.field
        one, two = (field.read(exact_value(each), "") for each in (self.value, other))
        if one is None or two is None or field.is_text:
            return one == two
        same = f"CAST(:one AS {field.sql_type}) IS NOT DISTINCT FROM CAST(:two AS {field.sql_type})"
        params = {"one": field.to_sql(one), "two": field.to_sql(two)}
        return bool(self.client.sql(f"SELECT {same}", **params)[0][0])

    def check_writes(self) -> None:
        """What a response has can be sent back. A digest is then the same."""
        changeable = {field.name for field in self.resource.changeable}
        bodies: dict[str, Any] = {"replace": self.row}
        if self.field.name in changeable:
            bodies["update"] = {self.field.name: self.shown}
        methods = {"replace": "PUT", "update": "PATCH"}
        for write in bodies.keys() & {*self.resource.writes}:
            if not changeable:
                continue
            response = self.write(methods[write], self.path, bodies[write])
            if self.resource.etag == DIGEST:
                assert response.text == self.created.text
                assert response.headers["ETag"] == self.created.headers["ETag"]
            assert exact(response)[self.field.name] == self.shown

    def check_filters(self) -> None:
        """The row is among those that have the value. No filter has an empty text."""
        name = self.field.filter_name
        operators = {*self.field.operators}
        if self.shown is None:
            queries = [f"{name}_is_null=true"] if "is_null" in operators else []
        else:
            text = quote(text_of(self.field, self.shown), safe="")
            queries = [f"{name}={text}"] if operators & {"equal", "in"} and text else []
            if "range" in operators:
                queries += [
                    f"{name}{suffix}={text}"
                    for suffix, comparison in self.field.range_filters
                    if comparison in (">=", "<=")
                ]
        for query in queries:
            response = self.client.get(f"/api/{self.name}?{query}&limit=100")
            assert response.status == 200, (query, response.text)
            assert self.key in self.keys(response), query

    def check_pages(self) -> None:
        """Pages of one row have each row once, forwards and backwards."""
        count = self.client.sql(f"SELECT count(*) FROM {table(self.resource)}")[0][0]
        if not self.field.sort or count < 2:
            return
        for direction in ("asc", "desc"):
            path = f"/api/{self.name}?sort={self.field.name}:{direction}&limit=1"
            pages = self.walk(path, "next_cursor")
            back = self.walk(f"{path}&cursor={quote(pages[-1][1])}", "prev_cursor")
            there = [key for key, _ in pages]
            assert (len(there), self.key in there) == (count, True), self.value
            assert [key for key, _ in back] == there[-2::-1], self.value

    def walk(self, path: str, relation: str) -> list[tuple[list[Any], str]]:
        """Return the key of each page's row, with the cursor of the page before it."""
        pages = []
        while path:
            response = self.client.get(path)
            assert response.status == 200, (self.value, response.text)
            pagination = response.json["pagination"]
            (key,) = self.keys(response)
            pages.append((key, pagination["prev_cursor"]))
            cursor = pagination[relation]
            path = cursor and f"{path.partition('&cursor=')[0]}&cursor={quote(cursor)}"
        return pages

    def keys(self, response: ApiResponse) -> list[list[Any]]:
        rows = exact(response)["data"]
        return [[row[key.name] for key in self.resource.keys] for row in rows]

    def delete(self) -> None:
        conditions = " AND ".join(
            f"{quoted(key.column)} = {key.bind(f'k{n}')}"
            for n, key in enumerate(self.resource.keys)
        )
        params = {f"k{n}": value for n, value in enumerate(self.key)}
        self.client.sql(f"DELETE FROM {table(self.resource)} WHERE {conditions}", **params)


def exact(response: ApiResponse) -> Any:
    """Return the JSON of a response with exact numbers."""
    return json.loads(response.text, parse_float=Decimal)


def exact_value(value: object) -> object:
    """Return a JSON value as the parser of a request body returns it."""
    return json.loads(dumps(value), parse_float=Decimal)


def text_of(field: Field, value: object) -> str:
    """Return a JSON value as a query string or a CSV file has it. Null is an empty text."""
    if value is None:
        return ""
    return value if isinstance(value, str) and not isinstance(field, Json) else dumps(value)


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
    null = [None] if field.nullable else []

    for value in [*field.bounds(), field.example, *null]:
        sent = Sent(client, name, field, value)
        sent.check()
        sent.delete()


@pytest.mark.parametrize("examples", [100, pytest.param(1_000, marks=pytest.mark.slow)])
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
        sent = Sent(client, name, field, value)
        sent.check()
        sent.delete()

    check()


def imported_fields(name: str) -> dict[str, Field]:
    """Return the columns that a file of the resource sets, without references.

    There are none if the key has too few values: a file changes the row that has the key.
    """
    if any(key.distinct for key in case_of(name).resource.keys):
        return {}
    declared = import_resource(application.current().load("imports", name))
    excluded = {*declared.references, *declared.exactly_one_of}
    plain = {field.name: field for field in created_fields(name)}
    return {
        column: plain[column]
        for column in declared.fields
        if column in plain.keys() - excluded and plain[column].in_table
    }


def rows_of(client: Client, name: str, *, is_csv: bool) -> Iterator[tuple[Field, dict[str, Any]]]:
    """Yield a row for each field and each of its bounds. A CSV file has no empty text."""
    columns = import_resource(application.current().load("imports", name)).fields
    number = NEW
    for field in imported_fields(name).values():
        for value in [*field.bounds(), field.example, *([None] if field.nullable else [])]:
            number += 1
            row = case_of(name).new(client, number) | {field.name: value}
            if not (is_csv and value == ""):
                yield field, {column: row[column] for column in columns if column in row}


def csv_line(texts: Iterable[str]) -> str:
    output = StringIO()
    csv.writer(output).writerow(texts)
    return output.getvalue()


def json_line(row: Mapping[str, object]) -> str:
    return f"{{{','.join(f'{json.dumps(name)}:{dumps(value)}' for name, value in row.items())}}}\n"


@pytest.mark.parametrize("file", ["file.csv", "file.jsonl"])
@pytest.mark.parametrize("name", application.current().imports)
def test_bounds_survive_an_import(harness: ImportHarness, name: str, file: str) -> None:
    is_csv = file.endswith("csv")
    client = harness.client
    rows = [*rows_of(client, name, is_csv=is_csv)]
    if not rows:
        pytest.skip("each column is a reference, or the key has few values")
    fields = case_of(name).resource.by_name
    lines = [
        csv_line(text_of(fields[column], value) for column, value in row.items())
        if is_csv
        else json_line(row)
        for _, row in rows
    ]
    header = csv_line(rows[0][1]) if is_csv else ""

    job = harness.load(header + "".join(lines), name, file)

    assert harness.rejects(job["id"]) == []
    assert (job["status"], job["rows_written"]) == ("completed", len(rows))
    source = table(case_of(name).resource)
    for field, row in rows:
        read = field.read(exact_value(row[field.name]), "")
        stored = None if read is None else field.to_sql(read)
        column = f"CAST({quoted(field.column)} AS {field.sql_type})"
        value = f"CAST(:value AS {field.sql_type})"
        found = f"SELECT FROM {source} WHERE {column} IS NOT DISTINCT FROM {value}"
        assert client.sql(found, value=stored), (field, row[field.name])

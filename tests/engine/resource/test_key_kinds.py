"""Rows whose key is of each kind that a key can have: written, read and found in every form."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.kinds.boolean import Boolean
from sluice.kinds.char import Char
from sluice.kinds.choice import Choice
from sluice.kinds.citext import Citext
from sluice.kinds.date import Date
from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt, Integer, SmallInt
from sluice.kinds.text import Email, Slug, Text
from sluice.kinds.timestamp import Timestamp
from sluice.kinds.uuid import Uuid
from sluice.query import Query
from sluice.resource import Resource
from sluice.settings import DatabaseSettings
from sluice.sql import key
from sluice.sql.list_spec import ListQuery
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.precondition import Precondition
from sluice.sql.resource_repository import ResourceRepository
from tests.fixtures.bare_database import allow_writes

SIGNER = CursorSigner(b"the key of these tests' cursors")
KEYS: list[tuple[Field, str]] = [
    (BigInt("id"), "bigint"),
    (Integer("no"), "integer"),
    (SmallInt("no"), "smallint"),
    (Uuid("id"), "uuid"),
    (Text("name", max_length=30), "varchar(30)"),
    (Slug("slug"), "text"),
    (Email("email"), "text"),
    (Citext("code", max_length=9), "citext"),
    (Char("country", max_length=5), "char(5)"),
    (Boolean("on"), "boolean"),
    (Date("day", non_finite=True), "date"),
    (Timestamp("at", non_finite=True), "timestamptz"),
    (Choice("stage", ("new", "old, and sold"), type="stage"), "stage"),
]


def values_of(field: Field) -> list[object]:
    """Return JSON values of different keys."""
    values = [field.sample(1), field.sample(2), *field.bounds()]
    if isinstance(field, Text) and not isinstance(field, (Slug, Email)):
        values += ["a b", "é/~", ".", "x"]
    return list(dict.fromkeys(values))


@pytest.fixture(name="database")
def database_of_types(empty_database: str) -> Iterator[Database]:
    settings = DatabaseSettings.from_url(empty_database)
    database = Database(make_pool(settings, "function"))
    allow_writes(database)
    database.write(Query("CREATE EXTENSION IF NOT EXISTS citext"))
    database.write(Query("CREATE TYPE stage AS ENUM ('new', 'old, and sold')"))
    yield database
    database.dispose()


def repository_of(database: Database, keys: list[tuple[Field, str]]) -> ResourceRepository:
    columns = [f'"{field.column}" {type}' for field, type in keys]
    names = ", ".join(f'"{field.column}"' for field, _ in keys)
    table = f"CREATE TABLE things ({', '.join(columns)}, title text, PRIMARY KEY ({names}))"
    database.write(Query(table))
    resource = Resource(
        name="things",
        singular="thing",
        table="public.things",
        group="things",
        key=[field for field, _ in keys],
        fields=[Text("title")],
    )
    return type("KeyedThings", (ResourceRepository,), {"resource": resource})(database, SIGNER)


def check_forms(things: ResourceRepository, values: tuple[object, ...]) -> None:
    """Write a row, and find it by its key in every form."""
    fields = things.resource.keys
    read = [field.read(value, "") for field, value in zip(fields, values, strict=True)]
    new = {field.name: value for field, value in zip(fields, read, strict=True)}
    created = things.create({**new, "title": "New"})
    row = json.loads(created.json)
    of_row = key.of_representation(fields, created.id)
    segments = [quote(segment, safe="") for segment in key.to_path(of_row).split("/")]
    shown = [row[field.name] for field in fields]
    of_id = key.of_id(fields, key.to_id(shown if len(fields) > 1 else shown[0]))
    assert of_id is not None
    of_path = tuple(map(key.of_segment, fields, segments))
    forms = [of_row, of_path, of_id, tuple(read), tuple(shown)]

    for form in forms:
        assert things.get_by_id(form) == created
        assert things.get_many([form], ["title"]) == {form: row}
    changed = things.update(forms[1], {"title": "Old"}, Precondition(if_match=[created.etag]))
    assert json.loads(changed.json) == {**row, "title": "Old"}


@pytest.mark.parametrize(("field", "type_"), KEYS, ids=lambda each: str(each).partition("(")[0])
def test_key_of_one_column(database: Database, field: Field, type_: str):
    things = repository_of(database, [(field, type_)])
    values = values_of(field)

    for value in values:
        check_forms(things, (value,))

    page = things.page(ListQuery(limit=100))
    found = [row[field.name] for row in json.loads(f"[{page.items}]")]
    assert len(found) == len(values)
    cursor, seen = None, 0
    while True:
        page = things.page(ListQuery(limit=1, cursor=cursor))
        assert json.loads(page.items)[field.name] == found[seen]
        seen, cursor = seen + 1, page.next_cursor
        if cursor is None:
            break
    assert seen == len(values)
    for value in values:
        things.delete((field.read(value, ""),))
    assert things.page(ListQuery()).items == ""


@pytest.mark.parametrize("first", range(0, len(KEYS), 3))
def test_key_of_up_to_four_columns(database: Database, first: int):
    keys = [KEYS[n % len(KEYS)] for n in range(first, first + 4)]
    keys = list({field.name: (field, type_) for field, type_ in keys}.values())
    things = repository_of(database, keys)

    check_forms(things, tuple(field.sample(1) for field, _ in keys))
    check_forms(things, tuple(values_of(field)[-1] for field, _ in keys))
    assert len(json.loads(f"[{things.page(ListQuery()).items}]")) == 2


def test_citext_key_is_found_in_any_case(database: Database):
    things = repository_of(database, [(Citext("code"), "citext")])
    row = json.loads(things.create({"code": "AbC", "title": "New"}).json)

    assert json.loads(things.get_by_id(("aBc",)).json) == row
    assert things.get_many([("abc",), ("ABC",)], ["title"]) == {("abc",): row, ("ABC",): row}

"""A field may have any name that is not refused: its statements run on a real database."""

import json
import keyword
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import build_schema, validate_schema

from local.postgres import PostgresServer
from scripts.derive.graphql import derived_schema
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.graph.part import graphql_name
from sluice.kinds.field import DeclarationError, Field
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.text import Text
from sluice.query import Query
from sluice.resource import EVERY_WRITE, Resource
from sluice.settings import DatabaseSettings
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.identifiers import quoted
from sluice.sql.list_spec import ListQuery
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.precondition import Precondition
from sluice.sql.resource_repository import ResourceRepository
from tests.engine.resource.graphql_library import library
from tests.fixtures.database import copy_database

SIGNER = CursorSigner(b"the key of these tests' cursors")
NAMES = (
    *(word.lower() for word in keyword.kwlist),
    *("after", "before", "first", "last", "filter", "sort_by", "nodes", "edges", "node", "cursor"),
    *("limit", "sort", "fields", "expand", "search", "offset", "include_total", "fetch"),
    *("json", "etag", "items", "found", "first_key", "last_key", "has_before", "has_more", "total"),
    *("parent", "parent_id", "parent_ids", "rows", "row", "line", "n", "t", "s", "o", "q", "k0"),
    *("excluded", "ids", "key", "fingerprint", "if_match", "if_none_match", "changes"),
    *(
        "metadata",
        "registry",
        "self",
        "values",
        "query",
        "select",
        "group",
        "order",
        "user",
        "name",
    ),
    *(
        "version",
        "v",
        "w",
        "x",
        "new",
        "old",
        "value",
        "true",
        "null",
        "typename",
        "input",
        "after_",
    ),
)


@pytest.fixture(name="database", scope="module")
def migrated_copy(postgres_server: PostgresServer, migrated_database: str) -> Iterator[Database]:
    copy_database(postgres_server, migrated_database, "field_names")
    settings = DatabaseSettings.from_url(postgres_server.url(database="field_names"))
    database = Database(make_pool(settings, "function"))
    yield database
    database.dispose()


def resource_of(field: Field) -> Resource:
    return Resource(
        name="things",
        singular="thing",
        table="public.things",
        group="things",
        key=BigInt("id", read_only=True),
        fields=[field],
        writes=("create",) if field.read_only else EVERY_WRITE,
    )


def fields_of(name: str) -> Iterator[Field]:
    """Yield fields of this name with every filter, one that is not written, and a bare one."""
    yield Text(name, filter="in", sort=True, search=True)
    yield Integer(name, filter=("equal", "range"), sort=True)
    yield Integer(name)
    yield Integer(name, read_only=True)


def repository_of(field: Field) -> type[ResourceRepository] | None:
    """Return the repository class; None if the name is refused."""
    try:
        things = type("Things", (ResourceRepository,), {"resource": resource_of(field)})
    except DeclarationError:
        return None
    return things


@pytest.mark.parametrize("name", NAMES)
def test_name_is_refused_or_served(name: str, database: Database) -> None:
    for field in fields_of(name):
        kind = repository_of(field)
        if kind is None:
            continue
        database.write(Query("DROP TABLE IF EXISTS things"))
        database.write(
            Query(
                f"""
                CREATE TABLE things (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    {quoted(name)} {field.ddl()} NOT NULL DEFAULT 7
                )
                """
            )
        )
        things = kind(database, SIGNER)
        try_writes(things, field)
        try_lists(things, field)


@pytest.mark.parametrize("name", NAMES)
def test_name_is_refused_or_in_graphql(name: str, tmp_path: Path) -> None:
    field = Integer(name, filter=("equal", "range"), sort=True)
    if repository_of(field) is None:
        pytest.skip("the name is refused")

    schema = build_schema(derived_schema(library(tmp_path, resource_of(field))).text)

    assert validate_schema(schema) == []
    assert graphql_name(name) in schema.type_map["Thing"].fields


def try_writes(things: ResourceRepository, field: Field) -> None:
    first = {} if field.read_only else {field.name: field.sample(1)}
    second = {} if field.read_only else {field.name: field.sample(2)}
    key = IdempotencyKey(field.name.encode().ljust(9) + os.urandom(4), b"print")

    created = things.create(first, key)

    assert json.loads(created.json) == {"id": 1, field.name: 7} | first
    assert json.loads(things.create(second).json) == {"id": 2, field.name: 7} | second
    if field.read_only:
        return
    assert json.loads(things.update((1,), second).json) == {"id": 1, field.name: 7} | second
    assert json.loads(things.update((1,), first, Precondition(if_none_match=["x"])).json)
    assert things.get_by_id((1,), frozenset([field.name])).json


def try_lists(things: ResourceRepository, field: Field) -> None:
    query = ListQuery(sort=((field.name, True),) if field.sort else (), include_total=True)
    rows = json.loads(f"[{things.page(query).items}]")
    values = [row[field.name] for row in rows]

    assert len(values) == 2
    assert things.get_many([(1,)], [field.name])[(1,)][field.name] in values
    connection = things.connection(query._replace(fields=frozenset([field.name, "id"])))
    assert [row[field.name] for row in connection.rows] == values
    first_page = things.page(query._replace(limit=1))
    second_page = things.page(query._replace(limit=1, cursor=first_page.next_cursor))
    assert json.loads(second_page.items)[field.name] == values[1]
    for name in field.filters():
        value = [values[0]] if field.is_text else values[0]
        assert things.page(ListQuery(filters={name: value})).items or name.endswith("min")
    if field.search:
        assert things.page(ListQuery(filters={"search": str(field.sample(1))})).items

"""The SQL that is derived from a declaration, in a table whose names are hard on it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.errors import StaleVersion
from sluice.kinds.field import DeclarationError, Field
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.ref import Ref
from sluice.kinds.text import Slug, Text
from sluice.query import Query
from sluice.resource import Many, Resource
from sluice.settings import DatabaseSettings
from sluice.sql.identifiers import KEYWORDS, quoted
from sluice.sql.list_spec import ListQuery
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.precondition import Precondition
from sluice.sql.projection import Join, JoinedColumn
from sluice.sql.resource_repository import ResourceRepository
from tests.fixtures.bare_database import allow_writes

SIGNER = CursorSigner(b"the key of these tests' cursors")
TABLES = """
CREATE SCHEMA depot;
CREATE TABLE depot.makers (id bigint PRIMARY KEY, code text NOT NULL, stars integer NOT NULL);
CREATE TABLE depot."table" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "Full Name" text NOT NULL,
    "order" integer NOT NULL,
    rating numeric(3, 2),
    state text NOT NULL DEFAULT 'new',
    maker_id bigint NOT NULL REFERENCES depot.makers
);
INSERT INTO depot.makers VALUES (3, 'volta', 5), (4, 'ohm', 2);
INSERT INTO depot."table" ("Full Name", "order", rating, maker_id)
VALUES ('Bolt', 2, 1.50, 3), ('Nut', 1, NULL, 4), ('Pin', 3, 4.25, 3)
"""
PARTS = Resource(
    name="parts",
    singular="part",
    table="depot.table",
    group="parts",
    key=BigInt("id", read_only=True, minimum=1),
    fields=[
        Text("name", column="Full Name", filter="in", sort=True, search=True),
        Integer("order", filter="range", default=7),
        Numeric("rating", precision=3, scale=2, nullable=True, sort=True),
        Text("state", optional=True),
        Ref("maker_id", resource="makers", filter="equal"),
        Integer("stars", column="makers.stars", read_only=True, filter="range", sort=True),
    ],
)
MAKER = Join("depot.makers", "m", on={"id": "t_.maker_id"})
STARS = {"stars": JoinedColumn(MAKER, "stars")}
ORDER = ("maker_id", "order_max", "rating")


class DerivedParts(ResourceRepository):
    resource = PARTS
    column_sql = STARS
    list_order = ORDER


@pytest.fixture(name="database")
def database_with_parts(empty_database: str) -> Iterator[Database]:
    settings = DatabaseSettings.from_url(empty_database)
    database = Database(make_pool(settings, "function"))
    allow_writes(database)
    for statement in TABLES.split(";"):
        database.write(Query(statement))
    yield database
    database.dispose()


@pytest.fixture(name="parts")
def repository_of_parts(database: Database) -> DerivedParts:
    return DerivedParts(database, SIGNER)


def names(parts: DerivedParts, **query: Any) -> list[str]:
    return [row["name"] for row in json.loads(f"[{parts.page(ListQuery(**query)).items}]")]


def test_created_row_has_defaults_of_declaration_and_table(parts: DerivedParts):
    created = parts.create({"name": "Cog", "maker_id": 4})

    assert json.loads(created.json) == {
        "id": 4,
        "name": "Cog",
        "order": 7,
        "rating": None,
        "state": "new",
        "maker_id": 4,
        "stars": 2,
    }
    assert parts.get_by_id((4,)) == created
    assert json.loads(parts.create({"name": "A", "maker_id": 3, "state": "x"}).json)["state"] == "x"


def test_filters_and_sorts_read_the_joined_table(parts: DerivedParts):
    assert names(parts, sort=(("stars", False), ("name", True))) == ["Nut", "Pin", "Bolt"]
    assert names(parts, filters={"stars_min": 3}) == ["Bolt", "Pin"]
    assert names(parts, filters={"name": ["Nut", "Pin"], "order_max": 2}) == ["Nut"]


def test_nulls_are_last_ascending_and_first_descending(parts: DerivedParts):
    assert names(parts, sort=(("rating", False),)) == ["Bolt", "Pin", "Nut"]
    assert names(parts, sort=(("rating", True),)) == ["Nut", "Pin", "Bolt"]


def test_digest_etag_changes_with_the_row_only(parts: DerivedParts):
    before = parts.get_by_id((1,))
    parts.update((2,), {"order": 9})
    assert parts.update((1,), {}) == before

    changed = parts.update((1,), {"order": 9}, Precondition(if_match=[before.etag]))

    assert changed.etag != before.etag
    with pytest.raises(StaleVersion):
        parts.delete((1,), Precondition(if_match=[before.etag]))
    parts.delete((1,), Precondition(if_match=[changed.etag]))


def test_rows_of_each_parent_are_one_statement(parts: DerivedParts):
    found = parts.connections_by_parent([(3,), (4,)], ListQuery(limit=1), "maker_id")

    rows = {key: [row["name"] for row in page.rows] for key, page in found.items()}
    assert rows == {(3,): ["Bolt"], (4,): ["Nut"]}
    assert found[(3,)].has_next
    assert parts.get_many([(2,)], ["name"]) == {(2,): {"id": 2, "name": "Nut"}}


def test_graphql_has_the_key_of_a_row_that_rest_shows_by_name(database: Database):
    code = Ref(
        "maker_id", resource="makers", shown_as="maker", by="code", kind=Slug, read_only=True
    )

    class PartsByMaker(ResourceRepository):
        resource = replace(PARTS, fields=[PARTS.by_name["name"], code])
        column_sql: ClassVar = {"maker": JoinedColumn(MAKER, "code")}

    found = PartsByMaker(database, SIGNER).connection(
        ListQuery(filters={"maker_id": 4}, fields=frozenset(["maker", "maker_id"]))
    )

    assert [(row["maker"], row["maker_id"]) for row in found.rows] == [("ohm", 4)]
    assert "maker_id" not in PartsByMaker.list_spec.projection.fields


def test_list_order_comes_before_the_order_of_fields():
    assert list(DerivedParts.list_spec.filters) == [
        "maker_id",
        "order_max",
        "name",
        "search",
        "order_min",
        "stars_min",
        "stars_max",
    ]
    assert list(DerivedParts.list_spec.sorts) == ["rating", "id", "name", "stars"]


def test_subclass_of_a_subclass_has_its_own_sql():
    class MoreParts(DerivedParts):
        etag_sql = "t_.id::text"

    assert DerivedParts.projection.etag.startswith("md5(")
    assert MoreParts.projection.etag == "t_.id::text"
    assert MoreParts.list_spec.projection is MoreParts.projection


def test_names_are_quoted_where_postgresql_needs_it(database: Database):
    words = database.read(Query("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')"))

    assert {row.word for row in words} <= KEYWORDS
    assert [quoted(name) for name in ("a1", "A", "ä", 'a"b', "user")] == [
        "a1",
        '"A"',
        '"ä"',
        '"a""b"',
        '"user"',
    ]


def test_few_attributes_can_be_set_by_hand():
    names = {name for name in ResourceRepository.__annotations__ if not name.startswith("_")}
    assert len(names - {"resource"}) <= 16


def derive(**attributes: Any) -> object:
    """Return the list of a repository of PARTS with these attributes."""
    kind = type("OtherParts", (ResourceRepository,), {"resource": PARTS, **attributes})
    return kind.list_spec  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, r"OtherParts.column_sql has no stars"),
        ({"column_sql": STARS, "filter_sql": {"colour": "true"}}, r"no such filter .*: colour"),
        ({"column_sql": STARS, "list_order": ["colour"]}, r"no such filter .*: colour"),
        (
            {"column_sql": {"stars": JoinedColumn(Join("makers", "t", on={}), "stars")}},
            r"aliases t_, t must be different",
        ),
    ],
)
def test_sql_by_hand_must_fit_the_declaration(attributes: dict[str, Any], message: str):
    with pytest.raises(DeclarationError, match=message):
        derive(**attributes)


def test_version_of_another_table_needs_sql():
    resource = made(Text("a"), etag=["version", "makers.version"])
    kind = type("Versioned", (ResourceRepository,), {"resource": resource})
    with pytest.raises(DeclarationError, match="etag_sql"):
        kind.projection  # type: ignore[attr-defined]  # noqa: B018


def made(*fields: Field, **options: Any) -> Resource:
    declared: dict[str, Any] = {
        "name": "parts",
        "singular": "part",
        "table": "public.parts",
        "group": "parts",
        "key": BigInt("id", read_only=True),
        "fields": fields,
    }
    return Resource(**declared | options)


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (made(Text("a", read_only=True), writes=["update"]), "no field can be changed"),
        (made(key=Numeric("a", precision=3, scale=0)), "the key a cannot be a Numeric"),
        (made(key=BigInt("a", nullable=True)), "the key a cannot be nullable"),
        (made(Integer("id1"), key=[BigInt("a"), BigInt("b")]), "id1 is reserved"),
        (made(Text("key")), 'key is reserved: give the field another name, with column="key"'),
        (made(Text("if_match")), "if_match is reserved"),
        (made(Integer("offset", filter="equal")), "filter offset is a parameter of every list"),
        (made(Integer("k0", filter="equal")), "the column k0"),
        (made(filters=[Integer("limit")]), "filter limit"),
        (made(Ref("parent_", resource="parts", relation="above")), "the column parent_"),
        (made(Text("a", filter="in"), filters=[Text("a")]), "two filters are named a"),
        (made(Text("search", filter="in", search=True)), "two filters are named search"),
        (made(Text("Name")), "field 'Name' must have a name of a-z"),
        (made(Text("a", filter="in", filter_name="__a")), "filter '__a' must have a name"),
        (made(filters=[Integer("_a")]), "field '_a' must have a name"),
        (made(Ref("a_id", resource="b", relation="a b")), "relation 'a b' must have a name"),
        (made(relations=[Many("a-b", resource="b", foreign_key="c")]), "relation 'a-b' must"),
        (made(name="spare-parts"), "collection 'spare-parts' must have a name"),
        (made(singular="__part"), "row '__part' must have a name"),
        (made(Text("expand", filter="in")), "filter expand is a parameter of every list"),
        (made(Text("of1", filter="in")), "filter of1 is a parameter of every list"),
    ],
)
def test_unsupported_declaration_is_refused(resource: Resource, message: str):
    with pytest.raises(DeclarationError, match=message):
        type("Refused", (ResourceRepository,), {"resource": resource})

"""What needs an index, for each operator, sort and list, and which indexes answer it."""

from collections.abc import Iterator

import pytest

from catalog.indexes import missing
from catalog.read import read
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.kinds.array import Array
from sluice.kinds.boolean import Boolean
from sluice.kinds.char import Char
from sluice.kinds.date import Date
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.jsonb import Json
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.query import Query
from sluice.resource import Many, Resource
from sluice.settings import DatabaseSettings
from sluice.sql.resource_repository import ResourceRepository

TABLES = """
CREATE SCHEMA depot;
CREATE TABLE depot."big tasks" (
    id bigint PRIMARY KEY,
    parent_id bigint REFERENCES depot."big tasks",
    "Full Name" text NOT NULL,
    rank integer,
    code char(4) NOT NULL,
    tags text[] NOT NULL,
    extra jsonb NOT NULL,
    done boolean NOT NULL,
    small integer NOT NULL,
    deleted_at timestamptz
);
CREATE TABLE depot.links (task_id bigint, other_id bigint, PRIMARY KEY (task_id, other_id));
CREATE TABLE depot.days (day date, hall integer, PRIMARY KEY (day, hall)) PARTITION BY RANGE (day)
"""
TASKS = Resource(
    name="tasks",
    singular="task",
    table="depot.big tasks",
    group="",
    key=BigInt("id", read_only=True, sort=True, filter="in", filter_name="ids"),
    fields=[
        Ref("parent_id", resource="tasks", nullable=True),
        Text("name", column="Full Name", ignore_case=True, sort=True, filter="prefix", search=True),
        Integer("rank", nullable=True, sort=True, filter=["range", "is_null"]),
        Char("code", max_length=4, filter=["in", "prefix"]),
        Array("tags", of=Text("tag"), filter="has"),
        Json("extra", filter="contains"),
        Boolean("done", filter="equal"),
        Integer("small", filter="equal", sort=True, unindexed=True),
    ],
    relations=[
        Many("children", "tasks", "parent_id"),
        Many("links", "tasks", "task_id", through="depot.links", other_key="other_id"),
        Many("links_from", "tasks", "other_id", through="depot.links", other_key="task_id"),
    ],
)
DAYS = Resource(
    name="days",
    singular="day",
    table="depot.days",
    group="",
    key=[Date("day", sort=True), Integer("hall", filter="equal")],
    fields=[],
)
EXPECTED = {
    "sort name": 'depot."big tasks" (lower("Full Name"), id)',
    "filter name (prefix)": 'depot."big tasks" (lower("Full Name") text_pattern_ops)',
    "filter search": """depot."big tasks" USING gin (sluice.words("Full Name"))""",
    "sort rank": 'depot."big tasks" (rank, id)',
    "filter rank (range)": 'depot."big tasks" (rank)',
    "filter rank (is_null)": 'depot."big tasks" (rank)',
    "filter code (in)": 'depot."big tasks" (code)',
    "filter code (prefix)": 'depot."big tasks" (code bpchar_pattern_ops)',
    "filter tags (has)": 'depot."big tasks" USING gin (tags)',
    "filter extra (contains)": 'depot."big tasks" USING gin (extra)',
    "filter done (equal)": 'depot."big tasks" (done)',
    "list children": 'depot."big tasks" (parent_id, id)',
    "list links_from": "depot.links (other_id, task_id)",
}


class Tasks(ResourceRepository):
    resource = TASKS


class Days(ResourceRepository):
    resource = DAYS


@pytest.fixture
def database(empty_database: str) -> Iterator[Database]:
    settings = DatabaseSettings.from_url(empty_database)
    database = Database(make_pool(settings, "function"))
    for statement in TABLES.split(";"):
        database.write(Query(statement))
    yield database
    database.dispose()


def found(
    database: Database, repository: type[ResourceRepository] = Tasks, *, best: bool = False
) -> dict[str, str]:
    """Return the missing indexes by what needs them."""
    tables = read(database).tables_by_name
    return {each.what: each.ddl for each in missing([repository], tables, best=best)}


def test_each_list_names_the_index_that_it_needs(database: Database) -> None:
    expected = {what: f"CREATE INDEX CONCURRENTLY ON {ddl}" for what, ddl in EXPECTED.items()}
    assert found(database) == expected


def test_the_named_indexes_are_what_is_missing(database: Database) -> None:
    database.write(Query("CREATE SCHEMA sluice"))
    words = "CREATE FUNCTION sluice.words(text) RETURNS text[] IMMUTABLE LANGUAGE sql"
    database.write(Query(f"{words} AS 'SELECT string_to_array($1, chr(32))'"))
    for ddl in found(database).values():
        database.write(Query(ddl.replace(" CONCURRENTLY", "")))
    assert found(database) == {}


def test_parent_of_partitions_is_not_indexed_concurrently(database: Database) -> None:
    ddl = "CREATE INDEX ON depot.days (hall)"
    assert found(database, Days) == {"filter hall (equal)": ddl}


@pytest.mark.parametrize(
    "index",
    [
        '"big tasks" (rank)',
        '"big tasks" (rank DESC, id)',
        '"big tasks" (rank NULLS FIRST, id)',
        '"big tasks" (rank, id) WHERE done',
        '"big tasks" (id, rank)',
    ],
)
def test_index_of_another_order_or_part_does_not_do(database: Database, index: str) -> None:
    database.write(Query(f"CREATE INDEX ON depot.{index}"))
    assert "sort rank" in found(database, best=True)


@pytest.mark.parametrize("index", ["(rank, id)", "(rank DESC, id DESC)", "(rank, id, small)"])
def test_index_may_be_reversed_or_have_more_columns(database: Database, index: str) -> None:
    database.write(Query(f'CREATE INDEX ON depot."big tasks" {index}'))
    assert "sort rank" not in found(database)
    assert "filter rank (range)" not in found(database)


@pytest.mark.parametrize("index", ["(rank)", "(rank, small)", "(rank DESC, small)"])
def test_first_key_of_a_sort_is_enough(database: Database, index: str) -> None:
    database.write(Query(f'CREATE INDEX ON depot."big tasks" {index}'))
    assert "sort rank" not in found(database)
    assert "sort rank" in found(database, best=True)


def test_foreign_key_of_a_list_is_enough(database: Database) -> None:
    database.write(Query('CREATE INDEX ON depot."big tasks" (parent_id)'))
    database.write(Query("CREATE INDEX ON depot.links (other_id)"))
    missing_lists = {"list children", "list links_from"}
    assert not missing_lists & found(database).keys()
    assert missing_lists <= found(database, best=True).keys()


def test_index_with_another_collation_does_not_do(database: Database) -> None:
    database.write(Query('CREATE INDEX ON depot."big tasks" (code COLLATE "POSIX")'))
    assert "filter code (in)" in found(database)

"""Writes of one row, in a table whose name and columns need quotes."""

from collections.abc import Iterator

import pytest

from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.errors import NotFound, StaleVersion
from sluice.kinds.integer import BigInt
from sluice.query import Query
from sluice.settings import DatabaseSettings
from sluice.sql.list_spec import ListSpec, Sort
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.precondition import Precondition
from sluice.sql.projection import Join, Projection, integer, text
from sluice.sql.write_repository import WriteRepository
from tests.fixtures.bare_database import allow_writes

TABLES = """
CREATE SCHEMA depot;
CREATE TABLE depot.makers (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE depot."spare parts" (
    "Part No" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "Full Name" text NOT NULL,
    maker_id bigint NOT NULL REFERENCES depot.makers,
    version integer NOT NULL DEFAULT 1
);
INSERT INTO depot.makers VALUES (3, 'Volta')
"""


INSERTS = {
    "s": """INSERT INTO depot."spare parts" ("Full Name", maker_id)
            VALUES (:name, CAST(:maker_id AS bigint)) RETURNING *"""
}
DEFAULTS = {"maker_id": 3}
ASSIGNMENTS = {"name": '"Full Name" = :name, version = s.version + 1'}


class PartRepository(WriteRepository):
    list_spec = ListSpec(
        projection=Projection(
            name="parts",
            singular="part",
            table='depot."spare parts"',
            alias="s",
            keys=(BigInt("id", column="Part No"),),
            joins=(Join("depot.makers", "m", on={"id": "s.maker_id"}),),
            fields={
                "id": integer('s."Part No"'),
                "name": text('s."Full Name"'),
                "maker": text("m.name"),
            },
            etag="s.version::text",
        ),
        filters={},
        sorts={"id": Sort('"Part No"', BigInt("id"), unique=True)},
    )
    inserts = INSERTS
    defaults = DEFAULTS
    assignments = ASSIGNMENTS


@pytest.fixture
def parts(empty_database: str) -> Iterator[PartRepository]:
    database = Database(make_pool(DatabaseSettings.from_url(empty_database), "function"))
    allow_writes(database)
    for statement in TABLES.split(";"):
        database.write(Query(statement))
    yield PartRepository(database, CursorSigner(b"the key of this test"))
    database.dispose()


def test_created_row_has_defaults_and_joined_fields(parts: PartRepository):
    created = parts.create({"name": "Washer"})

    assert created.json == '{"id":1,"name":"Washer","maker":"Volta"}'
    assert parts.get_by_id((int(created.id),)) == created


def test_update_returns_the_changed_row(parts: PartRepository):
    id = (int(parts.create({"name": "Washer"}).id),)

    updated = parts.update(id, {"name": "Bolt"})

    assert (updated.json, updated.etag) == ('{"id":1,"name":"Bolt","maker":"Volta"}', "2")
    assert parts.update(id, {}) == updated


def test_writes_compare_the_etag(parts: PartRepository):
    id = (int(parts.create({"name": "Washer"}).id),)
    other = Precondition(if_match=["7"])

    with pytest.raises(StaleVersion):
        parts.update(id, {"name": "Bolt"}, other)
    with pytest.raises(StaleVersion):
        parts.delete(id, other)
    parts.delete(id, Precondition(if_match=["1"]))
    with pytest.raises(NotFound):
        parts.update(id, {"name": "Bolt"})
    with pytest.raises(NotFound):
        parts.delete(id)

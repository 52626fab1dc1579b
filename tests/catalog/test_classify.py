"""The draft of tables and views, and the declarations that it stands for."""

from collections.abc import Iterator

import pytest

from catalog.classify import draft
from catalog.draft import AdoptRequest, Draft, DraftResource
from catalog.expression import source
from catalog.read import read
from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.db.sqlalchemy_pool import SqlalchemyPool
from sluice.query import Query
from sluice.settings import DatabaseSettings


@pytest.fixture
def database(empty_database: str) -> Iterator[Database]:
    settings = DatabaseSettings.from_url(empty_database)
    database = Database(SqlalchemyPool(make_engine(settings, "function")))
    yield database
    database.dispose()


def drafted(database: Database, ddl: str, *tables: str, **options: object) -> Draft:
    """Return the draft of a schema `depot` with these tables, all of them by default."""
    for statement in f"CREATE SCHEMA depot; {ddl}".split(";"):
        if statement.strip():
            database.write(Query(statement))
    request = AdoptRequest(app="depot", tables=tables or ("depot.*",), **options)  # type: ignore[arg-type]
    found = draft(read(database), request)
    for resource in found.resources:
        resource.resource()
    return found


def lines(resource: DraftResource) -> list[str]:
    """Return the source of the key, the fields and the relations."""
    members = [*resource.key, *resource.fields, *resource.relations]
    return [source(member.expression) for member in members if member.expression]


MUSIC = """
CREATE TABLE depot.artist (artist_id integer PRIMARY KEY, name varchar(120) NOT NULL);
CREATE TABLE depot.album (
    album_id integer PRIMARY KEY,
    title text,
    artist_id integer NOT NULL REFERENCES depot.artist
);
CREATE INDEX ON depot.album (artist_id)
"""


def test_table_becomes_a_resource(database: Database) -> None:
    album, artist = drafted(database, MUSIC).resources
    assert (album.name, album.singular, album.group, album.module) == ("album",) * 2 + (
        "depot",
        "album",
    )
    assert lines(album) == [
        'Integer("album_id", filter="in", sort=True)',
        'Text("title", nullable=True)',
        'Ref("artist_id", resource="artist", kind=Integer, filter="in", sort=True)',
    ]
    assert lines(artist)[-1] == 'Many("album", resource="album", foreign_key="artist_id")'

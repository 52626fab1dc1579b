"""Shelves, each with a slug."""

from collections.abc import Collection

from sluice.sql.filter_kinds import filter_of
from sluice.sql.list_spec import ListSpec, Sort
from sluice.sql.projection import Projection, Row, integer, text, timestamp
from sluice.sql.write_repository import WriteRepository

PROJECTION = Projection(
    name="shelves",
    singular="shelf",
    table="shelves",
    alias="s",
    key="id",
    fields={
        "id": integer("s.id"),
        "name": text("s.name"),
        "slug": text("s.slug"),
        "created_at": timestamp("s.created_at"),
        "updated_at": timestamp("s.updated_at"),
        "version": integer("s.version"),
    },
    etag="s.version::text",
)
LIST_SPEC = ListSpec(
    projection=PROJECTION,
    filters={
        "search": filter_of("search", "sluice.words(s.name) @> sluice.search_words(:search)"),
        "slug": filter_of("slugs", "s.slug = ANY(:slug)"),
    },
    sorts={
        "id": Sort("id", "bigint", unique=True),
        "name": Sort("name", "text"),
        "created_at": Sort("created_at", "timestamptz"),
    },
)

INSERTS = {"s": "INSERT INTO shelves (name, slug) VALUES (:name, :slug) RETURNING *"}

ASSIGNMENTS = {"name": "name = :name", "slug": "slug = :slug"}


class ShelfRepository(WriteRepository):
    """Reads and writes shelves."""

    reads_replica = True
    list_spec = LIST_SPEC
    inserts = INSERTS
    assignments = ASSIGNMENTS

    def all(self, fields: Collection[str]) -> list[Row]:
        """Return all shelves, in the order of their ids."""
        return self._read_rows("true", [], fields)

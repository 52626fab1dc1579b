"""Shelves, each with a slug."""

from collections.abc import Collection, Mapping

from sluice.sql import conditional_write
from sluice.sql.conditional_write import NO_PRECONDITION, Precondition
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.list_spec import Filter, ListSpec, Sort
from sluice.sql.projection import (
    Projection,
    Representation,
    Row,
    integer,
    select,
    text,
    timestamp,
)
from sluice.sql.read_repository import ReadRepository

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
        "search": Filter("search", "sluice.words(s.name) @> sluice.search_words(:search)"),
        "slug": Filter("slugs", "s.slug = ANY(:slug)"),
    },
    sorts={
        "id": Sort("id", "bigint", unique=True),
        "name": Sort("name", "text"),
        "created_at": Sort("created_at", "timestamptz"),
    },
)
INSERT = "s AS (INSERT INTO shelves (name, slug) VALUES (:name, :slug) RETURNING *)"
ASSIGNMENTS = {"name": "name = :name", "slug": "slug = :slug"}


class ShelfRepository(ReadRepository):
    """Reads and writes shelves."""

    reads_replica = True
    list_spec = LIST_SPEC

    def all(self, fields: Collection[str]) -> list[Row]:
        """Return all shelves, in the order of their ids."""
        return select(self._executor, PROJECTION, "true", [], fields)

    def create(
        self, shelf: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Add a shelf. Raises Duplicate if the slug is taken."""
        return conditional_write.create(self._executor, PROJECTION, INSERT, "s", shelf, key)

    def update(
        self, id: int, changes: Mapping[str, object], precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """Change a shelf. Raises NotFound, StaleVersion, and Duplicate if the slug is taken."""
        return conditional_write.update(
            self._executor, PROJECTION, ASSIGNMENTS, id, changes, precondition
        )

    def delete(self, id: int, precondition: Precondition = NO_PRECONDITION) -> None:
        """Delete a shelf. Raises NotFound, StaleVersion, and StillReferenced by a book."""
        conditional_write.delete(self._executor, PROJECTION, id, precondition)

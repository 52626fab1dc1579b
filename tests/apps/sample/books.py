"""Books, shown with the slug of their shelf."""

from collections.abc import Mapping
from dataclasses import replace

from sluice.sql import conditional_write
from sluice.sql.conditional_write import NO_PRECONDITION, Precondition
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.list_spec import Filter, ListSpec, Sort
from sluice.sql.projection import (
    Column,
    Join,
    Projection,
    Representation,
    decimal,
    integer,
    text,
    timestamp,
)
from sluice.sql.read_repository import ConnectionRepository

JOIN_SHELF = Join("shelves", "s", on={"id": "b.shelf_id"})

PROJECTION = Projection(
    name="books",
    singular="book",
    table="books",
    alias="b",
    key="id",
    joins=(JOIN_SHELF,),
    fields={
        "id": integer("b.id"),
        "name": text("b.name"),
        "description": text("b.description", nullable=True),
        "price": decimal("b.price"),
        "shelf": text("s.slug"),
        "copies": integer("b.copies"),
        "created_at": timestamp("b.created_at"),
        "updated_at": timestamp("b.updated_at"),
        "version": integer("b.version"),
    },
    etag="b.version || '.' || s.version",
)
LIST_SPEC = ListSpec(
    projection=PROJECTION,
    subselects={"shelf": "(SELECT s.slug FROM shelves s WHERE s.id = b.shelf_id)"},
    filters={
        "shelf": Filter("slugs", "s.slug = ANY(:shelf)", join=JOIN_SHELF),
        "price_min": Filter("decimal", "b.price >= CAST(:price_min AS numeric)"),
        "price_max": Filter("decimal", "b.price <= CAST(:price_max AS numeric)"),
        "search": Filter("search", "sluice.words(b.name) @> sluice.search_words(:search)"),
        "available": Filter("boolean", "b.copies > 0", false_condition="b.copies = 0"),
        "created_after": Filter("timestamp", "b.created_at >= CAST(:created_after AS timestamptz)"),
    },
    sorts={
        "id": Sort("id", "bigint", unique=True),
        "name": Sort("name", "text", unique=True),
        "price": Sort("price", "numeric"),
        "created_at": Sort("created_at", "timestamptz"),
        "copies": Sort("copies", "integer"),
    },
)

# GraphQL shows each book with its whole shelf.
SHELF = "json_build_object('id', s.id, 'name', s.name, 'slug', s.slug)"
GRAPHQL_LIST_SPEC = replace(
    LIST_SPEC,
    projection=replace(PROJECTION, fields={**PROJECTION.fields, "shelf": Column(SHELF, "json")}),
    subselects={"shelf": f"(SELECT {SHELF} FROM shelves s WHERE s.id = b.shelf_id)"},
    filters={
        **LIST_SPEC.filters,
        "shelf_id": Filter("integer", "b.shelf_id = CAST(:shelf_id AS bigint)"),
    },
    parent_columns={"shelf_id": "shelf_id"},
)

# With an unknown slug, shelf_id is NULL, which its NOT NULL constraint rejects.
ASSIGNMENTS = {
    "name": "name = :name",
    "description": "description = :description",
    "price": "price = CAST(:price AS numeric)",
    "shelf": "shelf_id = (SELECT id FROM shelves WHERE slug = :shelf)",
    "copies": "copies = CAST(:copies AS integer)",
}
INSERT = """
    b AS (
        INSERT INTO books (name, description, price, copies, shelf_id)
        VALUES (
            :name, :description, CAST(:price AS numeric), CAST(:copies AS integer),
            (SELECT id FROM shelves WHERE slug = :shelf)
        )
        RETURNING *
    )
"""


class BookRepository(ConnectionRepository):
    """Reads and writes books."""

    reads_replica = True
    list_spec = LIST_SPEC
    graphql_list_spec = GRAPHQL_LIST_SPEC
    parent_filter = "shelf_id"

    def create(
        self, book: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Add a book. Raises Duplicate, NoCopies, and ValidationFailed for an unknown shelf."""
        values = {"description": None, "copies": 0, **book}
        source = PROJECTION.source({"b": "b"})
        return conditional_write.create(self._executor, PROJECTION, INSERT, source, values, key)

    def update(
        self, id: int, changes: Mapping[str, object], precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """Change a book. Raises NotFound, StaleVersion, and the errors of `create`."""
        return conditional_write.update(
            self._executor, PROJECTION, ASSIGNMENTS, id, changes, precondition
        )

    def delete(self, id: int, precondition: Precondition = NO_PRECONDITION) -> None:
        """Delete a book. Raises NotFound and StaleVersion."""
        conditional_write.delete(self._executor, PROJECTION, id, precondition)

"""Books, shown with the slug of their shelf."""

from dataclasses import replace

from sluice.sql.connections import ConnectionRepository
from sluice.sql.filter_kinds import filter_of
from sluice.sql.list_spec import ListSpec, Sort
from sluice.sql.projection import (
    Column,
    Join,
    Projection,
    decimal,
    integer,
    text,
    timestamp,
)
from sluice.sql.write_repository import WriteRepository

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
        "shelf": filter_of("slugs", "s.slug = ANY(:shelf)", join=JOIN_SHELF),
        "price_min": filter_of("decimal", "b.price >= CAST(:price_min AS numeric)"),
        "price_max": filter_of("decimal", "b.price <= CAST(:price_max AS numeric)"),
        "search": filter_of("search", "sluice.words(b.name) @> sluice.search_words(:search)"),
        "available": filter_of("boolean", "b.copies > 0", false_condition="b.copies = 0"),
        "created_after": filter_of(
            "timestamp", "b.created_at >= CAST(:created_after AS timestamptz)"
        ),
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
    projection=replace(
        PROJECTION,
        fields={**PROJECTION.fields, "shelf": Column(SHELF, PROJECTION.fields["shelf"].field)},
    ),
    subselects={"shelf": f"(SELECT {SHELF} FROM shelves s WHERE s.id = b.shelf_id)"},
    filters={
        **LIST_SPEC.filters,
        "shelf_id": filter_of("integer", "b.shelf_id = CAST(:shelf_id AS bigint)"),
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
INSERTS = {
    "b": """
        INSERT INTO books (name, description, price, copies, shelf_id)
        VALUES (
            :name, :description, CAST(:price AS numeric), CAST(:copies AS integer),
            (SELECT id FROM shelves WHERE slug = :shelf)
        )
        RETURNING *
    """
}
DEFAULTS = {"description": None, "copies": 0}


class BookRepository(ConnectionRepository, WriteRepository):
    """Reads and writes books."""

    reads_replica = True
    list_spec = LIST_SPEC
    graphql_list_spec = GRAPHQL_LIST_SPEC
    inserts = INSERTS
    defaults = DEFAULTS
    assignments = ASSIGNMENTS

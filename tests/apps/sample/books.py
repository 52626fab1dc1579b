"""Books, at /api/books. REST shows the slug of a book's shelf, GraphQL the whole shelf."""

from sluice.kinds.boolean import Boolean
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.ref import Ref
from sluice.kinds.text import Slug, Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import Resource
from sluice.sql.list_spec import FilterSql
from sluice.sql.projection import Join, JoinedColumn
from sluice.sql.resource_repository import ResourceRepository

BOOKS = Resource(
    name="books",
    singular="book",
    description="A book of the library.",
    table="public.books",
    group="books",
    scope="library",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Text(
            "name",
            min_length=1,
            max_length=200,
            unique=True,
            sort=True,
            search=True,
            example="Emma",
        ),
        Text("description", max_length=10_000, nullable=True, example="A novel."),
        Numeric("price", precision=12, scale=2, minimum=0, filter="range", sort=True),
        Ref(
            "shelf_id",
            resource="shelves",
            shown_as="shelf",
            by="slug",
            kind=Slug,
            filter="in",
            example="novels",
        ),
        # A constraint of the table rejects fewer than none, with the error NoCopies.
        Integer("copies", default=0, sort=True, example=2),
        Timestamp("created_at", read_only=True, filter="range", filter_name="created", sort=True),
        Timestamp("updated_at", read_only=True),
        Integer("version", read_only=True),
    ],
    filters=[Boolean("available")],
    etag=["version", "shelf.version"],
    import_key=["name"],
    analytics=True,
)

JOIN_SHELF = Join("shelves", "s", on={"id": "b.shelf_id"})
COLUMN_SQL = {"shelf": JoinedColumn(JOIN_SHELF, "slug")}
FILTER_SQL = {"available": FilterSql("b.copies > 0", "b.copies = 0")}
INSERTS = {
    "b": """
        INSERT INTO books (name, description, price, copies, shelf_id)
        VALUES (
            :name, :description, CAST(:price AS numeric), CAST(:copies AS integer),
            coalesce(
                CAST(:shelf_id AS bigint), (SELECT id FROM shelves WHERE slug = :shelf)
            )
        )
        RETURNING *
    """
}
# With an unknown slug, shelf_id is NULL, which its NOT NULL constraint rejects.
ASSIGNMENTS = {
    "name": "name = :name",
    "description": "description = :description",
    "price": "price = CAST(:price AS numeric)",
    "shelf": "shelf_id = (SELECT id FROM shelves WHERE slug = :shelf)",
    "shelf_id": "shelf_id = CAST(:shelf_id AS bigint)",
    "copies": "copies = CAST(:copies AS integer)",
}
DEFAULTS = {"description": None, "copies": 0, "shelf": None, "shelf_id": None}

IMPORT_WRITE = """
    WITH latest AS MATERIALIZED (
        SELECT DISTINCT ON (name)
            name,
            description,
            CAST(price AS numeric) AS price,
            shelf,
            CAST(copies AS integer) AS copies
        FROM import_rows
        ORDER BY name, n DESC
    ), written AS (
        INSERT INTO books AS b (name, description, price, shelf_id, copies)
        SELECT l.name, l.description, l.price, s.id, coalesce(l.copies, 0)
        FROM latest l JOIN shelves s ON s.slug = l.shelf
        ORDER BY l.name
        ON CONFLICT (name) DO UPDATE SET
            price = excluded.price,
            shelf_id = excluded.shelf_id,
            description = CASE WHEN :has_description THEN excluded.description
                ELSE b.description END,
            copies = CASE WHEN :has_copies THEN excluded.copies ELSE b.copies END
        WHERE b.price <> excluded.price
            OR b.shelf_id <> excluded.shelf_id
            OR :has_description AND b.description IS DISTINCT FROM excluded.description
            OR :has_copies AND b.copies <> excluded.copies
    )
    SELECT count(*) AS rows FROM import_rows r
    WHERE EXISTS (SELECT FROM shelves t WHERE t.slug = r.shelf)
"""
IMPORT_REFERENCES = {"shelf": "SELECT FROM shelves t WHERE t.slug = r.shelf"}


class BookRepository(ResourceRepository):
    """Reads and writes books. `shelf`, a slug, or `shelf_id` names the shelf."""

    resource = BOOKS
    reads_replica = True
    column_sql = COLUMN_SQL
    filter_sql = FILTER_SQL
    etag_sql = "b.version || '.' || s.version"
    inserts = INSERTS
    defaults = DEFAULTS
    assignments = ASSIGNMENTS
    import_write = IMPORT_WRITE
    import_references = IMPORT_REFERENCES

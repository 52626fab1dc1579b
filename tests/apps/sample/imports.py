"""Imports of books, shelves and readers. If several rows have the same key, the last one counts."""

from sluice.fields import MAX_INTEGER, SLUG, Email, Integer, Money, Text
from sluice.imports.resource import ImportResource
from sluice.slugs import slugify

_NAME = Text(200)
_SLUG = Text(200, pattern=SLUG)
_DESCRIPTION = Text(10_000, min_length=0, nullable=True)
_PRICE = Money()
_COPIES = Integer(0, MAX_INTEGER)
_EMAIL = Email()

_WRITE_BOOKS = """
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
# A slug that is made from the name renames no shelf.
_WRITE_SHELVES = """
    WITH written AS (
        INSERT INTO shelves AS s (name, slug)
        SELECT DISTINCT ON (slug) name, slug
        FROM import_rows
        ORDER BY slug, n DESC
        ON CONFLICT (slug) DO UPDATE SET name = excluded.name
        WHERE :has_slug AND s.name <> excluded.name
    )
    SELECT count(*) AS rows FROM import_rows
"""
_WRITE_READERS = """
    WITH written AS (
        INSERT INTO readers AS u (email, name)
        SELECT DISTINCT ON (lower(email)) email, name
        FROM import_rows
        ORDER BY lower(email), n DESC
        ON CONFLICT (lower(email)) DO UPDATE SET name = excluded.name
        WHERE u.name <> excluded.name
    )
    SELECT count(*) AS rows FROM import_rows
"""

BOOKS = ImportResource(
    fields={
        "name": _NAME,
        "description": _DESCRIPTION,
        "price": _PRICE,
        "shelf": _SLUG,
        "copies": _COPIES,
    },
    required=("name", "price", "shelf"),
    trusted_when=f"""
        {_NAME.trusted("r.name")}
        AND {_PRICE.trusted("r.price")}
        AND r.shelf IS NOT NULL
        AND (r.description IS NULL OR {_DESCRIPTION.trusted("r.description")})
        AND (r.copies IS NULL OR {_COPIES.trusted("r.copies")})
    """,
    write=_WRITE_BOOKS,
    references={"shelf": "SELECT FROM shelves t WHERE t.slug = r.shelf"},
)
SHELVES = ImportResource(
    fields={"name": _NAME, "slug": _SLUG},
    required=("name",),
    defaults={"slug": lambda row: slugify(row["name"], pointer="/slug")},
    trusted_when=f"{_NAME.trusted('r.name')} AND {_SLUG.trusted('r.slug')}",
    write=_WRITE_SHELVES,
)
READERS = ImportResource(
    fields={"email": _EMAIL, "name": _NAME},
    required=("email", "name"),
    trusted_when=f"{_NAME.trusted('r.name')} AND {_EMAIL.trusted('r.email')}",
    write=_WRITE_READERS,
)

"""Imports of books, shelves and readers. If several rows have the same key, the last one counts."""

from sluice.imports.resource import TRIMMED, ImportResource
from sluice.kinds.integer import Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.text import Email, Slug, Text
from sluice.slugs import slugify

_NAME = Text("name", min_length=1, max_length=200)
_SLUG = Slug("slug")
_IS_NAME = f"(char_length(r.name) BETWEEN 1 AND 200 AND r.name {TRIMMED})"

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
_WRITE_SHELVES = """
    WITH written AS (
        INSERT INTO shelves AS s (name, slug)
        SELECT DISTINCT ON (slug) name, slug
        FROM import_rows
        ORDER BY slug, n DESC
        ON CONFLICT (slug) DO UPDATE SET name = excluded.name
        WHERE s.name <> excluded.name
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
        "description": Text("description", max_length=10_000, nullable=True),
        "price": Numeric("price", precision=12, scale=2, minimum=0),
        "shelf": _SLUG,
        "copies": Integer("copies", minimum=0),
    },
    required=("name", "price", "shelf"),
    trusted_when=f"""
        {_IS_NAME}
        AND r.price ~ '^[0-9]{{1,10}}([.][0-9]{{1,2}})?$'
        AND r.shelf IS NOT NULL
        AND (r.description IS NULL
            OR char_length(r.description) <= 10000 AND r.description {TRIMMED})
        AND (r.copies IS NULL OR r.copies ~ '^[0-9]{{1,9}}$')
    """,
    write=_WRITE_BOOKS,
    references={"shelf": "SELECT FROM shelves t WHERE t.slug = r.shelf"},
)
SHELVES = ImportResource(
    fields={"name": _NAME, "slug": _SLUG},
    required=("name",),
    defaults={"slug": lambda row: slugify(row["name"])},
    trusted_when=f"{_IS_NAME} AND r.slug ~ '^[a-z0-9-]{{1,200}}$'",
    write=_WRITE_SHELVES,
)
READERS = ImportResource(
    fields={"email": Email("email"), "name": _NAME},
    required=("email", "name"),
    trusted_when=f"""
        {_IS_NAME}
        AND char_length(r.email) <= 254
        AND r.email ~ '^[!-?A-~]+@[!-?A-~]+$'
    """,
    write=_WRITE_READERS,
)

"""Shelves, at /api/shelves. A slug that the client does not send is made from the name."""

from collections.abc import Collection, Mapping

from sluice.errors import Duplicate, FieldError
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.text import Slug, Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import Many, Resource
from sluice.slugs import slugify
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.projection import Representation, Row
from sluice.sql.resource_repository import ResourceRepository, Values

SHELVES = Resource(
    name="shelves",
    singular="shelf",
    description="A shelf of the library.",
    table="public.shelves",
    group="shelves",
    scope="library",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Text("name", min_length=1, max_length=200, sort=True, search=True, example="Novels"),
        Slug("slug", unique=True, optional=True, filter="in", example="novels"),
        Timestamp("created_at", read_only=True, sort=True),
        Timestamp("updated_at", read_only=True),
        Integer("version", read_only=True),
    ],
    relations=[Many("books", resource="books", foreign_key="shelf_id")],
    etag="version",
    import_key=["slug"],
    analytics=True,
)

# A slug that is made from the name renames no shelf.
IMPORT_WRITE = """
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


class ShelfRepository(ResourceRepository):
    """Reads and writes shelves."""

    resource = SHELVES
    reads_replica = True
    import_write = IMPORT_WRITE

    def before_create(self, values: Values) -> None:
        if values.get("slug") is None:
            values["slug"] = slugify(values["name"], pointer="/slug")

    def create(
        self, values: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Add a shelf. If the slug was made from the name, Duplicate names the field `name`."""
        try:
            return super().create(values, key)
        except Duplicate as error:
            if values.get("slug"):
                raise
            message = "has the slug of another shelf; send another slug"
            raise Duplicate(errors=[FieldError("duplicate", message, pointer="/name")]) from error

    def all(self, fields: Collection[str]) -> list[Row]:
        """Return all shelves, in the order of their ids."""
        return self._read_rows("true", [], fields)

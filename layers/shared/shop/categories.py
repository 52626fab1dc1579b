"""Reads and writes categories. A slug that the client does not send is made from the name."""

from collections.abc import Collection, Mapping, Sequence

from sluice.errors import Duplicate, FieldError
from sluice.slugs import slugify
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.list_spec import Filter, ListSpec, Sort
from sluice.sql.projection import Projection, Representation, Row, integer, text, timestamp
from sluice.sql.write_repository import WriteRepository

PROJECTION = Projection(
    name="categories",
    singular="category",
    table="categories",
    alias="c",
    key="id",
    fields={
        "id": integer("c.id"),
        "name": text("c.name"),
        "slug": text("c.slug"),
        "created_at": timestamp("c.created_at"),
        "updated_at": timestamp("c.updated_at"),
        "version": integer("c.version"),
    },
    etag="c.version::text",
)

LIST_SPEC = ListSpec(
    projection=PROJECTION,
    filters={
        "search": Filter("search", "sluice.words(c.name) @> sluice.search_words(:search)"),
        "slug": Filter("slugs", "c.slug = ANY(:slug)"),
    },
    sorts={
        "id": Sort("id", "bigint", unique=True),
        "name": Sort("name", "text"),
        "created_at": Sort("created_at", "timestamptz"),
    },
)

INSERTS = {"c": "INSERT INTO categories (name, slug) VALUES (:name, :slug) RETURNING *"}

ASSIGNMENTS = {"name": "name = :name", "slug": "slug = :slug"}


class CategoryRepository(WriteRepository):
    """Reads and writes categories."""

    reads_replica = True
    list_spec = LIST_SPEC
    inserts = INSERTS
    assignments = ASSIGNMENTS

    def get_many_by_slug(self, slugs: Sequence[str], fields: Collection[str]) -> dict[str, Row]:
        """Return the categories with these slugs, by slug."""
        condition = "c.slug = ANY(CAST(:ids AS text[]))"
        rows = self._read_rows(condition, slugs, {"slug", *fields})
        return {row["slug"]: row for row in rows}

    def all(self, fields: Collection[str]) -> list[Row]:
        """Return all categories, in the order of their ids."""
        return self._read_rows("true", [], fields)

    def create(
        self, values: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Add a category. Without a `slug`, the slug is made from the name.

        Raises Duplicate if the slug is taken. If the slug was made from the name, the error names
        the field `name`.
        """
        slug = values.get("slug") or slugify(str(values["name"]), pointer="/slug")
        try:
            return super().create({"name": values["name"], "slug": slug}, key)
        except Duplicate as error:
            if values.get("slug"):
                raise
            message = f"has the slug {slug}, which is already taken; send another slug"
            raise Duplicate(errors=[FieldError("duplicate", message, pointer="/name")]) from error

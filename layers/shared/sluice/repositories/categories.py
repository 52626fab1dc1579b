"""Categories, and the slugs they are known by."""

from collections.abc import Collection, Mapping, Sequence

from sluice.errors import Duplicate, FieldError
from sluice.repositories import conditional_write
from sluice.repositories.conditional_write import NO_PRECONDITION, Precondition
from sluice.repositories.idempotency import IdempotencyKey
from sluice.repositories.list_spec import Filter, ListSpec, Sort
from sluice.repositories.projection import (
    Projection,
    Representation,
    Row,
    integer,
    select,
    text,
    timestamp,
)
from sluice.repositories.read_repository import ReadRepository
from sluice.slugs import slugify

PROJECTION = Projection(
    name="categories",
    singular="category",
    source="categories c",
    key="c.id",
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
        "id": Sort("c.id", "bigint", unique=True),
        "name": Sort("c.name", "text"),
        "created_at": Sort("c.created_at", "timestamptz"),
    },
)

INSERT = "c AS (INSERT INTO categories (name, slug) VALUES (:name, :slug) RETURNING *)"

ASSIGNMENTS = {"name": "name = :name", "slug": "slug = :slug"}


class CategoryRepository(ReadRepository):
    """Every statement about categories."""

    list_spec = LIST_SPEC

    def get_many_by_slug(self, slugs: Sequence[str], fields: Collection[str]) -> dict[str, Row]:
        rows = select(
            self._statements,
            PROJECTION,
            "c.slug = ANY(CAST(:ids AS text[]))",
            slugs,
            {"slug", *fields},
        )
        return {row["slug"]: row for row in rows}

    def all(self, fields: Collection[str]) -> list[Row]:
        """Every category, by id."""
        return select(self._statements, PROJECTION, "true", [], fields)

    def create(
        self, category: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Add a category; a slug that is missing is made from the name.

        Duplicate where the slug is taken: of a slug that was made, it names the field that was sent, which is the name.
        """
        slug = category.get("slug") or slugify(str(category["name"]))
        values = {"name": category["name"], "slug": slug}
        try:
            return conditional_write.create(self._statements, PROJECTION, INSERT, "c", values, key)
        except Duplicate as error:
            if category.get("slug"):
                raise
            message = f"gives the slug {slug}, which is already taken; send another slug"
            raise Duplicate(errors=[FieldError("duplicate", message, pointer="/name")]) from error

    def update(
        self, id: int, changes: Mapping[str, object], precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """NotFound, StaleVersion; Duplicate where the slug is taken."""
        return conditional_write.update(
            self._statements, PROJECTION, ASSIGNMENTS, id, changes, precondition
        )

    def delete(self, id: int, precondition: Precondition = NO_PRECONDITION) -> None:
        """NotFound, StaleVersion; StillReferenced where it has products."""
        conditional_write.delete(self._statements, PROJECTION, id, precondition)

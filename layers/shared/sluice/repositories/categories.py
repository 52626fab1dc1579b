"""Categories, and the slugs they are known by."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

from sluice.errors import Fault, ValidationFailed
from sluice.repositories import writing
from sluice.repositories.answers import IdempotencyKey
from sluice.repositories.listing import Filter, Listing, Sort
from sluice.repositories.reading import Listed
from sluice.repositories.view import Record, Row, View, integer, select, text, time
from sluice.repositories.writing import Match

VIEW = View(
    name="categories",
    noun="category",
    source="categories c",
    key="c.id",
    fields={
        "id": integer("c.id"),
        "name": text("c.name"),
        "slug": text("c.slug"),
        "created_at": time("c.created_at"),
        "updated_at": time("c.updated_at"),
        "version": integer("c.version"),
    },
    etag="c.version::text",
)

LISTING = Listing(
    view=VIEW,
    filters={
        "search": Filter("words", "sluice.words(c.name) @> sluice.search_words(:search)"),
        "slug": Filter("slugs", "c.slug = ANY(:slug)"),
    },
    sorts={
        "id": Sort("c.id", "bigint", unique=True),
        "name": Sort("c.name", "text"),
        "created_at": Sort("c.created_at", "timestamptz"),
    },
)

INSERT = "c AS (INSERT INTO categories (name, slug) VALUES (:name, :slug) RETURNING *)"

MAX_SLUG = 200

ASSIGNMENTS = {"name": "name = :name", "slug": "slug = :slug"}


class CategoryRepository(Listed):
    """Every statement about categories."""

    listing = LISTING

    def get_many_by_slug(self, slugs: Sequence[str], fields: Collection[str]) -> dict[str, Row]:
        rows = select(self._statements, VIEW, "c.slug = ANY(CAST(:ids AS text[]))", slugs, {"slug", *fields})
        return {row["slug"]: row for row in rows}

    def all(self, fields: Collection[str]) -> list[Row]:
        """Every category, by id."""
        return select(self._statements, VIEW, "true", [], fields)

    def create(self, category: Mapping[str, object], key: IdempotencyKey | None = None) -> Record:
        """A missing slug is made from the name. Duplicate where it is taken."""
        slug = category.get("slug") or slug_from(str(category["name"]))
        values = {"name": category["name"], "slug": slug}
        return writing.create(self._statements, VIEW, INSERT, "c", values, key)

    def update(self, id: int, changes: Mapping[str, object], match: Match = None) -> Record:
        """NotFound, StaleVersion; Duplicate where the slug is taken."""
        return writing.update(self._statements, VIEW, ASSIGNMENTS, id, changes, match)

    def delete(self, id: int, match: Match = None) -> None:
        """NotFound, StaleVersion; StillReferenced where it has products."""
        writing.delete(self._statements, VIEW, id, match)


def slug_from(name: str) -> str:
    """`Tea & Coffee` → `tea-coffee`; accents are dropped. ValidationFailed where no letter or digit is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG].strip("-")  # ㎒ becomes three letters
    if not slug:
        fault = Fault("required", "cannot be made from this name; give one", pointer="/slug")
        raise ValidationFailed(faults=[fault])
    return slug

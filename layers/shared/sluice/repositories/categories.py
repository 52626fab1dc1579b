"""Categories, and the slugs they are known by."""

import re
import unicodedata
from collections.abc import Collection, Mapping

from sluice.errors import Fault, ValidationFailed
from sluice.repositories.cursor import CursorSigner
from sluice.repositories.listing import Filter, Listing, ListQuery, Page, Sort, read_page
from sluice.repositories.view import Record, Statements, View, deleted, find, matches, utc, written

VIEW = View(
    name="categories",
    source="categories c",
    key="c.id",
    fields={
        "id": "c.id",
        "name": "c.name",
        "slug": "c.slug",
        "created_at": utc("c.created_at"),
        "updated_at": utc("c.updated_at"),
        "version": "c.version",
    },
    etag="c.version::text",
)

LISTING = Listing(
    view=VIEW,
    filters={
        "search": Filter("words", "sluice_words(c.name) @> sluice_words(:search)"),
        "slug": Filter("slugs", "c.slug = ANY(:slug)"),
    },
    sorts={
        "id": Sort("c.id", "bigint", unique=True),
        "name": Sort("c.name", "text"),
        "created_at": Sort("c.created_at", "timestamptz"),
    },
)

CREATE = f"""
    WITH c AS (INSERT INTO categories (name, slug) VALUES (:name, :slug) RETURNING *)
    SELECT {VIEW.record()} FROM c
"""

MAX_SLUG = 200

ASSIGNMENTS = {"name": "name = :name", "slug": "slug = :slug"}

TARGET = f"""
    WITH target AS (
        SELECT c.id, {matches(VIEW)} FROM {VIEW.source} WHERE c.id = CAST(:id AS bigint) FOR UPDATE OF c
    )"""


class CategoryRepository:
    """Every statement about categories."""

    def __init__(self, statements: Statements, signer: CursorSigner) -> None:
        self._statements = statements
        self._signer = signer

    def page(self, query: ListQuery) -> Page:
        return read_page(self._statements, LISTING, query, self._signer)

    def get_by_id(self, id: int, fields: frozenset[str] | None = None) -> Record:
        return find(self._statements, VIEW, id, fields)

    def create(self, category: Mapping[str, object]) -> Record:
        """A missing slug is made from the name. Duplicate where it is taken."""
        slug = category.get("slug") or slug_from(str(category["name"]))
        return written(self._statements.write(CREATE, {"name": category["name"], "slug": slug}))

    def update(self, id: int, changes: Mapping[str, object], match: Collection[str] | None = None) -> Record:
        """Change what `changes` names. NotFound; StaleVersion unless its ETag is one of `match`; Duplicate."""
        assignments = ", ".join(ASSIGNMENTS[name] for name in changes) or "version = c.version"
        return written(
            self._statements.write(
                f"""{TARGET}, changed AS (
                    UPDATE categories c SET {assignments} FROM target t WHERE c.id = t.id AND t.matches RETURNING c.*
                )
                SELECT r.json, r.etag, r.id FROM target LEFT JOIN (SELECT {VIEW.record()} FROM changed c) r ON true""",
                {**changes, "id": id, "match": match},
            )
        )

    def delete(self, id: int, match: Collection[str] | None = None) -> None:
        """NotFound; StaleVersion unless its ETag is one of `match`; StillReferenced where it has products."""
        deleted(
            self._statements.write(
                f"""{TARGET}, gone AS (
                    DELETE FROM categories c USING target t WHERE c.id = t.id AND t.matches RETURNING c.id
                )
                SELECT gone.id FROM target LEFT JOIN gone ON true""",
                {"id": id, "match": match},
            )
        )


def slug_from(name: str) -> str:
    """`Tea & Coffee` → `tea-coffee`; accents are dropped. ValidationFailed where no letter or digit is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG].strip("-")  # ㎒ becomes three letters
    if not slug:
        fault = Fault("required", "cannot be made from this name; give one", pointer="/slug")
        raise ValidationFailed(faults=[fault])
    return slug

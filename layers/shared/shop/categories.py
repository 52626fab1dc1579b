"""Categories, at /api/categories: those of the shop's products.

The declaration is CATEGORIES. CategoryRepository has the SQL by hand. A rule is one of its methods:
`before_create` or `before_write`.
"""

from collections.abc import Collection, Mapping, Sequence

from sluice.errors import Duplicate, FieldError
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.text import Slug, Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import GraphQL, Many, Resource
from sluice.slugs import slugify
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.projection import Representation, Row
from sluice.sql.resource_repository import ResourceRepository, Values

CATEGORIES = Resource(
    name="categories",
    singular="category",
    description="A category of products.",
    table="public.categories",
    group="categories",
    scope="catalog",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Text("name", min_length=1, max_length=200, sort=True, search=True, example="Sample Things"),
        Slug(
            "slug",
            unique=True,
            optional=True,
            filter="in",
            description="The category's name in URLs, which is unique.",
            example="sample-things",
        ),
        Timestamp("created_at", read_only=True, sort=True),
        Timestamp("updated_at", read_only=True),
        Integer("version", read_only=True),
    ],
    relations=[Many("products", resource="products", foreign_key="category_id", rest=False)],
    etag="version",
    import_key=["slug"],
    analytics=True,
    graphql=GraphQL(queries=[], mutations=[], hidden=["created_at", "updated_at", "version"]),
)


class CategoryRepository(ResourceRepository):
    """Reads and writes categories. A slug that is not sent is made from the name."""

    resource = CATEGORIES
    reads_replica = True
    import_trusted = True  # the rule changes only rows without a slug, and those are not trusted

    def before_create(self, values: Values) -> None:
        values["slug"] = values.get("slug") or slugify(str(values["name"]), pointer="/slug")

    def create(
        self, values: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Add a category.

        Raises Duplicate if the slug is taken. If the slug was made from the name, the error names
        the field `name`.
        """
        try:
            return super().create(values, key)
        except Duplicate as error:
            if values.get("slug"):
                raise
            slug = slugify(str(values["name"]), pointer="/slug")
            message = f"has the slug {slug}, which is already taken; send another slug"
            raise Duplicate(errors=[FieldError("duplicate", message, pointer="/name")]) from error

    def get_many_by_slug(self, slugs: Sequence[str], fields: Collection[str]) -> dict[str, Row]:
        """Return the categories with these slugs, by slug."""
        condition = "c.slug = ANY(CAST(:ids AS text[]))"
        rows = self._read_rows(condition, slugs, {"slug", *fields})
        return {row["slug"]: row for row in rows}

    def all(self, fields: Collection[str]) -> list[Row]:
        """Return all categories, in the order of their ids."""
        return self._read_rows("true", [], fields)

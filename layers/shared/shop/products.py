"""Products, at /api/products, shown with the slug of their category and the quantity in stock.

The declaration is PRODUCTS. ProductRepository has the SQL by hand. A rule is one of its methods:
`before_create` or `before_write`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from sluice.kinds.boolean import Boolean
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.ref import Ref
from sluice.kinds.text import Slug, Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import GraphQL, Resource
from sluice.sql.derived import derived
from sluice.sql.derived_lists import graphql_list_spec
from sluice.sql.key import Key
from sluice.sql.list_spec import FilterSql, ListSpec
from sluice.sql.precondition import Precondition
from sluice.sql.projection import Column, Join, JoinedColumn, Projection, Representation
from sluice.sql.resource_repository import ResourceRepository

PRODUCTS = Resource(
    name="products",
    singular="product",
    description="A product of the catalog.",
    table="public.products",
    group="products",
    scope="catalog",
    key=BigInt("id", minimum=1, read_only=True, sort=True, filter="in", filter_name="ids"),
    fields=[
        Text(
            "name",
            min_length=1,
            max_length=200,
            unique=True,
            sort=True,
            search=True,
            description="The product's name, which is unique.",
            example="Sample Mug",
        ),
        Text(
            "description",
            max_length=10_000,
            nullable=True,
            search=True,
            description="A description, or null.",
            example="Holds 30 cl, and keeps it warm.",
        ),
        Numeric(
            "price",
            precision=12,
            scale=2,
            minimum=0,
            filter="range",
            sort=True,
            description="The current price of one unit.",
        ),
        Ref(
            "category_id",
            resource="categories",
            shown_as="category",
            by="slug",
            kind=Slug,
            filter="in",
            description="The category that the product belongs to.",
            example="tableware",
        ),
        Integer(
            "inventory",
            column="inventory.quantity",
            minimum=0,
            default=0,
            create_only=True,
            sort=True,
            description="The number of units in stock.",
            example=25,
        ),
        Timestamp("created_at", read_only=True, filter="range", filter_name="created", sort=True),
        Timestamp("updated_at", read_only=True, sort=True),
        Integer(
            "version",
            read_only=True,
            description="The product's version, which increases with each change.",
        ),
    ],
    filters=[Boolean("in_stock")],
    # The version of each table that the JSON comes from: a category's new slug changes it, too.
    etag=["version", "inventory.version", "category.version"],
    import_key=["name"],
    analytics=True,
    graphql=GraphQL(
        filters=["category_id", "price_min", "price_max", "search"],
        sorts=["created_at", "price", "name"],
    ),
)

JOIN_CATEGORY = Join("categories", "c", on={"id": "p.category_id"})
JOIN_INVENTORY = Join("inventory", "i", on={"product_id": "p.id"})
COLUMNS = {
    "category": JoinedColumn(JOIN_CATEGORY, "slug"),
    "inventory": JoinedColumn(JOIN_INVENTORY, "quantity"),
}
SEARCH = (
    "sluice.words(p.name || ' ' || coalesce(p.description, '')) @> sluice.search_words(:search)"
)
FILTERS: Mapping[str, str | FilterSql] = {
    # The planner runs public.category_ids, so it plans for the categories' real sizes.
    "category": FilterSql(
        "p.category_id = ANY(public.category_ids(:category))",
        single_value_condition="p.category_id = (public.category_ids(ARRAY[:category]))[1]",
    ),
    # The condition is repeated on purpose. For words outside its sample PostgreSQL assumes 0.5 % of
    # the rows and walks the index of the sort (15 s at 1,000,000 products). Two conditions multiply
    # the estimate, and it uses the GIN index (5 ms).
    "search": f"{SEARCH} AND {SEARCH}",
    "in_stock": FilterSql("i.quantity > 0", false_condition="i.quantity = 0", join=JOIN_INVENTORY),
}
# Filters, then sorts.
LIST_ORDER = (
    *("category", "price_min", "price_max", "search", "in_stock"),
    *("created_after", "created_before"),
    *("id", "name", "price", "created_at", "updated_at"),
)

# With an unknown slug, category_id is NULL, which its NOT NULL constraint rejects.
ASSIGNMENTS = {
    "name": "name = :name",
    "description": "description = :description",
    "price": "price = CAST(:price AS numeric)",
    "category": "category_id = (SELECT id FROM categories WHERE slug = :category)",
    "category_id": "category_id = CAST(:category_id AS bigint)",
}
# Also inserts the product's row of inventory. The trigger of products adds a row only to products
# without one.
INSERTS = {
    "p": """
        INSERT INTO products (name, description, price, category_id)
        VALUES (:name, :description, CAST(:price AS numeric), coalesce(
            CAST(:category_id AS bigint), (SELECT id FROM categories WHERE slug = :category)
        ))
        RETURNING *
    """,
    "i": """
        INSERT INTO inventory (product_id, quantity)
        SELECT id, CAST(:inventory AS integer) FROM p
        RETURNING *
    """,
}
DEFAULTS = {"description": None, "inventory": 0, "category": None, "category_id": None}

# Of several rows with a name, the last one counts. A file without a column leaves it as it is.
# Stock is locked in the order of the products' ids, as orders lock it.
IMPORT = """
    WITH latest AS MATERIALIZED (
        SELECT DISTINCT ON (name)
            name,
            description,
            CAST(price AS numeric) AS price,
            category,
            CAST(inventory AS integer) AS quantity
        FROM import_rows
        ORDER BY name, n DESC
    ), written AS (
        INSERT INTO products AS p (name, description, price, category_id)
        SELECT l.name, l.description, l.price, c.id
        FROM latest l JOIN categories c ON c.slug = l.category
        ORDER BY l.name
        ON CONFLICT (name) DO UPDATE SET
            price = excluded.price,
            category_id = excluded.category_id,
            description = CASE WHEN :has_description THEN excluded.description
                ELSE p.description END
        WHERE p.price <> excluded.price
            OR p.category_id <> excluded.category_id
            OR :has_description AND p.description IS DISTINCT FROM excluded.description
        RETURNING p.id, p.name
    ), stock AS (
        SELECT w.id, l.quantity FROM latest l JOIN written w USING (name)
        WHERE l.quantity IS NOT NULL
        UNION
        SELECT p.id, l.quantity FROM latest l JOIN products p USING (name)
        WHERE l.quantity IS NOT NULL
    ), stocked AS (
        INSERT INTO inventory AS i (product_id, quantity)
        SELECT id, quantity FROM stock ORDER BY id
        ON CONFLICT (product_id) DO UPDATE SET quantity = excluded.quantity
        WHERE i.quantity <> excluded.quantity
    )
    SELECT count(*) AS rows FROM import_rows r
    WHERE EXISTS (SELECT FROM categories t WHERE t.slug = r.category)
"""
IMPORT_REFERENCES = {"category": "SELECT FROM categories t WHERE t.slug = r.category"}

# GraphQL shows each product with its whole category, so that a list of both is one statement.
CATEGORY_JSON = "json_build_object('id', c.id, 'name', c.name, 'slug', c.slug)"


def _with_whole_category(repository: Any) -> ListSpec:
    spec: ListSpec = graphql_list_spec(repository)
    fields = repository.projection.fields
    category = Column(CATEGORY_JSON, fields["category"].field)
    subselect = f"(SELECT {CATEGORY_JSON} FROM categories c WHERE {JOIN_CATEGORY.condition})"
    return replace(
        spec,
        projection=replace(spec.projection, fields={**fields, "category": category}),
        subselects={**spec.subselects, "category": subselect},
    )


def _with_own_version(repository: Any) -> Projection:
    projection: Projection = repository.projection
    return replace(projection, etag="p.version::text")


class ProductRepository(ResourceRepository):
    """Reads and writes products. `category`, a slug, or `category_id` names the category.

    Orders lock the rows of products and of their stock in the same order as `delete`.
    """

    resource = PRODUCTS
    reads_replica = True
    column_sql = COLUMNS
    filter_sql = FILTERS
    list_order = LIST_ORDER
    etag_sql = "p.version || '.' || i.version || '.' || c.version"
    graphql_list_spec = derived(_with_whole_category)
    inserts = INSERTS
    defaults = DEFAULTS
    assignments = ASSIGNMENTS
    import_write = IMPORT
    import_references = IMPORT_REFERENCES
    own_version: ClassVar[Projection] = derived(_with_own_version)

    def update_version(
        self, key: Key, changes: Mapping[str, object], version: int
    ) -> Representation:
        """Change a product if its own row has this version.

        Changes of its stock and its category do not matter. Raises the errors of `update`.
        """
        precondition = Precondition(if_match=[str(version)])
        return self._update(self.own_version, key, changes, precondition)

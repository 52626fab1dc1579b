"""Products, shown with the slug of their category and the quantity in stock."""

from collections.abc import Mapping
from dataclasses import replace

from sluice.sql.connections import ConnectionRepository
from sluice.sql.filter_kinds import filter_of
from sluice.sql.list_spec import ListSpec, Sort
from sluice.sql.precondition import Precondition
from sluice.sql.projection import (
    Column,
    Join,
    Projection,
    Representation,
    decimal,
    integer,
    text,
    timestamp,
)
from sluice.sql.write_repository import WriteRepository

JOIN_CATEGORY = Join("categories", "c", on={"id": "p.category_id"})
JOIN_INVENTORY = Join("inventory", "i", on={"product_id": "p.id"})

PROJECTION = Projection(
    name="products",
    singular="product",
    table="products",
    alias="p",
    key="id",
    joins=(JOIN_CATEGORY, JOIN_INVENTORY),
    fields={
        "id": integer("p.id"),
        "name": text("p.name"),
        "description": text("p.description", nullable=True),
        "price": decimal("p.price"),
        "category": text("c.slug"),
        "inventory": integer("i.quantity"),
        "created_at": timestamp("p.created_at"),
        "updated_at": timestamp("p.updated_at"),
        "version": integer("p.version"),
    },
    # The version of each table that the JSON comes from: a category's new slug changes it, too.
    etag="p.version || '.' || i.version || '.' || c.version",
)

SEARCH = (
    "sluice.words(p.name || ' ' || coalesce(p.description, '')) @> sluice.search_words(:search)"
)

LIST_SPEC = ListSpec(
    projection=PROJECTION,
    subselects={
        "category": "(SELECT c.slug FROM categories c WHERE c.id = p.category_id)",
        "inventory": "(SELECT i.quantity FROM inventory i WHERE i.product_id = p.id)",
    },
    filters={
        # The planner runs public.category_ids, so it plans for the categories' real sizes.
        "category": filter_of(
            "slugs",
            "p.category_id = ANY(public.category_ids(:category))",
            single_value_condition="p.category_id = (public.category_ids(:category))[1]",
        ),
        "price_min": filter_of("decimal", "p.price >= CAST(:price_min AS numeric)"),
        "price_max": filter_of("decimal", "p.price <= CAST(:price_max AS numeric)"),
        # The condition is repeated on purpose. For words outside its sample PostgreSQL assumes
        # 0.5 % of the rows and walks the index of the sort (15 s at 1,000,000 products). Two
        # conditions multiply the estimate, and it uses the GIN index (5 ms).
        "search": filter_of("search", f"{SEARCH} AND {SEARCH}"),
        "in_stock": filter_of(
            "boolean",
            "i.quantity > 0",
            false_condition="i.quantity = 0",
            join=JOIN_INVENTORY,
        ),
        "created_after": filter_of(
            "timestamp", "p.created_at >= CAST(:created_after AS timestamptz)"
        ),
        "created_before": filter_of(
            "timestamp", "p.created_at < CAST(:created_before AS timestamptz)"
        ),
        "ids": filter_of("integers", "p.id = ANY(CAST(:ids AS bigint[]))"),
    },
    sorts={
        "id": Sort("id", "bigint", unique=True),
        "name": Sort("name", "text", unique=True),
        "price": Sort("price", "numeric"),
        "created_at": Sort("created_at", "timestamptz"),
        "updated_at": Sort("updated_at", "timestamptz"),
        "inventory": Sort("quantity", "integer", join=JOIN_INVENTORY),
    },
)

# GraphQL shows each product with its whole category, so that a list of both is one statement.
CATEGORY = "json_build_object('id', c.id, 'name', c.name, 'slug', c.slug)"
GRAPHQL_LIST_SPEC = replace(
    LIST_SPEC,
    projection=replace(
        PROJECTION,
        fields={
            **PROJECTION.fields,
            "category": Column(CATEGORY, PROJECTION.fields["category"].field),
        },
    ),
    subselects={
        **LIST_SPEC.subselects,
        "category": f"(SELECT {CATEGORY} FROM categories c WHERE c.id = p.category_id)",
    },
    filters={
        **LIST_SPEC.filters,
        "category_id": filter_of("integer", "p.category_id = CAST(:category_id AS bigint)"),
    },
    parent_columns={"category_id": "category_id"},
)

OWN_VERSION_PROJECTION = replace(PROJECTION, etag="p.version::text")

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


class ProductRepository(ConnectionRepository, WriteRepository):
    """Reads and writes products. `category`, a slug, or `category_id` names the category.

    Orders lock the rows of products and of their stock in the same order as `delete`.
    """

    reads_replica = True
    list_spec = LIST_SPEC
    graphql_list_spec = GRAPHQL_LIST_SPEC
    parent_filter = "category_id"
    inserts = INSERTS
    defaults = DEFAULTS
    assignments = ASSIGNMENTS

    def update_version(
        self, id: int, changes: Mapping[str, object], version: int
    ) -> Representation:
        """Change a product if its own row has this version.

        Changes of its stock and its category do not matter. Raises the errors of `update`.
        """
        precondition = Precondition(if_match=[str(version)])
        return self._update(OWN_VERSION_PROJECTION, id, changes, precondition)

"""Products: what a client sees of one is a product, the slug of its category and the stock it has."""

from collections.abc import Mapping
from dataclasses import replace

from sluice.repositories import conditional_write
from sluice.repositories.conditional_write import NO_PRECONDITION, Precondition
from sluice.repositories.idempotency import IdempotencyKey
from sluice.repositories.list_spec import Filter, ListSpec, Sort
from sluice.repositories.projection import (
    Column,
    Projection,
    Representation,
    decimal,
    integer,
    text,
    timestamp,
)
from sluice.repositories.read_repository import ConnectionRepository

PROJECTION = Projection(
    name="products",
    singular="product",
    source="products p JOIN categories c ON c.id = p.category_id JOIN inventory i ON i.product_id = p.id",
    key="p.id",
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
    # All that its representation is made of: a category's new slug changes the product's JSON too.
    etag="p.version || '.' || i.version || '.' || c.version",
)

# Said twice, which squares how many rows the planner expects. It takes any word that it has not met in its sample to be
# in 0.5 % of them, and then looks for a page of those along the sort's index: 15 s in 1,000,000 products, for 5 ms.
SEARCH = (
    "sluice.words(p.name || ' ' || coalesce(p.description, '')) @> sluice.search_words(:search)"
)
STOCK = "JOIN inventory i ON i.product_id = p.id"

LIST_SPEC = ListSpec(
    projection=PROJECTION,
    source="products p",
    subselects={
        "category": "(SELECT c.slug FROM categories c WHERE c.id = p.category_id)",
        "inventory": "(SELECT i.quantity FROM inventory i WHERE i.product_id = p.id)",
    },
    filters={
        # The planner runs public.category_ids, so it knows whose products it plans for: many, few or none.
        "category": Filter(
            "slugs",
            "p.category_id = ANY(public.category_ids(:category))",
            single_value_condition="p.category_id = (public.category_ids(:category))[1]",
        ),
        "price_min": Filter("decimal", "p.price >= CAST(:price_min AS numeric)"),
        "price_max": Filter("decimal", "p.price <= CAST(:price_max AS numeric)"),
        # Said twice, the planner squares its estimate: a word that ANALYZE never met is rare, not in 0.5 % of rows.
        "search": Filter("search", f"{SEARCH} AND {SEARCH}"),
        "in_stock": Filter(
            "boolean", "i.quantity > 0", false_condition="i.quantity = 0", join=STOCK
        ),
        "created_after": Filter("timestamp", "p.created_at >= CAST(:created_after AS timestamptz)"),
        "created_before": Filter(
            "timestamp", "p.created_at < CAST(:created_before AS timestamptz)"
        ),
        "ids": Filter("integers", "p.id = ANY(CAST(:ids AS bigint[]))"),
    },
    sorts={
        "id": Sort("p.id", "bigint", unique=True, equivalent_column="i.product_id"),
        "name": Sort("p.name", "text", unique=True),
        "price": Sort("p.price", "numeric"),
        "created_at": Sort("p.created_at", "timestamptz"),
        "updated_at": Sort("p.updated_at", "timestamptz"),
        "inventory": Sort("i.quantity", "integer", join=STOCK),
    },
)

# As GraphQL shows them: each with its category whole, so that a list of both is one statement.
CATEGORY = "json_build_object('id', c.id, 'name', c.name, 'slug', c.slug)"
GRAPHQL_LIST_SPEC = replace(
    LIST_SPEC,
    projection=replace(
        PROJECTION, fields={**PROJECTION.fields, "category": Column(CATEGORY, "json")}
    ),
    subselects={
        **LIST_SPEC.subselects,
        "category": f"(SELECT {CATEGORY} FROM categories c WHERE c.id = p.category_id)",
    },
    filters={
        **LIST_SPEC.filters,
        "category_id": Filter("integer", "p.category_id = CAST(:category_id AS bigint)"),
    },
    parent_columns={"category_id": "p.category_id"},
)

OWN_VERSION_PROJECTION = replace(PROJECTION, etag="p.version::text")

# An unknown slug leaves category_id NULL, which its NOT NULL constraint refuses.
ASSIGNMENTS = {
    "name": "name = :name",
    "description": "description = :description",
    "price": "price = CAST(:price AS numeric)",
    "category": "category_id = (SELECT id FROM categories WHERE slug = :category)",
    "category_id": "category_id = CAST(:category_id AS bigint)",
}

# The products trigger adds a row of stock to a product that comes without; this one comes with its own.
INSERT = """
    p AS (
        INSERT INTO products (name, description, price, category_id)
        VALUES (:name, :description, CAST(:price AS numeric), coalesce(
            CAST(:category_id AS bigint), (SELECT id FROM categories WHERE slug = :category)
        ))
        RETURNING *
    ), i AS (
        INSERT INTO inventory (product_id, quantity) SELECT id, CAST(:inventory AS integer) FROM p RETURNING *
    )
"""
INSERTED = "p JOIN categories c ON c.id = p.category_id JOIN i ON i.product_id = p.id"


class ProductRepository(ConnectionRepository):
    """Every statement about products."""

    list_spec = LIST_SPEC
    graphql_list_spec = GRAPHQL_LIST_SPEC
    parent_filter = "category_id"

    def create(
        self, product: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Its category is told by `category`, a slug, or `category_id`.

        Duplicate where the name is taken; ValidationFailed for an unknown category.
        """
        values = {
            "description": None,
            "inventory": 0,
            "category": None,
            "category_id": None,
            **product,
        }
        return conditional_write.create(self._statements, PROJECTION, INSERT, INSERTED, values, key)

    def update(
        self, id: int, changes: Mapping[str, object], precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """NotFound, StaleVersion, Duplicate, ValidationFailed."""
        return conditional_write.update(
            self._statements, PROJECTION, ASSIGNMENTS, id, changes, precondition
        )

    def update_version(
        self, id: int, changes: Mapping[str, object], version: int
    ) -> Representation:
        """As `update`, where the product's own row still has this version: its stock and its category may differ."""
        return conditional_write.update(
            self._statements,
            OWN_VERSION_PROJECTION,
            ASSIGNMENTS,
            id,
            changes,
            Precondition(if_match=[str(version)]),
        )

    def delete(self, id: int, precondition: Precondition = NO_PRECONDITION) -> None:
        """NotFound, StaleVersion; StillReferenced where an order holds it."""
        conditional_write.delete(
            self._statements, PROJECTION, id, precondition
        )  # the product before its stock, as orders lock them

"""Imports of the shop's resources: what their files contain, and the SQL that writes the rows.

If several rows have the same key, the last one counts. A row that would change nothing is not
written. Stock is locked in the order of the products' ids, as orders lock it.
"""

from shop.fields import DESCRIPTION, EMAIL, ID, NAME, PRICE, QUANTITY, SLUG
from sluice.imports.resource import ImportResource
from sluice.slugs import slugify

_WRITE_PRODUCTS = """
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
# A row names its product by name or by id. Two joins: one with OR could not use an index.
_WRITE_INVENTORY = """
    WITH known AS MATERIALIZED (
        SELECT p.id, CAST(r.quantity AS integer) AS quantity, r.n
        FROM import_rows r JOIN products p ON p.name = r.product
        UNION ALL
        SELECT p.id, CAST(r.quantity AS integer), r.n
        FROM import_rows r JOIN products p ON p.id = CAST(r.product_id AS bigint)
    ), latest AS MATERIALIZED (
        SELECT DISTINCT ON (id) id, quantity FROM known ORDER BY id, n DESC
    ), written AS (
        INSERT INTO inventory AS i (product_id, quantity)
        SELECT id, quantity FROM latest ORDER BY id
        ON CONFLICT (product_id) DO UPDATE SET quantity = excluded.quantity
        WHERE i.quantity <> excluded.quantity
    )
    SELECT count(*) AS rows FROM known
"""
_WRITE_CATEGORIES = """
    WITH written AS (
        INSERT INTO categories AS c (name, slug)
        SELECT DISTINCT ON (slug) name, slug
        FROM import_rows
        ORDER BY slug, n DESC
        ON CONFLICT (slug) DO UPDATE SET name = excluded.name
        WHERE c.name <> excluded.name
    )
    SELECT count(*) AS rows FROM import_rows
"""
# An email keeps the case in which it was first written.
_WRITE_USERS = """
    WITH written AS (
        INSERT INTO users AS u (email, name)
        SELECT DISTINCT ON (lower(email)) email, name
        FROM import_rows
        ORDER BY lower(email), n DESC
        ON CONFLICT (lower(email)) DO UPDATE SET name = excluded.name
        WHERE u.name <> excluded.name
    )
    SELECT count(*) AS rows FROM import_rows
"""

PRODUCTS = ImportResource(
    fields={
        "name": NAME,
        "description": DESCRIPTION,
        "price": PRICE,
        "category": SLUG,
        "inventory": QUANTITY,
    },
    required=("name", "price", "category"),
    trusted_when=f"""
        ({NAME.trusted("r.name")})
        AND {PRICE.trusted("r.price")}
        AND r.category IS NOT NULL
        AND (r.description IS NULL OR {DESCRIPTION.trusted("r.description")})
        AND (r.inventory IS NULL OR {QUANTITY.trusted("r.inventory")})
    """,
    write=_WRITE_PRODUCTS,
    references={"category": "SELECT FROM categories t WHERE t.slug = r.category"},
)
INVENTORY = ImportResource(
    fields={
        "product": NAME,
        "product_id": ID,
        "quantity": QUANTITY,
    },
    required=("quantity",),
    exactly_one_of=("product", "product_id"),
    trusted_when=f"""
        {QUANTITY.trusted("r.quantity")}
        AND (r.product IS NOT NULL OR {ID.trusted("r.product_id")})
    """,
    write=_WRITE_INVENTORY,
    references={
        "product": "SELECT FROM products t WHERE t.name = r.product",
        "product_id": "SELECT FROM products t WHERE t.id = CAST(r.product_id AS bigint)",
    },
)
CATEGORIES = ImportResource(
    fields={"name": NAME, "slug": SLUG},
    required=("name",),
    defaults={"slug": lambda row: slugify(row["name"], pointer="/slug")},
    trusted_when=f"({NAME.trusted('r.name')}) AND {SLUG.trusted('r.slug')}",
    write=_WRITE_CATEGORIES,
)
USERS = ImportResource(
    fields={"email": EMAIL, "name": NAME},
    required=("email", "name"),
    trusted_when=f"({NAME.trusted('r.name')}) AND {EMAIL.trusted('r.email')}",
    write=_WRITE_USERS,
)

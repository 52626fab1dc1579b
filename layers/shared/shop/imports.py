"""The import of stock: a file sets the quantity of each product, and names it by name or by id.

Stock is locked in the order of the products' ids, as orders lock it.
"""

from shop.inventory import INVENTORY as STOCK
from shop.products import PRODUCTS
from sluice.imports.resource import ImportResource

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

_PRODUCT = PRODUCTS.by_name["name"]
_ID = STOCK.by_name["product_id"]
_QUANTITY = STOCK.by_name["quantity"]

INVENTORY = ImportResource(
    fields={"product": _PRODUCT, "product_id": _ID, "quantity": _QUANTITY},
    required=("quantity",),
    exactly_one_of=("product", "product_id"),
    trusted_when=f"""
        {_QUANTITY.trusted("r.quantity")}
        AND (r.product IS NOT NULL OR {_ID.trusted("r.product_id")})
    """,
    write=_WRITE_INVENTORY,
    references={
        "product": "SELECT FROM products t WHERE t.name = r.product",
        "product_id": "SELECT FROM products t WHERE t.id = CAST(r.product_id AS bigint)",
    },
)

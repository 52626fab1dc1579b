"""What drops the shop, with its data: the statements of `make remove DROP_APP=shop`.

Without CASCADE, so that a view or a foreign key of another application makes it fail, and nothing is lost.
"""

TABLES = ("order_items", "orders", "users", "inventory", "products", "categories")

DROPS = (
    "DROP FUNCTION IF EXISTS public.place_order(bigint, bigint[], bigint[])",
    "DROP FUNCTION IF EXISTS public.category_ids(text[])",
    "DROP TABLE IF EXISTS " + ", ".join(f"public.{name}" for name in TABLES),
    "DROP FUNCTION IF EXISTS public.create_inventory_rows()",
)

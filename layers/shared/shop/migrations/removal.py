"""The statements of `make remove DROP_APP=shop`, which drop the shop with its data.

They have no CASCADE. A view or a foreign key of another application makes them fail, and then
nothing is removed.
"""

TABLES = ("order_items", "orders", "users", "inventory", "products", "categories")

DROPS = (
    "DROP FUNCTION IF EXISTS public.place_order(bigint, bigint[], bigint[])",
    "DROP FUNCTION IF EXISTS public.category_ids(text[])",
    "DROP TABLE IF EXISTS " + ", ".join(f"public.{name}" for name in TABLES),
    "DROP FUNCTION IF EXISTS public.create_inventory_rows()",
)

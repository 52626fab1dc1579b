"""The privileges of the functions that the declarations of the shop do not say.

Each new product gets its stock, and each order its items.
"""

from sluice.migrations.grants import Grant
from sluice.migrations.roles import APP

GRANTS = (
    Grant(APP, "INSERT", "TABLE", "public.inventory"),
    Grant(APP, "INSERT", "TABLE", "public.order_items"),
    Grant(APP, "EXECUTE", "FUNCTION", "public.place_order(bigint,bigint[],bigint[])"),
    Grant(APP, "EXECUTE", "FUNCTION", "public.category_ids(text[])"),
    Grant(APP, "EXECUTE", "FUNCTION", "public.create_inventory_rows()"),
    Grant(APP, "SELECT", "TABLE", "sluice.shop_version"),
)

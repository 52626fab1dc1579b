"""The privileges of the two roles on the shop's tables and functions."""

from sluice.migrations.grants import Grant
from sluice.migrations.roles import ANALYST, APP

ANALYST_TABLES = ("categories", "products", "inventory", "users", "orders", "order_items")

GRANTS = (
    Grant(APP, "USAGE", "SCHEMA", "public"),
    Grant(ANALYST, "USAGE", "SCHEMA", "public"),
    *(
        Grant(APP, "SELECT, INSERT, UPDATE, DELETE", "TABLE", f"public.{name}")
        for name in ("categories", "products", "users")
    ),
    *(
        Grant(APP, "SELECT, INSERT, UPDATE", "TABLE", f"public.{name}")
        for name in ("inventory", "orders")
    ),
    Grant(APP, "SELECT, INSERT", "TABLE", "public.order_items"),
    Grant(APP, "EXECUTE", "FUNCTION", "public.place_order(bigint,bigint[],bigint[])"),
    Grant(APP, "EXECUTE", "FUNCTION", "public.category_ids(text[])"),
    Grant(APP, "EXECUTE", "FUNCTION", "public.create_inventory_rows()"),
    Grant(APP, "SELECT", "TABLE", "sluice.shop_version"),
    *(Grant(ANALYST, "SELECT", "TABLE", f"public.{name}") for name in ANALYST_TABLES),
)

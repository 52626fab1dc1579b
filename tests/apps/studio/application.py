"""A studio's orders, for several studios: each table has a tenant, or is shared."""

from sluice.application import Application

APPLICATION = Application(
    format=1,
    name="studio",
    functions_folder="tests/apps/studio/functions",
    order=("studios", "users", "orders", "order_items", "notes", "labels"),
)

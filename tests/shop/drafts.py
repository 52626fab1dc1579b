"""Declarations of the shop's resources, until the shop itself has them."""

from shop.orders import STATUSES
from sluice.kinds.boolean import Boolean
from sluice.kinds.choice import Choice
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.items import Items
from sluice.kinds.numeric import Numeric
from sluice.kinds.ref import Ref
from sluice.kinds.text import Email, Slug, Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import Many, Resource

CATEGORIES = Resource(
    name="categories",
    singular="category",
    table="public.categories",
    group="categories",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Text("name", min_length=1, max_length=200, sort=True, search=True),
        Slug("slug", unique=True, optional=True, filter="in"),
        Timestamp("created_at", read_only=True, sort=True),
        Timestamp("updated_at", read_only=True),
        Integer("version", read_only=True),
    ],
    scope="catalog",
    relations=[Many("products", resource="products", foreign_key="category_id")],
    etag="version",
    import_key=["slug"],
    analytics=True,
)
PRODUCTS = Resource(
    name="products",
    singular="product",
    table="public.products",
    group="products",
    key=BigInt("id", minimum=1, read_only=True, sort=True, filter="in", filter_name="ids"),
    fields=[
        Text("name", min_length=1, max_length=200, unique=True, sort=True, search=True),
        Text("description", max_length=10_000, nullable=True, search=True),
        Numeric("price", precision=12, scale=2, minimum=0, filter="range", sort=True),
        Ref("category_id", resource="categories", shown_as="category", by="slug", kind=Slug),
        Integer(
            "inventory",
            column="inventory.quantity",
            minimum=0,
            default=0,
            create_only=True,
            sort=True,
        ),
        Timestamp("created_at", read_only=True, sort=True),
        Timestamp("updated_at", read_only=True, sort=True),
        Integer("version", read_only=True),
    ],
    scope="catalog",
    filters=[Boolean("in_stock")],
    etag=["version", "inventory.version", "category.version"],
    import_key=["name"],
    analytics=True,
)
INVENTORY = Resource(
    name="inventory",
    singular="stock",
    table="public.inventory",
    group="inventory",
    key=Ref("product_id", resource="products", sort=True, filter="in", filter_name="product_ids"),
    fields=[
        Integer("quantity", minimum=0, sort=True, example=25),
        Timestamp("updated_at", read_only=True, sort=True),
        Integer("version", read_only=True),
    ],
    scope="catalog",
    filters=[BigInt("below")],
    writes=["replace", "update"],
    etag="version",
    analytics=True,
)
USERS = Resource(
    name="users",
    singular="user",
    table="public.users",
    group="users",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Email("email", ignore_case=True, unique=True, filter="equal", sort=True, search=True),
        Text("name", min_length=1, max_length=200, sort=True, search=True),
        Timestamp("created_at", read_only=True, sort=True),
        Timestamp("updated_at", read_only=True),
        Integer("version", read_only=True),
    ],
    relations=[Many("orders", resource="orders", foreign_key="user_id")],
    etag="version",
    import_key=["email"],
    analytics=True,
)
ORDER_ITEMS = Resource(
    name="order_items",
    singular="order_item",
    table="public.order_items",
    group="",
    key=[Ref("order_id", resource="orders"), Ref("product_id", resource="products")],
    fields=[
        Integer("quantity", minimum=1),
        Numeric("unit_price", precision=12, scale=2, minimum=0, read_only=True),
    ],
    analytics=True,
)
ORDERS = Resource(
    name="orders",
    singular="order",
    table="public.orders",
    group="orders",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Ref("user_id", resource="users", filter="equal"),
        Choice("status", STATUSES, read_only=True, filter="equal"),
        Numeric("total", precision=18, scale=2, minimum=0, read_only=True, sort=True),
        Items("items", of=ORDER_ITEMS, foreign_key="order_id", max_items=100),
        Timestamp("created_at", read_only=True, sort=True),
        Timestamp("updated_at", read_only=True),
        Integer("version", read_only=True),
    ],
    etag="version",
    writes=["create", "update"],
    analytics=True,
)
BY_NAME = {
    resource.name: resource
    for resource in (CATEGORIES, PRODUCTS, INVENTORY, USERS, ORDERS, ORDER_ITEMS)
}

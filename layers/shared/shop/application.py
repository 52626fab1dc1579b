"""The shop: products, categories, stock, users and orders. What it has, as names."""

from sluice.application import Application, ApplicationFunction

APPLICATION = Application(
    format=1,
    name="shop",
    order=("categories", "products", "inventory", "users", "orders", "analytics"),
    import_order=("products", "inventory", "categories", "users"),
    default_group="categories",
    functions=(
        ApplicationFunction(
            "functions/analytics",
            {
                "Sales": "/api/analytics/sales",
                "PopularProducts": "/api/analytics/popular-products",
                "Query": "/api/analytics/query",
            },
            analyst=True,
        ),
    ),
    scopes=("analytics:read",),
    replica_scopes=("analytics:read",),
    imports={"inventory": "shop.imports:INVENTORY"},
    analytics="shop.analyst_tables:CATALOGUE",
    error_classes=("shop.errors:OutOfStock", "shop.errors:InvalidTransition"),
    constraint_errors={"inventory_quantity_check": "shop.errors:OutOfStock"},
    openapi="shop.openapi:TEXTS",
    demo="scripts.seed:seed_demo",
)

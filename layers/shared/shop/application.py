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
            "functions/categories",
            {"Collection": "/api/categories", "Item": "/api/categories/{id}"},
        ),
        ApplicationFunction(
            "functions/products", {"Collection": "/api/products", "Item": "/api/products/{id}"}
        ),
        ApplicationFunction(
            "functions/inventory",
            {"Collection": "/api/inventory", "Item": "/api/inventory/{product_id}"},
        ),
        ApplicationFunction(
            "functions/users", {"Collection": "/api/users", "Item": "/api/users/{id}"}
        ),
        ApplicationFunction(
            "functions/orders", {"Collection": "/api/orders", "Item": "/api/orders/{id}"}
        ),
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
    scopes=(
        "catalog:read",
        "catalog:write",
        "users:read",
        "users:write",
        "orders:read",
        "orders:write",
        "analytics:read",
    ),
    replica_scopes=("catalog:read", "analytics:read"),
    repositories={
        "categories": "shop.categories:CategoryRepository",
        "products": "shop.products:ProductRepository",
        "inventory": "shop.inventory:InventoryRepository",
        "users": "shop.users:UserRepository",
        "orders": "shop.orders:OrderRepository",
    },
    imports={
        "products": "shop.imports:PRODUCTS",
        "inventory": "shop.imports:INVENTORY",
        "categories": "shop.imports:CATEGORIES",
        "users": "shop.imports:USERS",
    },
    analytics="shop.analytics:CATALOGUE",
    graphql="shop.graphql:PART",
    error_classes=("shop.errors:OutOfStock", "shop.errors:InvalidTransition"),
    constraint_errors={"inventory_quantity_check": "shop.errors:OutOfStock"},
    fields={
        "category_id": "category",
        "name": "name",
        "slug": "slug",
        "description": "description",
        "price": "price",
        "quantity": "quantity",
        "email": "email",
        "status": "status",
        "user_id": "user_id",
        "product_id": "product_id",
        "unit_price": "unit_price",
        "total": "total",
    },
    openapi="shop.openapi:TEXTS",
    models="shop.models:Base",
    demo="scripts.seed:seed_demo",
)

"""The resources of the application shop, as names. Derived by `make derive`: do not edit."""

REPOSITORIES: dict[str, str] = {
    "categories": "shop.categories:CategoryRepository",
    "products": "shop.products:ProductRepository",
    "inventory": "shop.inventory:InventoryRepository",
    "users": "shop.users:UserRepository",
    "orders": "shop.orders:OrderRepository",
}
ROUTES: dict[str, str] = {
    "categories": "shop.routes.categories:api",
    "products": "shop.routes.products:api",
    "inventory": "shop.routes.inventory:api",
    "orders": "shop.routes.orders:api",
}
DECLARATIONS: dict[str, str] = {
    "categories": "shop.categories:CATEGORIES",
    "products": "shop.products:PRODUCTS",
    "inventory": "shop.inventory:INVENTORY",
    "users": "shop.users:USERS",
    "orders": "shop.orders:ORDERS",
    "order_items": "shop.order_items:ORDER_ITEMS",
}
GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "categories": {"categories": ("/api/categories", "/api/categories/{id}")},
    "products": {"products": ("/api/products", "/api/products/{id}")},
    "inventory": {"inventory": ("/api/inventory", "/api/inventory/{product_id}")},
    "users": {"users": ("/api/users", "/api/users/{id}")},
    "orders": {"orders": ("/api/orders", "/api/orders/{id}")},
}
SCOPES: tuple[str, ...] = (
    "catalog:read",
    "catalog:write",
    "users:read",
    "users:write",
    "orders:read",
    "orders:write",
)
REPLICA_SCOPES: tuple[str, ...] = ("catalog:read",)
IMPORTS: tuple[str, ...] = (
    "categories",
    "products",
    "users",
)
ERRORS: dict[str, dict[str, str]] = {
    "public.categories": {
        "id": "id",
        "name": "name",
        "slug": "slug",
        "created_at": "created_at",
        "updated_at": "updated_at",
        "version": "version",
    },
    "public.products": {
        "id": "id",
        "name": "name",
        "description": "description",
        "price": "price",
        "category_id": "category.slug",
        "created_at": "created_at",
        "updated_at": "updated_at",
        "version": "version",
    },
    "public.inventory": {
        "product_id": "product_id",
        "quantity": "quantity",
        "updated_at": "updated_at",
        "version": "version",
    },
    "public.users": {
        "id": "id",
        "email": "email",
        "name": "name",
        "created_at": "created_at",
        "updated_at": "updated_at",
        "version": "version",
    },
    "public.orders": {
        "id": "id",
        "user_id": "user_id",
        "status": "status",
        "total": "total",
        "created_at": "created_at",
        "updated_at": "updated_at",
        "version": "version",
    },
    "public.order_items": {
        "order_id": "order_id",
        "product_id": "product_id",
        "quantity": "quantity",
        "unit_price": "unit_price",
    },
}
CONSTRAINTS: dict[str, tuple[str, tuple[str, ...]]] = {}
SELF_REFERENCES: dict[str, tuple[str, ...]] = {}
KEYS: dict[str, tuple[str, ...]] = {
    "public.inventory": ("product_id",),
    "public.order_items": ("order_id", "product_id"),
}
FUNCTIONS: tuple[str, ...] = ()
TABLES: tuple[tuple[str, dict[str, tuple[str, ...]], bool], ...] = (
    ("public.categories", {"SELECT": (), "INSERT": (), "UPDATE": (), "DELETE": ()}, True),
    ("public.products", {"SELECT": (), "INSERT": (), "UPDATE": (), "DELETE": ()}, True),
    ("public.inventory", {"SELECT": (), "UPDATE": ()}, True),
    ("public.users", {"SELECT": (), "INSERT": (), "UPDATE": (), "DELETE": ()}, True),
    ("public.orders", {"SELECT": (), "INSERT": (), "UPDATE": ()}, True),
    ("public.order_items", {"SELECT": ("order_id", "product_id", "quantity", "unit_price")}, True),
)
ANALYST_TABLES: dict[str, tuple[dict[str, tuple[object, ...]], tuple[tuple[str, ...], ...]]] = {
    "categories": (
        {
            "id": (20, False, "", None),
            "name": (800, True, "", None),
            "slug": (200, True, "", None),
            "created_at": (40, False, "", None),
            "updated_at": (40, False, "", None),
            "version": (20, False, "", None),
        },
        (("id",), ("slug",)),
    ),
    "products": (
        {
            "id": (20, False, "", None),
            "name": (800, True, "", None),
            "description": (40000, True, "", None),
            "price": (20, False, "", None),
            "category_id": (20, False, "categories", None),
            "created_at": (40, False, "", None),
            "updated_at": (40, False, "", None),
            "version": (20, False, "", None),
        },
        (("id",), ("name",)),
    ),
    "inventory": (
        {
            "product_id": (20, False, "products", None),
            "quantity": (20, False, "", None),
            "updated_at": (40, False, "", None),
            "version": (20, False, "", None),
        },
        (("product_id",),),
    ),
    "users": (
        {
            "id": (20, False, "", None),
            "email": (1016, True, "", None),
            "name": (800, True, "", None),
            "created_at": (40, False, "", None),
            "updated_at": (40, False, "", None),
            "version": (20, False, "", None),
        },
        (("id",), ("email",)),
    ),
    "orders": (
        {
            "id": (20, False, "", None),
            "user_id": (20, False, "users", None),
            "status": (9, True, "", 5),
            "total": (20, False, "", None),
            "created_at": (40, False, "", None),
            "updated_at": (40, False, "", None),
            "version": (20, False, "", None),
        },
        (("id",),),
    ),
    "order_items": (
        {
            "order_id": (20, False, "orders", None),
            "product_id": (20, False, "products", None),
            "quantity": (20, False, "", None),
            "unit_price": (20, False, "", None),
        },
        (("order_id", "product_id"),),
    ),
}
GRAPHQL: dict[str, dict[str, object]] = {
    "Category": {"resource": "categories", "scope": "catalog", "replica": True},
    "Product": {
        "resource": "products",
        "scope": "catalog",
        "replica": True,
        "queries": {"list": "products", "row": "product"},
        "ids": ("categoryId",),
        "mutations": {
            "create": "createProduct",
            "update": "updateProduct",
            "delete": "deleteProduct",
        },
        "rows": {"category": ("categories", "category_id")},
    },
    "User": {
        "resource": "users",
        "scope": "users",
        "queries": {"row": "user"},
        "lists": {"orders": ("orders", "user_id")},
    },
    "Order": {
        "resource": "orders",
        "scope": "orders",
        "queries": {"row": "order"},
        "rows": {"user": ("users", "user_id")},
    },
    "OrderItem": {"rows": {"product": ("products", "product_id")}},
}
GRAPHQL_ENUMS: tuple[str, ...] = (
    "ProductSortField",
    "OrderStatus",
)
GRAPHQL_BY_HAND: str = "shop.graphql:PART"

"""The resources of the application studio, as names. Derived by `make derive`: do not edit."""

REPOSITORIES: dict[str, str] = {
    "studios": "studio.studios:StudioRepository",
    "users": "studio.users:StudioUserRepository",
    "orders": "studio.orders:StudioOrderRepository",
    "order_items": "studio.notes:StudioOrderItemRepository",
    "notes": "studio.notes:StudioNoteRepository",
    "labels": "studio.labels:StudioLabelRepository",
    "countries": "studio.studios:StudioCountryRepository",
    "open_orders": "studio.orders:OpenOrderRepository",
    "prices": "studio.rates:StudioPriceRepository",
    "rates": "studio.rates:StudioRateRepository",
    "vouchers": "studio.rates:VoucherRepository",
}
ROUTES: dict[str, str] = {}
DECLARATIONS: dict[str, str] = {
    "studios": "studio.studios:STUDIOS",
    "users": "studio.users:USERS",
    "orders": "studio.orders:ORDERS",
    "order_items": "studio.notes:ORDER_ITEMS",
    "notes": "studio.notes:NOTES",
    "labels": "studio.labels:LABELS",
    "countries": "studio.studios:COUNTRIES",
    "open_orders": "studio.orders:OPEN_ORDERS",
    "prices": "studio.rates:PRICES",
    "rates": "studio.rates:RATES",
    "vouchers": "studio.rates:VOUCHERS",
}
GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "users": {
        "studios": ("/api/studios", "/api/studios/{proxy+}"),
        "users": ("/api/users", "/api/users/{proxy+}"),
        "countries": ("/api/countries", "/api/countries/{code}"),
    },
    "orders": {
        "orders": ("/api/orders", "/api/orders/{proxy+}"),
        "order_items": ("/api/order_items", "/api/order_items/{proxy+}"),
        "notes": ("/api/notes", "/api/notes/{id}"),
        "open_orders": ("/api/open_orders", "/api/open_orders/{id}"),
    },
    "labels": {"labels": ("/api/labels", "/api/labels/{proxy+}")},
    "rates": {
        "prices": ("/api/prices", "/api/prices/{id}"),
        "rates": ("/api/rates", "/api/rates/{proxy+}"),
        "vouchers": ("/api/vouchers", "/api/vouchers/{code}"),
    },
}
SCOPES: tuple[str, ...] = (
    "studios:read",
    "studios:write",
    "users:read",
    "users:write",
    "orders:read",
    "orders:write",
    "order_items:read",
    "order_items:write",
    "notes:read",
    "notes:write",
    "labels:read",
    "labels:write",
    "countries:read",
    "countries:write",
    "open_orders:read",
    "prices:read",
    "prices:write",
    "rates:read",
    "rates:write",
    "vouchers:read",
    "vouchers:write",
)
REPLICA_SCOPES: tuple[str, ...] = ()
IMPORTS: tuple[str, ...] = (
    "users",
    "orders",
    "order_items",
    "notes",
    "labels",
    "countries",
    "prices",
    "rates",
    "vouchers",
)
ERRORS: dict[str, dict[str, str]] = {
    "studio.studios": {"id": "", "name": "name"},
    "studio.users": {
        "id": "id",
        "studio_id": "",
        "email": "email",
        "name": "name",
        "manager_id": "manager_id",
        "country_code": "country_code",
    },
    "studio.orders": {
        "id": "id",
        "studio_id": "",
        "user_id": "user_id",
        "title": "title",
        "status": "status",
        "amount": "amount",
    },
    "studio.order_labels": {"added_at": "added_at"},
    "studio.order_items": {
        "order_id": "order_id",
        "number": "number",
        "title": "title",
        "quantity": "quantity",
    },
    "studio.notes": {
        "id": "id",
        "order_id": "order_id",
        "author_id": "author_id",
        "title": "title",
        "body": "body",
    },
    "studio.labels": {"id": "id", "studio_id": "", "slug": "slug", "title": "title"},
    "studio.countries": {"code": "code", "name": "name"},
    "studio.open_orders": {
        "id": "id",
        "studio_id": "",
        "title": "title",
        "amount": "amount",
        "user": "user",
    },
    "studio.prices": {"id": "id", "studio_id": "", "currency": "currency", "amount": "amount"},
    "studio.rates": {"studio_id": "", "currency": "currency", "rate": "rate"},
    "studio.vouchers": {"code": "code", "studio_id": "", "percent": "percent"},
}
CONSTRAINTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "studio.users_studio_id_email_key": ("studio.users", ("studio_id", "email")),
    "studio.notes_order_id_title_key": ("studio.notes", ("order_id", "title")),
    "studio.labels_studio_id_slug_key": ("studio.labels", ("studio_id", "slug")),
}
SELF_REFERENCES: dict[str, tuple[str, ...]] = {
    "studio.users": ("manager_id",),
}
KEYS: dict[str, tuple[str, ...]] = {
    "studio.order_items": ("order_id", "number"),
    "studio.countries": ("code",),
    "studio.rates": ("studio_id", "currency"),
    "studio.vouchers": ("code",),
}
FUNCTIONS: tuple[str, ...] = (
    "studio.pay",
    "studio.forget",
    "studio.spent",
    "studio.similar",
    "studio.next_open",
)
TABLES: tuple[tuple[str, dict[str, tuple[str, ...]], bool], ...] = (
    ("studio.studios", {"SELECT": ("id", "name"), "UPDATE": ("name",)}, False),
    (
        "studio.users",
        {
            "SELECT": (
                "id",
                "studio_id",
                "email",
                "name",
                "manager_id",
                "country_code",
                "deleted_at",
            ),
            "INSERT": ("email", "name", "manager_id", "country_code", "studio_id"),
            "UPDATE": ("email", "name", "manager_id", "country_code", "deleted_at"),
        },
        False,
    ),
    ("studio.orders", {"SELECT": (), "INSERT": (), "UPDATE": (), "DELETE": ()}, False),
    (
        "studio.order_items",
        {
            "SELECT": ("order_id", "number", "title", "quantity"),
            "INSERT": ("order_id", "number", "title", "quantity"),
            "UPDATE": ("title", "quantity"),
            "DELETE": (),
        },
        False,
    ),
    (
        "studio.notes",
        {
            "SELECT": ("id", "order_id", "author_id", "title", "body"),
            "INSERT": ("order_id", "author_id", "title", "body"),
            "UPDATE": ("order_id", "author_id", "title", "body"),
            "DELETE": (),
        },
        False,
    ),
    (
        "studio.labels",
        {
            "SELECT": ("id", "studio_id", "slug", "title"),
            "INSERT": ("slug", "title", "studio_id"),
            "UPDATE": ("slug", "title"),
            "DELETE": (),
        },
        False,
    ),
    (
        "studio.countries",
        {"SELECT": ("code", "name"), "INSERT": ("code", "name"), "UPDATE": ("name",)},
        False,
    ),
    ("studio.open_orders", {"SELECT": ("id", "studio_id", "title", "amount", "user")}, False),
    (
        "studio.prices",
        {
            "SELECT": ("id", "studio_id", "currency", "amount"),
            "INSERT": ("currency", "amount", "studio_id"),
            "UPDATE": ("currency", "amount"),
            "DELETE": (),
        },
        False,
    ),
    (
        "studio.rates",
        {
            "SELECT": ("studio_id", "currency", "rate"),
            "INSERT": ("currency", "rate", "studio_id"),
            "UPDATE": ("rate",),
            "DELETE": (),
        },
        False,
    ),
    (
        "studio.vouchers",
        {
            "SELECT": ("code", "studio_id", "percent"),
            "INSERT": ("code", "percent", "studio_id"),
            "UPDATE": ("percent",),
            "DELETE": (),
        },
        False,
    ),
    (
        "studio.order_labels",
        {
            "SELECT": ("order_id", "label_id", "added_at", "studio_id"),
            "INSERT": ("order_id", "label_id", "added_at", "studio_id"),
            "UPDATE": ("added_at",),
            "DELETE": (),
        },
        False,
    ),
)
ANALYST_TABLES: dict[str, tuple[dict[str, tuple[object, ...]], tuple[tuple[str, ...], ...]]] = {}
GRAPHQL: dict[str, dict[str, object]] = {
    "Studio": {
        "resource": "studios",
        "scope": "studios",
        "needs_tenant": True,
        "queries": {"list": "studios", "row": "studio"},
        "mutations": {"update": "updateStudio"},
        "lists": {"users": ("users", "studio_id")},
    },
    "User": {
        "resource": "users",
        "scope": "users",
        "needs_tenant": True,
        "queries": {"list": "users", "row": "user"},
        "mutations": {"create": "createUser", "update": "updateUser", "delete": "deleteUser"},
        "lists": {"orders": ("orders", "user_id"), "reports": ("users", "manager_id")},
        "rows": {
            "studio": ("studios", "studio_id"),
            "manager": ("users", "manager_id"),
            "country": ("countries", "country_code"),
        },
    },
    "Order": {
        "resource": "orders",
        "scope": "orders",
        "needs_tenant": True,
        "queries": {"list": "orders", "row": "order"},
        "ids": ("id",),
        "mutations": {"create": "createOrder", "update": "updateOrder", "delete": "deleteOrder"},
        "linking": {
            "linkOrderLabels": ("link", "labels", "labels", "labels:read"),
            "unlinkOrderLabels": ("unlink", "labels", "labels", "labels:read"),
        },
        "functions": {
            "spent": ("spent", "orders:read", 1),
            "similar": ("similar", "orders:read", 100),
        },
        "calls": {
            "payOrder": ("pay", "orders:write"),
            "forgetOrder": ("forget", "orders:write"),
            "nextOpenOrder": ("next_open", "orders:write"),
        },
        "lists": {"items": ("order_items", "order_id"), "notes": ("notes", "order_id")},
        "links": {"labels": ("labels", "labels")},
        "rows": {"studio": ("studios", "studio_id"), "user": ("users", "user_id")},
    },
    "OrderLabelsEdge": {"columns": {"addedAt": "$added_at"}},
    "LinkOrderLabelsPayload": {
        "rows": {"order": ("orders", ("id",))},
        "edges": {"edge": ("orders", "labels", "labels")},
    },
    "UnlinkOrderLabelsPayload": {
        "rows": {"order": ("orders", ("id",))},
        "columns": {"labelId": ("other",)},
    },
    "OrderItem": {
        "resource": "order_items",
        "scope": "order_items",
        "needs_tenant": True,
        "queries": {"list": "orderItems", "row": "orderItem", "key": "orderItemByKey"},
        "mutations": {
            "create": "createOrderItem",
            "update": "updateOrderItem",
            "delete": "deleteOrderItem",
        },
        "key": ("order_id", "number"),
        "rows": {"order": ("orders", "order_id")},
    },
    "Note": {
        "resource": "notes",
        "scope": "notes",
        "needs_tenant": True,
        "queries": {"list": "notes", "row": "note"},
        "ids": ("orderId",),
        "mutations": {"create": "createNote", "update": "updateNote", "delete": "deleteNote"},
        "rows": {"order": ("orders", "order_id"), "author": ("users", "author_id")},
    },
    "Label": {
        "resource": "labels",
        "scope": "labels",
        "needs_tenant": True,
        "queries": {"list": "labels", "row": "label"},
        "mutations": {"create": "createLabel", "update": "updateLabel", "delete": "deleteLabel"},
        "links": {"orders": ("orders", "orders")},
        "rows": {"studio": ("studios", "studio_id")},
    },
    "Country": {
        "resource": "countries",
        "scope": "countries",
        "queries": {"list": "countries", "row": "country"},
        "mutations": {"create": "createCountry", "update": "updateCountry"},
        "key": ("code",),
    },
    "OpenOrder": {
        "resource": "open_orders",
        "scope": "open_orders",
        "needs_tenant": True,
        "queries": {"list": "openOrders", "row": "openOrder"},
    },
    "Price": {
        "resource": "prices",
        "scope": "prices",
        "needs_tenant": True,
        "queries": {"list": "prices", "row": "price"},
        "mutations": {"create": "createPrice", "update": "updatePrice", "delete": "deletePrice"},
        "rows": {"studio": ("studios", "studio_id"), "rate": ("rates", ("studio_id", "currency"))},
    },
    "Rate": {
        "resource": "rates",
        "scope": "rates",
        "needs_tenant": True,
        "queries": {"list": "rates", "row": "rate", "key": "rateByKey"},
        "mutations": {"create": "createRate", "update": "updateRate", "delete": "deleteRate"},
        "key": ("studio_id", "currency"),
        "lists": {"prices": ("prices", "studio_id,currency")},
        "rows": {"studio": ("studios", "studio_id")},
    },
    "Voucher": {
        "resource": "vouchers",
        "scope": "vouchers",
        "needs_tenant": True,
        "queries": {"list": "vouchers", "row": "voucher"},
        "mutations": {
            "create": "createVoucher",
            "update": "updateVoucher",
            "delete": "deleteVoucher",
        },
        "key": ("code",),
        "rows": {"studio": ("studios", "studio_id")},
    },
}
GRAPHQL_ENUMS: tuple[str, ...] = (
    "StudioSortField",
    "UserSortField",
    "OrderStatus",
    "OrderSortField",
    "OrderItemSortField",
    "NoteSortField",
    "LabelSortField",
    "CountrySortField",
    "OpenOrderSortField",
    "PriceSortField",
    "RateSortField",
    "VoucherSortField",
)
GRAPHQL_BY_HAND: str = ""
TENANT: str = "uuid"

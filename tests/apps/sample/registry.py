"""The resources of the application sample, as names. Derived by `make derive`: do not edit."""

REPOSITORIES: dict[str, str] = {
    "shelves": "sample.shelves:ShelfRepository",
    "books": "sample.books:BookRepository",
    "readers": "sample.readers:ReaderRepository",
}
ROUTES: dict[str, str] = {
    "shelves": "sample.routes.shelves:api",
    "books": "sample.routes.books:api",
}
DECLARATIONS: dict[str, str] = {
    "shelves": "sample.shelves:SHELVES",
    "books": "sample.books:BOOKS",
    "readers": "sample.readers:READERS",
}
GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "shelves": {"shelves": ("/api/shelves", "/api/shelves/{proxy+}")},
    "books": {"books": ("/api/books", "/api/books/{id}")},
    "readers": {"readers": ("/api/readers", "/api/readers/{id}")},
}
SCOPES: tuple[str, ...] = (
    "library:read",
    "library:write",
    "readers:read",
    "readers:write",
)
REPLICA_SCOPES: tuple[str, ...] = ("library:read",)
IMPORTS: tuple[str, ...] = (
    "shelves",
    "books",
    "readers",
)
ERRORS: dict[str, dict[str, str]] = {
    "public.shelves": {
        "id": "id",
        "name": "name",
        "slug": "slug",
        "created_at": "created_at",
        "updated_at": "updated_at",
        "version": "version",
    },
    "public.books": {
        "id": "id",
        "name": "name",
        "description": "description",
        "price": "price",
        "shelf_id": "shelf.slug",
        "copies": "copies",
        "created_at": "created_at",
        "updated_at": "updated_at",
        "version": "version",
    },
    "public.readers": {
        "id": "id",
        "email": "email",
        "name": "name",
        "created_at": "created_at",
        "updated_at": "updated_at",
        "version": "version",
    },
}
CONSTRAINTS: dict[str, tuple[str, tuple[str, ...]]] = {}
SELF_REFERENCES: dict[str, tuple[str, ...]] = {}
KEYS: dict[str, tuple[str, ...]] = {}
FUNCTIONS: tuple[str, ...] = ()
TABLES: tuple[tuple[str, dict[str, tuple[str, ...]], bool], ...] = (
    ("public.shelves", {"SELECT": (), "INSERT": (), "UPDATE": (), "DELETE": ()}, True),
    ("public.books", {"SELECT": (), "INSERT": (), "UPDATE": (), "DELETE": ()}, True),
    ("public.readers", {"SELECT": (), "INSERT": (), "UPDATE": (), "DELETE": ()}, True),
)
ANALYST_TABLES: dict[str, tuple[dict[str, tuple[object, ...]], tuple[tuple[str, ...], ...]]] = {
    "shelves": (
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
    "books": (
        {
            "id": (20, False, "", None),
            "name": (800, True, "", None),
            "description": (40000, True, "", None),
            "price": (20, False, "", None),
            "shelf_id": (20, False, "shelves", None),
            "copies": (20, False, "", None),
            "created_at": (40, False, "", None),
            "updated_at": (40, False, "", None),
            "version": (20, False, "", None),
        },
        (("id",), ("name",)),
    ),
    "readers": (
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
}
GRAPHQL: dict[str, dict[str, object]] = {
    "Shelf": {
        "resource": "shelves",
        "scope": "library",
        "replica": True,
        "queries": {"row": "shelf"},
        "mutations": {"create": "createShelf", "update": "updateShelf", "delete": "deleteShelf"},
    },
    "Book": {
        "resource": "books",
        "scope": "library",
        "replica": True,
        "queries": {"list": "books", "row": "book"},
        "ids": ("shelfId",),
        "mutations": {"create": "createBook", "update": "updateBook", "delete": "deleteBook"},
        "rows": {"shelf": ("shelves", "shelf_id")},
    },
    "Reader": {
        "resource": "readers",
        "scope": "readers",
        "queries": {"list": "readers", "row": "reader"},
        "mutations": {"create": "createReader", "update": "updateReader", "delete": "deleteReader"},
    },
}
GRAPHQL_ENUMS: tuple[str, ...] = (
    "BookSortField",
    "ReaderSortField",
)
GRAPHQL_BY_HAND: str = "sample.graphql:PART"

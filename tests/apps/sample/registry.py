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
    "shelves": {"shelves": ("/api/shelves", "/api/shelves/{id}")},
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
ERROR_FIELDS: dict[str, str] = {
    "copies": "copies",
    "created_at": "created_at",
    "description": "description",
    "email": "email",
    "id": "id",
    "name": "name",
    "price": "price",
    "shelf_id": "shelf",
    "slug": "slug",
    "updated_at": "updated_at",
    "version": "version",
}
TABLES: tuple[tuple[str, str, bool], ...] = (
    ("public.shelves", "SELECT, INSERT, UPDATE, DELETE", True),
    ("public.books", "SELECT, INSERT, UPDATE, DELETE", True),
    ("public.readers", "SELECT, INSERT, UPDATE, DELETE", True),
)
GRAPHQL: dict[str, dict[str, object]] = {}
GRAPHQL_ENUMS: tuple[str, ...] = ()
GRAPHQL_BY_HAND: str = ""

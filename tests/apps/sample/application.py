"""A lending library: shelves, books and readers. The engine's tests run on it."""

from sluice.application import Application, ApplicationFunction

_FOLDER = "tests/apps/sample/functions"

APPLICATION = Application(
    format=1,
    name="sample",
    functions_folder=_FOLDER,
    order=("shelves", "books", "readers", "analytics"),
    functions=(
        ApplicationFunction(
            f"{_FOLDER}/shelves", {"Collection": "/api/shelves", "Item": "/api/shelves/{id}"}
        ),
        ApplicationFunction(
            f"{_FOLDER}/books", {"Collection": "/api/books", "Item": "/api/books/{id}"}
        ),
        ApplicationFunction(
            f"{_FOLDER}/readers", {"Collection": "/api/readers", "Item": "/api/readers/{id}"}
        ),
        ApplicationFunction(
            f"{_FOLDER}/analytics", {"Query": "/api/analytics/query"}, analyst=True
        ),
    ),
    scopes=("library:read", "library:write", "readers:read", "readers:write"),
    replica_scopes=("library:read",),
    repositories={
        "shelves": "sample.shelves:ShelfRepository",
        "books": "sample.books:BookRepository",
        "readers": "sample.readers:ReaderRepository",
    },
    imports={
        "books": "sample.imports:BOOKS",
        "shelves": "sample.imports:SHELVES",
        "readers": "sample.imports:READERS",
    },
    analytics="sample.analytics:CATALOGUE",
    graphql="sample.graphql:PART",
    openapi="sample.openapi:TEXTS",
    error_classes=("sample.errors:NoCopies",),
    constraint_errors={"books_copies_check": "sample.errors:NoCopies"},
    fields={
        "name": "name",
        "slug": "slug",
        "description": "description",
        "price": "price",
        "shelf_id": "shelf",
        "copies": "copies",
        "email": "email",
    },
)

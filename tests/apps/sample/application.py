"""A lending library: shelves, books and readers. The engine's tests run on it."""

from sluice.application import Application, ApplicationFunction

_FOLDER = "tests/apps/sample/functions"

APPLICATION = Application(
    format=1,
    name="sample",
    functions_folder=_FOLDER,
    order=("shelves", "books", "readers", "analytics"),
    import_order=("books", "shelves", "readers"),
    functions=(
        ApplicationFunction(
            f"{_FOLDER}/analytics", {"Query": "/api/analytics/query"}, analyst=True
        ),
    ),
    analytics="sample.analyst_tables:CATALOGUE",
    openapi="sample.openapi:TEXTS",
    error_classes=("sample.errors:NoCopies",),
    constraint_errors={"books_copies_check": "sample.errors:NoCopies"},
)

"""The tables of the library that ad-hoc SQL may read."""

from sluice.adhoc_sql.catalogue import AnalystTable, Catalogue, number, text, time

_ROW_COLUMNS = {"created_at": time(), "updated_at": time(), "version": number()}
_NAME = text(200)

CATALOGUE = Catalogue(
    tables={
        "shelves": AnalystTable(
            {"id": number(), "name": _NAME, "slug": text(200, ascii_only=True), **_ROW_COLUMNS},
            keys=(("id",), ("slug",)),
        ),
        "books": AnalystTable(
            {
                "id": number(),
                "name": _NAME,
                "description": text(10_000),
                "price": number(),
                "shelf_id": number(references="shelves"),
                "copies": number(),
                **_ROW_COLUMNS,
            },
            keys=(("id",), ("name",)),
        ),
        "readers": AnalystTable(
            {"id": number(), "email": text(254), "name": _NAME, **_ROW_COLUMNS},
            keys=(("id",), ("email",)),
        ),
    },
    selective_columns=frozenset({"id", "name", "slug", "email"}),
)

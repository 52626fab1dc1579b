"""The tables of the tests of ad-hoc SQL, as an application would declare them."""

from sluice.adhoc_sql.catalogue import AnalystTable, Catalogue, number, text, time

_ROW_COLUMNS = {"created_at": time(), "updated_at": time(), "version": number()}
_NAME = text(200)

CATALOGUE = Catalogue(
    tables={
        "categories": AnalystTable(
            {"id": number(), "name": _NAME, "slug": text(200, ascii_only=True), **_ROW_COLUMNS},
            keys=(("id",), ("slug",)),
        ),
        "products": AnalystTable(
            {
                "id": number(),
                "name": _NAME,
                "description": text(10_000),
                "price": number(),
                "category_id": number(references="categories"),
                **_ROW_COLUMNS,
            },
            keys=(("id",), ("name",)),
        ),
        "inventory": AnalystTable(
            {
                "product_id": number(references="products"),
                "quantity": number(),
                "updated_at": time(),
                "version": number(),
            },
            keys=(("product_id",),),
        ),
        "users": AnalystTable(
            {"id": number(), "email": text(254), "name": _NAME, **_ROW_COLUMNS},
            keys=(("id",), ("email",)),
        ),
        "orders": AnalystTable(
            {
                "id": number(),
                "user_id": number(references="users"),
                "status": text(9, ascii_only=True, distinct=5),
                "total": number(),
                **_ROW_COLUMNS,
            },
            keys=(("id",),),
        ),
        "order_items": AnalystTable(
            {
                "order_id": number(references="orders"),
                "product_id": number(references="products"),
                "quantity": number(),
                "unit_price": number(),
            },
            keys=(("order_id", "product_id"),),
        ),
    },
    selective_columns=frozenset(
        {"id", "order_id", "product_id", "user_id", "name", "email", "slug"}
    ),
)

"""The tables of the shop that ad-hoc SQL may read."""

from shop.fields import DESCRIPTION, EMAIL, NAME, SLUG
from sluice.adhoc_sql.catalogue import AnalystColumn, AnalystTable, Catalogue, number, text, time
from sluice.kinds.field import Field


def _text_of(field: Field) -> AnalystColumn:
    return AnalystColumn(field.analyst_bytes(), text=True)


_ROW_COLUMNS = {"created_at": time(), "updated_at": time(), "version": number()}
_NAME = _text_of(NAME)

CATALOGUE = Catalogue(
    tables={
        "categories": AnalystTable(
            {
                "id": number(),
                "name": _NAME,
                "slug": _text_of(SLUG),
                **_ROW_COLUMNS,
            },
            keys=(("id",), ("slug",)),
        ),
        "products": AnalystTable(
            {
                "id": number(),
                "name": _NAME,
                "description": _text_of(DESCRIPTION),
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
            {"id": number(), "email": _text_of(EMAIL), "name": _NAME, **_ROW_COLUMNS},
            keys=(("id",), ("email",)),
        ),
        "orders": AnalystTable(
            {
                "id": number(),
                "user_id": number(references="users"),
                "status": text(9, ascii_only=True, distinct=5),  # those of shop.orders.STATUSES
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

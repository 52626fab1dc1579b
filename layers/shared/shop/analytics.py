"""The tables of the shop that ad-hoc SQL may read."""

from shop.fields import DESCRIPTION, EMAIL, NAME, SLUG, STATUSES
from sluice.adhoc_sql.catalogue import AnalystTable, Catalogue, number, text, time

_ROW_COLUMNS = {"created_at": time(), "updated_at": time(), "version": number()}
_NAME = text(NAME.max_length)
_STATUS = text(max(map(len, STATUSES)), ascii_only=True, distinct=len(STATUSES))

CATALOGUE = Catalogue(
    tables={
        "categories": AnalystTable(
            {
                "id": number(),
                "name": _NAME,
                "slug": text(SLUG.max_length, ascii_only=True),
                **_ROW_COLUMNS,
            },
            keys=(("id",), ("slug",)),
        ),
        "products": AnalystTable(
            {
                "id": number(),
                "name": _NAME,
                "description": text(DESCRIPTION.max_length),
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
            {"id": number(), "email": text(EMAIL.max_length), "name": _NAME, **_ROW_COLUMNS},
            keys=(("id",), ("email",)),
        ),
        "orders": AnalystTable(
            {
                "id": number(),
                "user_id": number(references="users"),
                "status": _STATUS,
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
    example=(
        "select status, count(*) as orders, sum(total) as revenue"
        " from orders group by status order by status"
    ),
)

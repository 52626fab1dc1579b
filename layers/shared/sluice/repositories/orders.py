"""Orders and their items, placed and moved in one statement each, with the stock they take and return."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sluice.errors import FieldError, NotFound, StaleVersion, ValidationFailed
from sluice.repositories import idempotency
from sluice.repositories.conditional_write import NO_PRECONDITION, Precondition, matches
from sluice.repositories.idempotency import IdempotencyKey
from sluice.repositories.list_spec import Filter, ListSpec, Sort
from sluice.repositories.projection import (
    Column,
    Projection,
    Representation,
    decimal,
    integer,
    text,
    timestamp,
)
from sluice.repositories.read_repository import ConnectionRepository

ITEM = {
    "product_id": integer("product_id"),
    "quantity": integer("quantity"),
    "unit_price": decimal("unit_price"),
}


def items(lines: str) -> Column:
    """An order's items, by product; `lines` is where they are."""
    fields = ", ".join(f"{column.sql} AS {name}" for name, column in ITEM.items())
    sql = f"""(
        SELECT CAST('[' || coalesce(string_agg(row_to_json(l)::text, ',' ORDER BY l.product_id), '') || ']' AS json)
        FROM (SELECT {fields} FROM {lines} WHERE order_id = o.id) l
    )"""
    return Column(sql, "json", item_fields=ITEM)


PROJECTION = Projection(
    name="orders",
    singular="order",
    source="orders o",
    key="o.id",
    fields={
        "id": integer("o.id"),
        "user_id": integer("o.user_id"),
        "status": text("o.status"),
        "items": items("order_items"),
        "total": decimal("o.total"),
        "created_at": timestamp("o.created_at"),
        "updated_at": timestamp("o.updated_at"),
        "version": integer("o.version"),
    },
    etag="o.version::text",  # items never change
)

STATUSES = ("pending", "paid", "shipped", "delivered", "cancelled")

LIST_SPEC = ListSpec(
    projection=PROJECTION,
    filters={
        "user_id": Filter("integer", "o.user_id = CAST(:user_id AS bigint)"),
        "status": Filter("choice", "o.status = :status", choices=STATUSES),
        "created_after": Filter("timestamp", "o.created_at >= CAST(:created_after AS timestamptz)"),
        "created_before": Filter(
            "timestamp", "o.created_at < CAST(:created_before AS timestamptz)"
        ),
        # An order has a product once, so it is listed once.
        "product_id": Filter(
            "integer",
            "i.product_id = CAST(:product_id AS bigint)",
            join="JOIN order_items i ON i.order_id = o.id",
        ),
    },
    sorts={
        "id": Sort("o.id", "bigint", unique=True, equivalent_column="i.order_id"),
        "created_at": Sort("o.created_at", "timestamptz"),
        "total": Sort("o.total", "numeric"),
    },
    parent_columns={"user_id": "o.user_id"},
)

# May the order be placed, and then: what is it? The function decides and writes (migration 0005); what it wrote is not
# visible to the statement that calls it, so the order's JSON is made of what it gives.
PLACE = """
    p AS MATERIALIZED (
        SELECT * FROM public.place_order(
            CAST(:user_id AS bigint), CAST(:product_ids AS bigint[]), CAST(:quantities AS bigint[])
        )
    ), o AS (
        SELECT (p.placed).* FROM p WHERE (p.placed).id IS NOT NULL
    ), lines AS (
        SELECT o.id AS order_id, l.* FROM o, p, unnest(
            CAST(:product_ids AS bigint[]), CAST(:quantities AS bigint[]), p.prices
        ) AS l(product_id, quantity, unit_price)
    )
"""
PLACED = f"""
    SELECT r.json, r.etag, r.id, p.user_known, p.unknown, p.short, p.available
    FROM p LEFT JOIN (
        SELECT {replace(PROJECTION, fields={**PROJECTION.fields, "items": items("lines")}).record()} FROM o
    ) r ON true
"""

# Moves an order whose status is one of `from`, and returns its stock where it is cancelled by that.
MOVE = f"""
    WITH target AS (
        SELECT o.id, o.status, {matches(PROJECTION)},
               (CAST(:user_id AS bigint) IS NULL OR o.user_id = CAST(:user_id AS bigint)) AS same_user,
               (CAST(:product_ids AS bigint[]) IS NULL OR (
                   SELECT array_agg(product_id ORDER BY product_id) = CAST(:product_ids AS bigint[])
                      AND array_agg(CAST(quantity AS bigint) ORDER BY product_id) = CAST(:quantities AS bigint[])
                   FROM order_items WHERE order_id = o.id
               )) AS same_items
        FROM orders o WHERE o.id = CAST(:id AS bigint) FOR NO KEY UPDATE OF o
    ), o AS (
        UPDATE orders o SET status = coalesce(:status, t.status) FROM target t
        WHERE o.id = t.id AND t.matches AND t.same_user AND t.same_items AND t.status = ANY (CAST(:from AS text[]))
        RETURNING o.*, t.status AS was
    ), returned AS MATERIALIZED (
        SELECT i.product_id, i.quantity + l.quantity AS quantity
        FROM o JOIN order_items l ON l.order_id = o.id JOIN inventory i ON i.product_id = l.product_id
        WHERE o.status = 'cancelled' AND o.was <> 'cancelled' ORDER BY i.product_id FOR NO KEY UPDATE OF i
    ), stock AS (
        UPDATE inventory i SET quantity = r.quantity FROM returned r WHERE i.product_id = r.product_id
    )
    SELECT r.json, r.etag, r.id, target.status, target.matches, target.same_user, target.same_items
    FROM target LEFT JOIN (SELECT {PROJECTION.record()} FROM o) r ON true
"""


class ImmutableFields(NamedTuple):
    """What a client repeats of an order that cannot change. Items are (product id, quantity); None is left out."""

    user_id: int | None = None
    items: Sequence[tuple[int, int]] | None = None


NO_IMMUTABLE_FIELDS = ImmutableFields()


@dataclass(frozen=True, slots=True)
class PlaceOrderResult:
    """What became of an order: its record, or None and why. `short` is what is left of each product with too little."""

    record: Representation | None
    user_known: bool
    unknown: frozenset[int]
    short: dict[int, int]


class OrderRepository(ConnectionRepository):
    """Every statement about orders."""

    list_spec = graphql_list_spec = LIST_SPEC
    parent_filter = "user_id"

    def place(
        self, user_id: int, items: Sequence[tuple[int, int]], key: IdempotencyKey | None = None
    ) -> PlaceOrderResult:
        """Take the stock of each (product id, quantity), fix the prices and write the order: all of it or nothing.

        No product may be named twice. RolledBack where stock was taken in between, after a few attempts; with a key,
        also IdempotencyInProgress and IdempotencyKeyReused.
        """
        items = sorted(items)
        values = {
            "user_id": user_id,
            "product_ids": [product_id for product_id, _ in items],
            "quantities": [quantity for _, quantity in items],
        }
        statement = idempotency.keep(PLACE, PLACED, key)
        row = self._statements.write(
            statement,
            idempotency.bound(values, key),
            preceding=idempotency.claim(key),
            prepare=True,
        )[0]
        return PlaceOrderResult(
            record=None if row.json is None else Representation(row.json, row.etag, row.id),
            user_known=row.user_known,
            unknown=frozenset(row.unknown or ()),
            short=dict(zip(row.short or (), row.available or (), strict=True)),
        )

    def update_status(
        self,
        id: int,
        status: str | None,
        *,
        from_: Collection[str],
        precondition: Precondition = NO_PRECONDITION,
        immutable_fields: ImmutableFields = NO_IMMUTABLE_FIELDS,
    ) -> tuple[Representation | None, str]:
        """The order with its new status, or None where it is in none of `from_`; and the status it had.

        None as `status` keeps the one that the order has.
        NotFound; StaleVersion; ValidationFailed where `repeated` is not what is stored. Where the order is cancelled,
        its stock is returned.
        """
        items = None if immutable_fields.items is None else sorted(immutable_fields.items)
        values = {
            "id": id,
            "status": status,
            "from": list(from_),
            "user_id": immutable_fields.user_id,
            "product_ids": None if items is None else [product_id for product_id, _ in items],
            "quantities": None if items is None else [quantity for _, quantity in items],
            **precondition.values(),
        }
        rows = self._statements.write(MOVE, values, prepare=True)
        if not rows:
            raise NotFound
        json, etag, id, was, matched, same_user, same_items = rows[0]
        if not matched:
            raise StaleVersion
        errors = [
            FieldError("immutable", "cannot change once the order is placed", pointer=pointer)
            for pointer, same in (("/user_id", same_user), ("/items", same_items))
            if not same
        ]
        if errors:
            raise ValidationFailed(errors=errors)
        return None if json is None else Representation(json, etag, id), was

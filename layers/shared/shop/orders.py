"""Orders and their items, at /api/orders.

The declaration is ORDERS. Placing an order and changing its status are one statement each, by hand.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

from shop.order_items import ORDER_ITEMS
from sluice.errors import FieldError, StaleVersion, ValidationFailed
from sluice.kinds.choice import Choice
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.items import Items
from sluice.kinds.numeric import Numeric
from sluice.kinds.ref import Ref
from sluice.kinds.timestamp import Timestamp
from sluice.query import Query
from sluice.resource import GraphQL, Resource
from sluice.sql.derived import derived
from sluice.sql.idempotency import IdempotencyKey, idempotent_query
from sluice.sql.list_spec import FilterSql
from sluice.sql.precondition import NO_PRECONDITION, Precondition, match_condition
from sluice.sql.projection import Column, Join, Representation
from sluice.sql.repository import first_row
from sluice.sql.resource_repository import ResourceRepository

# Status → the statuses that may follow it.
TRANSITIONS = {
    "pending": ("paid", "cancelled"),
    "paid": ("shipped", "cancelled"),
    "shipped": ("delivered",),
    "delivered": (),
    "cancelled": (),
}
STATUSES = tuple(TRANSITIONS)
ITEMS = Items(
    "items",
    of=ORDER_ITEMS,
    foreign_key="order_id",
    max_items=100,
    description="The products of the order, each of them once.",
)
ORDERS = Resource(
    name="orders",
    singular="order",
    description="An order of one or more products.",
    table="public.orders",
    group="orders",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Ref(
            "user_id",
            resource="users",
            expand=False,
            filter="equal",
            description="The user who placed the order.",
        ),
        Choice(
            "status",
            STATUSES,
            read_only=True,
            filter="equal",
            description="The order's current status.",
            example="paid",
        ),
        ITEMS,
        Numeric(
            "total",
            precision=18,
            scale=2,
            minimum=0,
            read_only=True,
            sort=True,
            description="The sum of all items.",
        ),
        Timestamp(
            "created_at",
            read_only=True,
            filter="range",
            filter_name="created",
            sort=True,
            description="When the order was placed.",
        ),
        Timestamp("updated_at", read_only=True),
        Integer("version", read_only=True),
    ],
    filters=[BigInt("product_id", minimum=1)],
    writes=["create", "update"],
    etag="version",  # items never change
    analytics=True,
    graphql=GraphQL(queries=["order"], mutations=[], hidden=["updated_at", "version"]),
)


def items_sql(source: str) -> str:
    """Return the SQL of an order's items from `source`, in the order of their products."""
    fields = ", ".join(f"{item.select(item.name)} AS {item.name}" for item in ITEMS.item_fields)
    return f"""(
        SELECT CAST(
            '[' || coalesce(string_agg(row_to_json(l)::text, ',' ORDER BY l.product_id), '') || ']'
            AS json
        )
        FROM (SELECT {fields} FROM {source} WHERE order_id = o.id) l
    )"""


COLUMNS = {"items": items_sql("order_items")}
FILTERS = {
    # An order has a product at most once, so the join does not repeat an order.
    "product_id": FilterSql(
        "i.product_id = CAST(:product_id AS bigint)",
        join=Join("order_items", "i", on={"order_id": "o.id"}),
    ),
}

# public.place_order (migration 0003) checks whether the order is possible, and writes it. The
# statement that calls it does not see the rows that it wrote, so the return values become the JSON.
PLACE_ORDER_CTES = """
    p AS MATERIALIZED (
        SELECT * FROM public.place_order(
            CAST(:user_id AS bigint),
            CAST(:product_ids AS bigint[]),
            CAST(:quantities AS bigint[])
        )
    ), o AS (
        SELECT (p.new_order).* FROM p WHERE (p.new_order).id IS NOT NULL
    ), items AS (
        SELECT o.id AS order_id, l.* FROM o, p, unnest(
            CAST(:product_ids AS bigint[]),
            CAST(:quantities AS bigint[]),
            p.prices
        ) AS l(product_id, quantity, unit_price)
    )
"""
PLACE_ORDER_SELECT = """
    SELECT r.json, r.etag, r.id, p.user_known, p.unknown, p.insufficient, p.available
    FROM p
    LEFT JOIN (SELECT {representation} FROM o) r ON true
"""

# Sets the status if the current one is one of :from. A cancelled order returns its stock.
UPDATE_STATUS_SQL = """
    WITH target AS (
        SELECT
            o.id,
            o.status,
            {matches},
            (CAST(:user_id AS bigint) IS NULL OR o.user_id = CAST(:user_id AS bigint)) AS same_user,
            (CAST(:product_ids AS bigint[]) IS NULL OR (
                SELECT
                    array_agg(product_id ORDER BY product_id) = CAST(:product_ids AS bigint[])
                    AND array_agg(CAST(quantity AS bigint) ORDER BY product_id)
                        = CAST(:quantities AS bigint[])
                FROM order_items WHERE order_id = o.id
            )) AS same_items
        FROM orders o WHERE o.id = CAST(:id AS bigint)
        FOR NO KEY UPDATE OF o
    ), o AS (
        UPDATE orders o SET status = coalesce(:status, t.status)
        FROM target t
        WHERE o.id = t.id AND t.matches AND t.same_user AND t.same_items
            AND t.status = ANY (CAST(:from AS text[]))
        RETURNING o.*, t.status AS previous_status
    ), returned AS MATERIALIZED (
        SELECT i.product_id, i.quantity + l.quantity AS quantity
        FROM o
        JOIN order_items l ON l.order_id = o.id
        JOIN inventory i ON i.product_id = l.product_id
        WHERE o.status = 'cancelled' AND o.previous_status <> 'cancelled'
        ORDER BY i.product_id
        FOR NO KEY UPDATE OF i
    ), stock AS (
        UPDATE inventory i SET quantity = r.quantity
        FROM returned r WHERE i.product_id = r.product_id
    )
    SELECT r.json, r.etag, r.id, target.status, target.matches, target.same_user, target.same_items
    FROM target
    LEFT JOIN (SELECT {representation} FROM o) r ON true
"""


class ImmutableFields(NamedTuple):
    """Fields of an order that cannot change, as a client sent them. None means not sent.

    `items` are (product id, quantity).
    """

    user_id: int | None = None
    items: Sequence[tuple[int, int]] | None = None


NO_IMMUTABLE_FIELDS = ImmutableFields()


class PlaceOrderResult(NamedTuple):
    """The new order, or the reasons why there is none.

    `unknown` are ids of products that do not exist. `insufficient` has the quantity left of each
    product with too little stock.
    """

    order: Representation | None
    user_known: bool
    unknown: frozenset[int]
    insufficient: dict[int, int]


def _place_select(repository: Any) -> str:
    """Return the SELECT of a placed order, whose items are in the statement."""
    fields = repository.projection.fields
    items = Column(items_sql("items"), ITEMS)
    new_order = replace(repository.projection, fields={**fields, "items": items})
    return PLACE_ORDER_SELECT.format(representation=new_order.representation())


def _update_status_sql(repository: Any) -> str:
    projection = repository.projection
    return UPDATE_STATUS_SQL.format(
        matches=match_condition(projection), representation=projection.representation()
    )


class OrderRepository(ResourceRepository):
    """Reads, places and updates orders."""

    resource = ORDERS
    column_sql = COLUMNS
    filter_sql = FILTERS
    list_order = ("id", "created_at")
    place_select: ClassVar[str] = derived(_place_select)
    update_status_sql: ClassVar[str] = derived(_update_status_sql)

    def place(
        self, user_id: int, items: Sequence[tuple[int, int]], key: IdempotencyKey | None = None
    ) -> PlaceOrderResult:
        """Take the stock of each (product id, quantity), fix the prices and write the order.

        All of this happens, or nothing does. A product may occur once. Raises RolledBack if other
        orders take the stock at the same time, in each of a few attempts. With a key, also raises
        IdempotencyInProgress and IdempotencyKeyReused.
        """
        items = sorted(items)
        values = {
            "user_id": user_id,
            "product_ids": [product_id for product_id, _ in items],
            "quantities": [quantity for _, quantity in items],
        }
        query = idempotent_query(PLACE_ORDER_CTES, self.place_select, values, key)
        row = self._executor.write(query)[0]
        return PlaceOrderResult(
            order=_order_of(row),
            user_known=row.user_known,
            unknown=frozenset(row.unknown or ()),
            insufficient=dict(zip(row.insufficient or (), row.available or (), strict=True)),
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
        """Set the status of an order, and return the order and its previous status.

        With `status` None the order keeps its status. The order is None if its status is not one
        of `from_`. The stock of a cancelled order is returned in the same statement.

        Raises NotFound, StaleVersion, and ValidationFailed if `immutable_fields` differ from the
        stored values.
        """
        params = {
            "id": id,
            "status": status,
            "from": list(from_),
            **_params_of(immutable_fields),
            **precondition.params(),
        }
        row = first_row(self._executor.write(Query(self.update_status_sql, params, prepare=True)))
        if not row.matches:
            raise StaleVersion
        errors = [
            FieldError("immutable", "cannot change once the order is placed", pointer=pointer)
            for pointer, same in (("/user_id", row.same_user), ("/items", row.same_items))
            if not same
        ]
        if errors:
            raise ValidationFailed(errors=errors)
        return _order_of(row), row.status


def _order_of(row: Any) -> Representation | None:
    return None if row.json is None else Representation.of(row)


def _params_of(fields: ImmutableFields) -> dict[str, object]:
    product_ids = quantities = None
    if fields.items is not None:
        items = sorted(fields.items)
        product_ids = [product_id for product_id, _ in items]
        quantities = [quantity for _, quantity in items]
    return {"user_id": fields.user_id, "product_ids": product_ids, "quantities": quantities}

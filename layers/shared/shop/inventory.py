"""Stock, at /api/inventory: one row for each product, and never below zero.

The declaration is INVENTORY. Stock is set, adjusted, or updated in bulk, by SQL by hand.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from shop.errors import OutOfStock
from sluice.errors import FieldError, StaleVersion, ValidationFailed
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.ref import Ref
from sluice.kinds.timestamp import Timestamp
from sluice.query import Query
from sluice.resource import GraphQL, Resource
from sluice.sql.derived import derived
from sluice.sql.precondition import NO_PRECONDITION, Precondition, match_condition
from sluice.sql.projection import Representation
from sluice.sql.repository import first_row
from sluice.sql.resource_repository import ResourceRepository

QUANTITY = Integer("quantity", minimum=0, sort=True, example=7)
INVENTORY = Resource(
    name="inventory",
    singular="stock",
    description="The stock of a product.",
    table="public.inventory",
    group="inventory",
    scope="catalog",
    key=Ref(
        "product_id",
        resource="products",
        expand=False,
        sort=True,
        filter="in",
        filter_name="product_ids",
    ),
    fields=[
        QUANTITY,
        Timestamp("updated_at", read_only=True, sort=True),
        Integer("version", read_only=True),
    ],
    filters=[BigInt("below", minimum=0)],
    writes=["replace", "update"],
    etag="version",
    analytics=True,
    graphql=GraphQL(queries=[], mutations=[]),
)
FILTERS = {"below": "i.quantity < CAST(:below AS bigint)"}

# The row is locked before its quantity is read. So `available`, which an error reports, is the
# quantity at that moment.
_CHANGE = """
    WITH target AS (
        SELECT i.product_id, i.quantity AS available, {matches}
        FROM inventory i
        WHERE i.product_id = CAST(:id AS bigint)
        FOR UPDATE OF i
    ), changed AS (
        UPDATE inventory i SET quantity = {quantity}
        FROM target t
        WHERE i.product_id = t.product_id AND t.matches
            AND {quantity} BETWEEN 0 AND {maximum}
        RETURNING i.*
    )
    SELECT r.json, r.etag, r.id, target.matches, target.available
    FROM target
    LEFT JOIN (SELECT {representation} FROM changed i) r ON true
"""

# All or nothing: if a product is unknown, nothing is written, and `unknown` has the indexes of its
# updates. Rows are locked in the order of the products' ids, so that two bulk updates, or one and
# an order, cannot deadlock.
SET_MANY_SQL = """
    WITH updates AS (
        SELECT product_id, quantity, n - 1 AS n
        FROM unnest(CAST(:product_ids AS bigint[]), CAST(:quantities AS integer[]))
            WITH ORDINALITY AS u(product_id, quantity, n)
    ), locked AS MATERIALIZED (
        SELECT i.product_id FROM inventory i
        WHERE i.product_id = ANY(CAST(:product_ids AS bigint[]))
        ORDER BY i.product_id
        FOR UPDATE
    ), unknown AS (
        SELECT n FROM updates WHERE product_id NOT IN (SELECT product_id FROM locked)
    ), changed AS (
        UPDATE inventory i SET quantity = updates.quantity
        FROM updates
        WHERE i.product_id = updates.product_id AND NOT EXISTS (SELECT FROM unknown)
        RETURNING i.product_id
    )
    SELECT
        (SELECT count(*) FROM changed) AS updated,
        (SELECT array_agg(n ORDER BY n) FROM unknown) AS unknown
"""


def _change_sql(quantity: str) -> str:
    """Declare the statement that sets the stock of a product to this SQL."""
    return derived(
        lambda repository: _CHANGE.format(
            matches=match_condition(repository.projection),
            representation=repository.projection.representation(),
            maximum=QUANTITY.maximum,
            quantity=quantity,
        )
    )


class InventoryRepository(ResourceRepository):
    """Reads and changes stock."""

    resource = INVENTORY
    reads_replica = True
    filter_sql = FILTERS
    list_order = ("below",)
    set_sql: ClassVar[str] = _change_sql("CAST(:quantity AS integer)")
    adjust_sql: ClassVar[str] = _change_sql("t.available + CAST(:delta AS bigint)")

    def set(
        self, product_id: int, quantity: int, precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """Set the quantity of a product.

        Raises NotFound, StaleVersion, and ValidationFailed if it is negative.
        """
        params = {"id": product_id, "quantity": quantity, **precondition.params()}
        row = self._change(self.set_sql, params)
        if row.json is None:
            raise ValidationFailed.at("quantity", "out_of_range", "is negative")
        return Representation.of(row)

    def adjust(
        self, product_id: int, delta: int, precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """Add `delta` to the quantity of a product.

        Raises NotFound and StaleVersion. Raises OutOfStock, with the quantity left, if the result
        is negative, and ValidationFailed if it is more than the largest one.
        """
        params = {"id": product_id, "delta": delta, **precondition.params()}
        row = self._change(self.adjust_sql, params)
        if row.json is not None:
            return Representation.of(row)
        if row.available + delta > QUANTITY.maximum:
            raise ValidationFailed.at(
                "delta", "out_of_range", f"leaves more than {QUANTITY.maximum}"
            )
        message = f"product {product_id} has {row.available} left"
        raise OutOfStock(errors=[FieldError("out_of_stock", message, pointer="/delta")])

    def set_many(self, updates: Sequence[tuple[int, int]]) -> int:
        """Set each (product id, quantity), all or none. Return the number of updates.

        Raises ValidationFailed, which names the updates of unknown products.
        """
        params = {
            "product_ids": [product_id for product_id, _ in updates],
            "quantities": [quantity for _, quantity in updates],
        }
        row = self._executor.write(Query(SET_MANY_SQL, params))[0]
        if row.unknown:
            raise ValidationFailed(
                errors=[
                    FieldError("unknown", "no such product", pointer=f"/updates/{n}/product_id")
                    for n in row.unknown
                ]
            )
        return int(row.updated)

    def _change(self, sql: str, params: dict[str, Any]) -> Any:
        """Run `set_sql` or `adjust_sql`, and return its row. Raises NotFound and StaleVersion."""
        row = first_row(self._executor.write(Query(sql, params, prepare=True)))
        if not row.matches:
            raise StaleVersion
        return row

"""Stock: one row for each product, set, adjusted or updated in bulk, and never below zero."""

from collections.abc import Sequence
from typing import Any

from shop.errors import OutOfStock
from shop.fields import QUANTITY
from sluice.errors import FieldError, StaleVersion, ValidationFailed
from sluice.query import Query
from sluice.sql.list_spec import Filter, ListSpec, Sort
from sluice.sql.precondition import NO_PRECONDITION, Precondition, match_condition
from sluice.sql.projection import Projection, Representation, integer, timestamp
from sluice.sql.read_repository import ReadRepository
from sluice.sql.repository import first_row

PROJECTION = Projection(
    name="inventory",
    singular="stock",
    table="inventory",
    alias="i",
    key="product_id",
    fields={
        "product_id": integer("i.product_id"),
        "quantity": integer("i.quantity"),
        "updated_at": timestamp("i.updated_at"),
        "version": integer("i.version"),
    },
    etag="i.version::text",
)

LIST_SPEC = ListSpec(
    projection=PROJECTION,
    key="product_id",
    filters={
        "below": Filter("integer", "i.quantity < CAST(:below AS bigint)"),
        "product_ids": Filter("integers", "i.product_id = ANY(CAST(:product_ids AS bigint[]))"),
    },
    sorts={
        "product_id": Sort("product_id", "bigint", unique=True),
        "quantity": Sort("quantity", "integer"),
        "updated_at": Sort("updated_at", "timestamptz"),
    },
)


# The row is locked before its quantity is read. So `available`, which an error reports, is the
# quantity at that moment.
_CHANGE = f"""
    WITH target AS (
        SELECT i.product_id, i.quantity AS available, {match_condition(PROJECTION)}
        FROM inventory i
        WHERE i.product_id = CAST(:id AS bigint)
        FOR UPDATE OF i
    ), changed AS (
        UPDATE inventory i SET quantity = {{quantity}}
        FROM target t
        WHERE i.product_id = t.product_id AND t.matches
            AND {{quantity}} BETWEEN 0 AND {QUANTITY.max_value}
        RETURNING i.*
    )
    SELECT r.json, r.etag, r.id, target.matches, target.available
    FROM target
    LEFT JOIN (SELECT {PROJECTION.representation()} FROM changed i) r ON true
"""
SET_SQL = _CHANGE.format(quantity="CAST(:quantity AS integer)")
ADJUST_SQL = _CHANGE.format(quantity="t.available + CAST(:delta AS bigint)")

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


class InventoryRepository(ReadRepository):
    """Reads and changes stock."""

    reads_replica = True
    list_spec = LIST_SPEC

    def set(
        self, product_id: int, quantity: int, precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """Set the quantity of a product.

        Raises NotFound, StaleVersion, and ValidationFailed if it is negative.
        """
        params = {"id": product_id, "quantity": quantity, **precondition.params()}
        row = self._change(SET_SQL, params)
        if row.json is None:
            raise _out_of_range("quantity", "is negative")
        return Representation.of(row)

    def adjust(
        self, product_id: int, delta: int, precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """Add `delta` to the quantity of a product.

        Raises NotFound and StaleVersion. Raises OutOfStock, with the quantity left, if the result
        is negative, and ValidationFailed if it is more than the largest one.
        """
        params = {"id": product_id, "delta": delta, **precondition.params()}
        row = self._change(ADJUST_SQL, params)
        if row.json is not None:
            return Representation.of(row)
        if row.available + delta > QUANTITY.max_value:
            raise _out_of_range("delta", f"leaves more than {QUANTITY.max_value}")
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
        """Run SET_SQL or ADJUST_SQL, and return its row. Raises NotFound and StaleVersion."""
        row = first_row(self._executor.write(Query(sql, params, prepare=True)))
        if not row.matches:
            raise StaleVersion
        return row


def _out_of_range(field: str, message: str) -> ValidationFailed:
    return ValidationFailed(errors=[FieldError("out_of_range", message, pointer=f"/{field}")])

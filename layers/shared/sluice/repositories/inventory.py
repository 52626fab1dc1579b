"""Stock: one row for each product, set, adjusted, or updated in bulk, and never below zero."""

from collections.abc import Sequence
from typing import Any

from sluice.errors import FieldError, NotFound, OutOfStock, StaleVersion, ValidationFailed
from sluice.repositories.conditional_write import NO_PRECONDITION, Precondition, matches
from sluice.repositories.list_spec import Filter, ListSpec, Sort
from sluice.repositories.projection import Projection, Representation, integer, timestamp
from sluice.repositories.read_repository import ReadRepository

PROJECTION = Projection(
    name="inventory",
    singular="stock",
    source="inventory i",
    key="i.product_id",
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
        "product_id": Sort("i.product_id", "bigint", unique=True),
        "quantity": Sort("i.quantity", "integer"),
        "updated_at": Sort("i.updated_at", "timestamptz"),
    },
)

MOST = 2**31 - 1  # PostgreSQL's integer

# The row is locked, then judged: `available` is what there is at that moment, so a refusal can say it.
CHANGE = f"""
    WITH target AS (
        SELECT i.product_id, i.quantity AS available, {matches(PROJECTION)}
        FROM inventory i WHERE i.product_id = CAST(:id AS bigint) FOR UPDATE OF i
    ), changed AS (
        UPDATE inventory i SET quantity = {{quantity}} FROM target t
        WHERE i.product_id = t.product_id AND t.matches AND {{quantity}} BETWEEN 0 AND {MOST} RETURNING i.*
    )
    SELECT r.json, r.etag, r.id, target.matches, target.available
    FROM target LEFT JOIN (SELECT {PROJECTION.record()} FROM changed i) r ON true
"""
SET = CHANGE.format(quantity="CAST(:quantity AS integer)")
ADJUST = CHANGE.format(quantity="t.available + CAST(:delta AS bigint)")

# All or nothing: nothing is written where a product is unknown, and `unknown` tells which updates those are.
# Rows are locked in the products' order, so that two bulk updates, or one and an order, cannot deadlock.
SET_MANY = """
    WITH given AS (
        SELECT product_id, quantity, n - 1 AS n
        FROM unnest(CAST(:product_ids AS bigint[]), CAST(:quantities AS integer[]))
             WITH ORDINALITY AS u(product_id, quantity, n)
    ), locked AS MATERIALIZED (
        SELECT i.product_id FROM inventory i WHERE i.product_id = ANY(CAST(:product_ids AS bigint[]))
        ORDER BY i.product_id FOR UPDATE
    ), unknown AS (
        SELECT n FROM given WHERE product_id NOT IN (SELECT product_id FROM locked)
    ), changed AS (
        UPDATE inventory i SET quantity = given.quantity FROM given
        WHERE i.product_id = given.product_id AND NOT EXISTS (SELECT FROM unknown) RETURNING i.product_id
    )
    SELECT (SELECT count(*) FROM changed) AS updated, (SELECT array_agg(n ORDER BY n) FROM unknown) AS unknown
"""


class InventoryRepository(ReadRepository):
    """Every statement about stock."""

    list_spec = LIST_SPEC

    def set(
        self, product_id: int, quantity: int, precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """NotFound; StaleVersion unless `precondition` holds."""
        return self._changed(SET, {"id": product_id, "quantity": quantity, **precondition.values()})

    def adjust(
        self, product_id: int, delta: int, precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """Add `delta`. OutOfStock, saying what is left, below zero; ValidationFailed beyond `MOST`; else as `set`."""
        return self._changed(ADJUST, {"id": product_id, "delta": delta, **precondition.values()})

    def set_many(self, updates: Sequence[tuple[int, int]]) -> int:
        """Set each (product id, quantity), all or none; ValidationFailed names the updates of unknown products."""
        row = self._statements.write(
            SET_MANY,
            {
                "product_ids": [product_id for product_id, _ in updates],
                "quantities": [q for _, q in updates],
            },
        )[0]
        if row.unknown:
            raise ValidationFailed(
                errors=[
                    FieldError("unknown", "no such product", pointer=f"/updates/{n}/product_id")
                    for n in row.unknown
                ]
            )
        return int(row.updated)

    def _changed(self, statement: str, params: dict[str, Any]) -> Representation:
        rows = self._statements.write(statement, params, prepare=True)
        if not rows:
            raise NotFound
        json, etag, id, matched, available = rows[0]
        if not matched:
            raise StaleVersion
        if json is None and available + params["delta"] > MOST:
            fault = FieldError("out_of_range", f"leaves more than {MOST}", pointer="/delta")
            raise ValidationFailed(errors=[fault])
        if json is None:
            raise OutOfStock(
                errors=[
                    FieldError(
                        "out_of_stock",
                        f"product {params['id']} has {available} left",
                        pointer="/delta",
                    )
                ]
            )
        return Representation(json, etag, id)

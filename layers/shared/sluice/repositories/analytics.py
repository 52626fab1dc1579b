"""Reports over orders: what each day brought, and what sells. Cancelled orders are in none of them.

PostgreSQL adds up, rounds and renders; a report is one statement, and its rows come back as one text.
"""

from collections.abc import Mapping
from datetime import date

from sluice.repositories.projection import Column, Executor, decimal, integer, text

SALES_DAY = {
    "day": Column("d.day", "date"),
    "order_count": integer("count(*)"),
    "unique_customers": integer("count(DISTINCT o.user_id)"),
    "revenue": decimal("coalesce(sum(o.total), 0.00)"),
    "avg_order_value": Column("round(avg(o.total), 2)::text", "decimal", nullable=True),
}

POPULAR_PRODUCT = {
    "product_id": integer("b.product_id"),
    "name": text("p.name"),
    "order_count": integer("b.order_count"),
    "units_sold": integer("b.units_sold"),
    "revenue": decimal("e.revenue"),
}


def _columns(fields: Mapping[str, Column]) -> str:
    return ", ".join(f"{column.sql} AS {name}" for name, column in fields.items())


# What did each day of a range bring, the days without orders too? Each day is one range of orders_sales_idx, which
# holds all that is asked of an order; so customers are told apart a day at a time, in memory, and no day is missing.
# Averaged over orders: joined with its items, an order would count once for each of them.
SALES = f"""
    SELECT coalesce(string_agg(row_to_json(r)::text, ',' ORDER BY r.day), '') AS items
    FROM (
        SELECT s.*
        FROM generate_series(0, CAST(:end AS date) - CAST(:start AS date)) AS n
        CROSS JOIN LATERAL (SELECT CAST(:start AS date) + n AS day) AS d
        CROSS JOIN LATERAL (
            SELECT {_columns(SALES_DAY)}
            FROM orders o
            WHERE o.status <> 'cancelled'
              AND o.created_at >= CAST(d.day AS timestamp) AT TIME ZONE 'UTC'
              AND o.created_at < CAST(d.day + 1 AS timestamp) AT TIME ZONE 'UTC'
        ) AS s
    ) AS r
"""

# Which products sold most lately? The orders are one range of orders_sales_idx. Ids grow with time, so their lines are
# nearly all there is from their low end on: one range of order_items_pkey, in place of a search for each order. A
# hundredth of them may have lower ids, and are searched for: one old id must not make it a range of all lines. What is
# ranked is counted in integers. Numeric sums cost more, and are made for the few products that are left, whose lines
# are found by order_items_product_id_idx. A product is in an order once, so its lines are its orders.
# Days are 24 hours, whatever the session's time zone.
POPULAR_PRODUCTS = f"""
    WITH recent AS MATERIALIZED (
        SELECT id FROM orders
        WHERE status <> 'cancelled'
          AND created_at > now() - make_interval(hours => 24 * CAST(:days AS integer)) AND created_at <= now()
    ), low AS MATERIALIZED (
        SELECT percentile_disc(0.01) WITHIN GROUP (ORDER BY id) AS id FROM recent
    ), best AS MATERIALIZED (
        SELECT i.product_id, count(*) AS order_count, sum(i.quantity) AS units_sold
        FROM (
            SELECT i.product_id, i.quantity FROM recent JOIN order_items i ON i.order_id = recent.id
            WHERE i.order_id >= (SELECT id FROM low)
            UNION ALL
            SELECT i.product_id, i.quantity FROM recent CROSS JOIN LATERAL (
                SELECT product_id, quantity FROM order_items WHERE order_id = recent.id OFFSET 0
            ) i
            WHERE recent.id < (SELECT id FROM low)
        ) i
        GROUP BY i.product_id ORDER BY units_sold DESC, i.product_id LIMIT CAST(:limit AS integer)
    ), earned AS (
        SELECT i.product_id, sum(i.quantity * i.unit_price) AS revenue
        FROM best JOIN order_items i ON i.product_id = best.product_id JOIN recent ON recent.id = i.order_id
        WHERE i.order_id >= (SELECT min(id) FROM recent)
        GROUP BY i.product_id
    )
    SELECT coalesce(string_agg(row_to_json(r)::text, ',' ORDER BY r.units_sold DESC, r.product_id), '') AS items
    FROM (
        SELECT {_columns(POPULAR_PRODUCT)}
        FROM best b JOIN earned e USING (product_id) JOIN products p ON p.id = b.product_id
    ) AS r
"""


class AnalyticsRepository:
    """Every report. Each gives the JSON of its rows, with commas between."""

    def __init__(self, statements: Executor) -> None:
        self._statements = statements

    def sales(self, start: date, end: date) -> str:
        """One row for each day from `start` to `end`, in UTC and with both; none where `end` is before `start`."""
        return str(self._statements.read(SALES, {"start": start, "end": end})[0].items)

    def popular_products(self, days: int, limit: int) -> str:
        """The `limit` products of which most units were ordered within the last `days` days; of equals, the older."""
        return str(self._statements.read(POPULAR_PRODUCTS, {"days": days, "limit": limit})[0].items)

"""Reports over orders: sales by day, and popular products. Cancelled orders are excluded.

PostgreSQL adds up, rounds and renders. A report is one statement, which returns its rows as one
text.
"""

from collections.abc import Mapping
from datetime import date

from sluice.kinds.date import Date
from sluice.query import Query
from sluice.sql.projection import Column, decimal, integer, text
from sluice.sql.repository import Repository

SALES_DAY = {
    "day": Column("d.day", Date("day")),
    "order_count": integer("count(*)"),
    "unique_customers": integer("count(DISTINCT o.user_id)"),
    "revenue": decimal("coalesce(sum(o.total), 0.00)"),
    "avg_order_value": decimal("round(avg(o.total), 2)", nullable=True),
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


# One row for each day, also for a day without orders. Each day reads one range of
# orders_sales_idx, which has every column that is needed; so the distinct customers of a day are
# counted in memory. The average is over orders: a join with the items would count an order once
# for each item.
SALES_SQL = f"""
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

# The products with the most units sold.
#
# recent: the orders, one range of orders_sales_idx.
# low: ids grow with time, so nearly all recent items are one range of order_items_pkey, from the
#     lowest recent id. One old order with a recent date would make this a range of all items.
#     So the range starts at the first percentile, and the orders below it are looked up.
# best: the products with the most units. Sums of numerics cost more than sums of integers, so the
#     revenue is added up for these products only.
# earned: the revenue of the best products. Their items are found by order_items_product_id_idx.
#
# A product is in an order once, so the items of a product are its orders. A day is 24 hours, in
# any time zone of the session.
POPULAR_PRODUCTS_SQL = f"""
    WITH recent AS MATERIALIZED (
        SELECT id FROM orders
        WHERE status <> 'cancelled'
            AND created_at > now() - make_interval(hours => 24 * CAST(:days AS integer))
            AND created_at <= now()
    ), low AS MATERIALIZED (
        SELECT percentile_disc(0.01) WITHIN GROUP (ORDER BY id) AS id FROM recent
    ), best AS MATERIALIZED (
        SELECT i.product_id, count(*) AS order_count, sum(i.quantity) AS units_sold
        FROM (
            SELECT i.product_id, i.quantity
            FROM recent JOIN order_items i ON i.order_id = recent.id
            WHERE i.order_id >= (SELECT id FROM low)
            UNION ALL
            SELECT i.product_id, i.quantity
            FROM recent CROSS JOIN LATERAL (
                SELECT product_id, quantity FROM order_items
                WHERE order_id = recent.id
                OFFSET 0
            ) i
            WHERE recent.id < (SELECT id FROM low)
        ) i
        GROUP BY i.product_id
        ORDER BY units_sold DESC, i.product_id
        LIMIT CAST(:limit AS integer)
    ), earned AS (
        SELECT i.product_id, sum(i.quantity * i.unit_price) AS revenue
        FROM best
        JOIN order_items i ON i.product_id = best.product_id
        JOIN recent ON recent.id = i.order_id
        WHERE i.order_id >= (SELECT min(id) FROM recent)
        GROUP BY i.product_id
    )
    SELECT coalesce(
        string_agg(row_to_json(r)::text, ',' ORDER BY r.units_sold DESC, r.product_id), ''
    ) AS items
    FROM (
        SELECT {_columns(POPULAR_PRODUCT)}
        FROM best b
        JOIN earned e USING (product_id)
        JOIN products p ON p.id = b.product_id
    ) AS r
"""


class ReportRepository(Repository):
    """Reads the reports. Each method returns the JSON of the rows, separated by commas."""

    reads_replica = True

    def sales(self, start: date, end: date) -> str:
        """Return a row for each day in UTC, from `start` to `end` inclusive.

        There is no row if `end` is before `start`.
        """
        return str(self._executor.read(Query(SALES_SQL, {"start": start, "end": end}))[0].items)

    def popular_products(self, days: int, limit: int) -> str:
        """Return the `limit` products with the most units sold in the last `days` days.

        Products with equal units are in the order of their ids.
        """
        params = {"days": days, "limit": limit}
        return str(self._executor.read(Query(POPULAR_PRODUCTS_SQL, params))[0].items)

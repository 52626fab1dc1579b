"""A shop with orders, and the reports that are expected for them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import strategies as st

from shop.orders import STATUSES
from tests.fixtures.shop import Shop

CENT = Decimal("0.01")
NAMES = ("Mug", 'The "tall" mug', "Käse\\n", "Rope, 10 m")


@dataclass(frozen=True)
class PlacedOrder:
    """An order. `lines` maps a product's index to quantity and unit price; `user` is an index."""

    at: datetime
    lines: Mapping[int, tuple[int, Decimal]] = field(
        default_factory=lambda: {0: (1, Decimal("9.99"))}
    )
    status: str = "paid"
    user: int = 0

    @property
    def total(self) -> Decimal:
        return sum((quantity * price for quantity, price in self.lines.values()), Decimal(0))


@dataclass
class AnalyticsShop:
    """A shop with three users and four products, in which tests place orders."""

    shop: Shop
    users: list[int]
    products: list[int]

    def replace_orders(self, *orders: PlacedOrder) -> None:
        """Delete all orders and insert these."""
        self.shop.sql("DELETE FROM orders")
        rows = [
            {
                "id": n,
                "user_id": self.users[o.user],
                "status": o.status,
                "total": str(o.total),
                "at": o.at.isoformat(),
            }
            for n, o in enumerate(orders)
        ]
        lines = [
            {
                "order_id": n,
                "product_id": self.products[p],
                "quantity": quantity,
                "unit_price": str(price),
            }
            for n, order in enumerate(orders)
            for p, (quantity, price) in order.lines.items()
        ]
        self.shop.sql(
            """
            INSERT INTO orders (id, user_id, status, total, created_at)
            SELECT id, user_id, status, total, at FROM json_to_recordset(CAST(:rows AS json))
                AS r(id bigint, user_id bigint, status text, total numeric, at timestamptz)
            """,
            rows=json.dumps(rows),
        )
        self.shop.sql(
            """
            INSERT INTO order_items (order_id, product_id, quantity, unit_price)
            SELECT * FROM json_to_recordset(CAST(:rows AS json))
                AS r(order_id bigint, product_id bigint, quantity integer, unit_price numeric)
            """,
            rows=json.dumps(lines),
        )

    def sales(self, start: date, end: date | None = None) -> Any:
        return self._rows(f"/api/analytics/sales?start_date={start}&end_date={end or start}")

    def popular(self, **query: int) -> Any:
        return self._rows(
            "/api/analytics/popular-products?" + "&".join(f"{k}={v}" for k, v in query.items())
        )

    def _rows(self, target: str) -> Any:
        response = self.shop.get(target)
        assert (response.status, response.headers["Content-Type"]) == (200, "application/json"), (
            response.text
        )
        assert list(response.json) == ["data"]
        return response.json["data"]


def create_analytics_shop(shop: Shop) -> AnalyticsShop:
    users = shop.sql(
        """
        INSERT INTO users (email, name)
        SELECT n || '@example.com', 'U' FROM generate_series(1, 3) n
        RETURNING id
        """
    )
    return AnalyticsShop(shop, [id for (id,) in users], [shop.add_product(name) for name in NAMES])


def expected_sales(orders: Sequence[PlacedOrder], start: date, end: date) -> list[dict[str, Any]]:
    days = [start + timedelta(n) for n in range((end - start).days + 1)]
    counted = [order for order in orders if order.status != "cancelled"]
    return [
        expected_day(day, [order for order in counted if order.at.astimezone(UTC).date() == day])
        for day in days
    ]


def expected_day(day: date, orders: Sequence[PlacedOrder]) -> dict[str, Any]:
    revenue = sum((order.total for order in orders), Decimal("0.00"))
    average = (revenue / len(orders)).quantize(CENT, ROUND_HALF_UP) if orders else None
    return {
        "day": day.isoformat(),
        "order_count": len(orders),
        "unique_customers": len({order.user for order in orders}),
        "revenue": f"{revenue:.2f}",
        "avg_order_value": None if average is None else f"{average:.2f}",
    }


def expected_popular(
    analytics: AnalyticsShop, orders: Sequence[PlacedOrder], now: datetime, days: int, limit: int
) -> list[dict[str, Any]]:
    counted = [
        o.lines for o in orders if o.status != "cancelled" and now - timedelta(days) < o.at <= now
    ]
    rows = []
    for number, product_id in enumerate(analytics.products):
        lines = [lines[number] for lines in counted if number in lines]
        if lines:
            rows.append(
                {
                    "product_id": product_id,
                    "name": NAMES[number],
                    "order_count": len(lines),
                    "units_sold": sum(quantity for quantity, _ in lines),
                    "revenue": f"{sum(quantity * price for quantity, price in lines):.2f}",
                }
            )
    return sorted(rows, key=lambda row: (-row["units_sold"], row["product_id"]))[:limit]


def orders_at(moments: st.SearchStrategy[datetime]) -> st.SearchStrategy[list[PlacedOrder]]:
    prices = st.one_of(st.integers(0, 5), st.integers(0, 999_999_999_999)).map(
        lambda cents: cents * CENT
    )
    lines = st.dictionaries(
        st.integers(0, len(NAMES) - 1), st.tuples(st.integers(1, 4), prices), min_size=1
    )
    return st.lists(
        st.builds(PlacedOrder, moments, lines, st.sampled_from(STATUSES), st.integers(0, 2)),
        max_size=12,
    )

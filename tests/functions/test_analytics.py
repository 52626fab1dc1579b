"""Reports: the sales of each day and the products that sell, beside an independent sum over the same orders."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.shop import Shop

STATUSES = ("pending", "paid", "shipped", "delivered", "cancelled")
CENT = Decimal("0.01")
MONDAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NAMES = ("Mug", 'The "tall" mug', "Käse\\n", "Rope, 10 m")
REPORTS = {
    "/api/analytics/sales": "start_date=2026-03-01&end_date=2026-03-02",
    "/api/analytics/popular-products": "",
}

examples = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True)
class Order:
    """`lines`: product → quantity and unit price; users and products are numbered from 0."""

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
class Counter:
    """A shop with three users and four products, where orders are written as they are wanted."""

    shop: Shop
    users: list[int]
    products: list[int]

    def place(self, *orders: Order) -> None:
        """Instead of all orders there were."""
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


@pytest.fixture
def counter(shop: Shop) -> Counter:
    return stocked(shop)


def stocked(shop: Shop) -> Counter:
    users = shop.sql(
        "INSERT INTO users (email, name) SELECT n || '@example.com', 'U' FROM generate_series(1, 3) n RETURNING id"
    )
    return Counter(shop, [id for (id,) in users], [shop.add_product(name) for name in NAMES])


def expected_sales(orders: Sequence[Order], start: date, end: date) -> list[dict[str, Any]]:
    days = [start + timedelta(n) for n in range((end - start).days + 1)]
    kept = [order for order in orders if order.status != "cancelled"]
    return [
        expected_day(day, [order for order in kept if order.at.astimezone(UTC).date() == day])
        for day in days
    ]


def expected_day(day: date, orders: Sequence[Order]) -> dict[str, Any]:
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
    counter: Counter, orders: Sequence[Order], now: datetime, days: int, limit: int
) -> list[dict[str, Any]]:
    kept = [
        o.lines for o in orders if o.status != "cancelled" and now - timedelta(days) < o.at <= now
    ]
    rows = []
    for number, product_id in enumerate(counter.products):
        lines = [lines[number] for lines in kept if number in lines]
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


def orders_at(moments: st.SearchStrategy[datetime]) -> st.SearchStrategy[list[Order]]:
    prices = st.one_of(st.integers(0, 5), st.integers(0, 999_999_999_999)).map(
        lambda cents: cents * CENT
    )
    lines = st.dictionaries(
        st.integers(0, len(NAMES) - 1), st.tuples(st.integers(1, 4), prices), min_size=1
    )
    return st.lists(
        st.builds(Order, moments, lines, st.sampled_from(STATUSES), st.integers(0, 2)), max_size=12
    )


# Around midnight in UTC, told in UTC and elsewhere; two days before the range, and two after it.
CLOCKS = (time.min, time(0, 0, 0, 1), time(12), time(23, 59, 59, 999_999))
MOMENTS = st.builds(
    lambda days, clock, hours: datetime.combine(MONDAY + timedelta(days), clock, UTC).astimezone(
        timezone(timedelta(hours=hours))
    ),
    st.integers(-2, 5),
    st.sampled_from(CLOCKS),
    st.sampled_from((0, -11, 13)),
)
# On either side of where `days` begins, and of now.
AGES = st.sampled_from(
    [timedelta(days) + side * MINUTE for days in (0, 1, 2, 30, 365) for side in (-5, 5)]
)


@examples
@given(orders=orders_at(MOMENTS), span=st.integers(0, 3))
def test_sales_are_what_the_orders_say(counter: Counter, orders: list[Order], span: int) -> None:
    end = MONDAY + timedelta(span)
    counter.place(*orders)
    assert counter.sales(MONDAY, end) == expected_sales(orders, MONDAY, end)


@examples
@given(data=st.data(), days=st.sampled_from((1, 2, 30, 365)), limit=st.integers(1, 5))
def test_popular_products_are_what_the_orders_say(
    counter: Counter, data: st.DataObject, days: int, limit: int
) -> None:
    now = datetime.now(UTC)
    orders = data.draw(orders_at(AGES.map(lambda age: now - age)))
    counter.place(*orders)
    assert counter.popular(days=days, limit=limit) == expected_popular(
        counter, orders, now, days, limit
    )


def test_a_day_is_told_by_these_fields_in_this_order(counter: Counter) -> None:
    counter.place(Order(NOON), Order(NOON, {1: (2, Decimal("5.00"))}, user=1), Order(NOON))
    (day,) = counter.sales(MONDAY)
    assert list(day.items()) == [
        ("day", "2026-03-02"),
        ("order_count", 3),
        ("unique_customers", 2),
        ("revenue", "29.98"),
        ("avg_order_value", "9.99"),
    ]


def test_a_product_is_told_by_these_fields_in_this_order(counter: Counter) -> None:
    now = datetime.now(UTC) - MINUTE
    counter.place(Order(now, {1: (3, Decimal("1.50"))}), Order(now, {1: (1, Decimal("2.00"))}))
    (product,) = counter.popular()
    assert list(product.items()) == [
        ("product_id", counter.products[1]),
        ("name", 'The "tall" mug'),
        ("order_count", 2),
        ("units_sold", 4),
        ("revenue", "6.50"),
    ]


def test_days_without_orders_are_there_and_have_no_average(counter: Counter) -> None:
    counter.place(Order(NOON, status="cancelled"))
    days = counter.sales(date(2026, 2, 27), MONDAY)
    assert [day.pop("day") for day in days] == [
        "2026-02-27",
        "2026-02-28",
        "2026-03-01",
        "2026-03-02",
    ]
    nothing = {"order_count": 0, "unique_customers": 0, "revenue": "0.00", "avg_order_value": None}
    assert days == [nothing] * 4


def test_the_average_is_over_orders_and_not_over_their_lines(counter: Counter) -> None:
    many = {number: (1, Decimal("10.00")) for number in range(4)}
    counter.place(Order(NOON, many), Order(NOON, {0: (1, Decimal("10.00"))}))
    (day,) = counter.sales(MONDAY)
    assert (day["order_count"], day["revenue"], day["avg_order_value"]) == (2, "50.00", "25.00")


def test_half_a_cent_is_rounded_up(counter: Counter) -> None:
    counter.place(Order(NOON, {0: (1, CENT)}), Order(NOON, {0: (2, CENT)}))
    assert counter.sales(MONDAY)[0]["avg_order_value"] == "0.02"


def test_without_orders_nothing_is_popular(counter: Counter) -> None:
    assert counter.popular() == []


def test_popular_is_the_last_thirty_days_and_ten_products_unless_told(counter: Counter) -> None:
    more = [counter.shop.add_product(f"More {n}") for n in range(8)]
    counter.products += more
    now = datetime.now(UTC)
    lines = {number: (1, Decimal(1)) for number in range(12)}
    counter.place(
        Order(now - MINUTE, lines), Order(now - timedelta(30) - MINUTE, {11: (99, Decimal(1))})
    )
    assert [row["product_id"] for row in counter.popular()] == counter.products[:10]
    assert counter.popular(days=31)[0]["product_id"] == counter.products[11]


def test_days_are_utc_s_whatever_the_database_s_time_zone(breakable_shop: Shop) -> None:
    name = breakable_shop.sql("SELECT current_database()")[0][0]
    breakable_shop.sql(f"ALTER DATABASE {name} SET TimeZone = 'Pacific/Auckland'")
    counter = stocked(breakable_shop)
    counter.place(
        Order(datetime(2026, 3, 2, tzinfo=UTC)), Order(datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC))
    )
    days = counter.sales(date(2026, 3, 1), date(2026, 3, 3))
    assert [day["order_count"] for day in days] == [0, 2, 0]


@pytest.mark.parametrize("start", ["2024-01-01", "0001-01-01", "9998-12-31"])
def test_a_range_may_be_a_leap_year(counter: Counter, start: str) -> None:
    first = date.fromisoformat(start)
    days = counter.sales(first, first + timedelta(365))
    assert (len(days), days[0]["day"], days[-1]["day"]) == (
        366,
        start,
        (first + timedelta(365)).isoformat(),
    )


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ("", {"start_date": "required", "end_date": "required"}),
        ("start_date=2026-03-02", {"end_date": "required"}),
        ("end_date=2026-03-02", {"start_date": "required"}),
        ("start_date=x&end_date=y", {"start_date": "invalid", "end_date": "invalid"}),
        ("start_date=x", {"start_date": "invalid", "end_date": "required"}),
        ("start_date=2026-03-02&end_date=2026-03-01", {"end_date": "invalid"}),
        ("start_date=2025-01-01&end_date=2026-01-02", {"end_date": "invalid"}),
        ("start_date=0001-01-01&end_date=9999-12-31", {"end_date": "invalid"}),
        ("start_date=2026-03-01&end_date=2026-03-02&days=3", {"days": "unknown_parameter"}),
    ],
)
def test_a_range_that_cannot_be_is_refused_by_name(
    shop: Shop, query: str, faults: dict[str, str]
) -> None:
    response = shop.get(f"/api/analytics/sales?{query}")
    assert (response.status, response.code, response.errors) == (400, "invalid_parameter", faults)


@pytest.mark.parametrize(
    "text",
    ["", "2026-02-29", "2026-3-2", "20260302", "2026-W10-1", "2026-03-02T00:00:00Z", " 2026-03-02", "2026-03-02%0A",
     "0000-01-01", "10000-01-01", "today", "٢٠٢٦-٠٣-٠٢", "2026-03-02,2026-03-03", "infinity", "%00"],
)  # fmt: skip
def test_only_dates_are_dates(shop: Shop, text: str) -> None:
    for name, other in (("start_date", "end_date"), ("end_date", "start_date")):
        response = shop.get(f"/api/analytics/sales?{name}={text}&{other}=2026-03-02")
        assert (response.status, response.code, response.errors) == (
            400,
            "invalid_parameter",
            {name: "invalid"},
        )


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        *[
            (f"days={days}", {"days": "invalid"})
            for days in ("0", "366", "-1", "1.5", "x", "", "1e2", "٣", "9" * 30)
        ],
        *[(f"limit={limit}", {"limit": "invalid"}) for limit in ("0", "101", "-1", "", "ten")],
        ("days=0&limit=0", {"days": "invalid", "limit": "invalid"}),
        ("sort=name", {"sort": "unknown_parameter"}),
    ],
)
def test_numbers_out_of_their_bounds_are_refused_by_name(
    shop: Shop, query: str, faults: dict[str, str]
) -> None:
    response = shop.get(f"/api/analytics/popular-products?{query}")
    assert (response.status, response.code, response.errors) == (400, "invalid_parameter", faults)


@pytest.mark.parametrize("query", ["days=1&limit=1", "days=365&limit=100"])
def test_the_bounds_themselves_are_within(shop: Shop, query: str) -> None:
    assert shop.get(f"/api/analytics/popular-products?{query}").json == {"data": []}


@pytest.mark.parametrize("path", REPORTS)
def test_head_has_the_length_of_get(shop: Shop, path: str) -> None:
    for query, status in ((REPORTS[path], 200), ("colour=red", 400)):
        got, head = (shop.call(method, f"{path}?{query}") for method in ("GET", "HEAD"))
        assert (head.status, len(head.text)) == (status, len(got.text))


@pytest.mark.parametrize("path", REPORTS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_report_is_only_read(shop: Shop, method: str, path: str) -> None:
    response = shop.call(method, path, {})
    assert (response.status, response.code, response.headers["Allow"]) == (
        405,
        "method_not_allowed",
        "GET, HEAD, OPTIONS",
    )

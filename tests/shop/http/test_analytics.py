"""Reports: daily sales and popular products, compared with an independent sum of the orders."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.examples import examples
from tests.fixtures.shop import Shop
from tests.shop.http.analytics_shop import (
    CENT,
    AnalyticsShop,
    PlacedOrder,
    create_analytics_shop,
    expected_popular,
    expected_sales,
    orders_at,
)

MONDAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REPORTS = {
    "/api/analytics/sales": "start_date=2026-03-01&end_date=2026-03-02",
    "/api/analytics/popular-products": "",
}

PROPERTY = settings(
    deadline=None,
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def analytics(shop: Shop) -> AnalyticsShop:
    return create_analytics_shop(shop)


# Times around midnight in UTC, in several time zones, from two days before the range to two days
# after it.
CLOCKS = (time.min, time(0, 0, 0, 1), time(12), time(23, 59, 59, 999_999))
MOMENTS = st.builds(
    lambda days, clock, hours: datetime.combine(MONDAY + timedelta(days), clock, UTC).astimezone(
        timezone(timedelta(hours=hours))
    ),
    st.integers(-2, 5),
    st.sampled_from(CLOCKS),
    st.sampled_from((0, -11, 13)),
)
# Five minutes before and after the start of each period of `days`, and before and after now.
AGES = st.sampled_from(
    [timedelta(days) + side * MINUTE for days in (0, 1, 2, 30, 365) for side in (-5, 5)]
)


@PROPERTY
@given(orders=orders_at(MOMENTS), span=st.integers(0, 3))
def test_sales_match_an_independent_sum(
    analytics: AnalyticsShop, orders: list[PlacedOrder], span: int
) -> None:
    end = MONDAY + timedelta(span)
    analytics.replace_orders(*orders)
    assert analytics.sales(MONDAY, end) == expected_sales(orders, MONDAY, end)


@PROPERTY
@given(data=st.data(), days=st.sampled_from((1, 2, 30, 365)), limit=st.integers(1, 5))
def test_popular_products_match_an_independent_sum(
    analytics: AnalyticsShop, data: st.DataObject, days: int, limit: int
) -> None:
    now = datetime.now(UTC)
    orders = data.draw(orders_at(AGES.map(lambda age: now - age)))
    analytics.replace_orders(*orders)
    assert analytics.popular(days=days, limit=limit) == expected_popular(
        analytics, orders, now, days, limit
    )


def test_day_has_its_fields_in_order(analytics: AnalyticsShop) -> None:
    analytics.replace_orders(
        PlacedOrder(NOON), PlacedOrder(NOON, {1: (2, Decimal("5.00"))}, user=1), PlacedOrder(NOON)
    )
    (day,) = analytics.sales(MONDAY)
    assert list(day.items()) == [
        ("day", "2026-03-02"),
        ("order_count", 3),
        ("unique_customers", 2),
        ("revenue", "29.98"),
        ("avg_order_value", "9.99"),
    ]


def test_product_has_its_fields_in_order(analytics: AnalyticsShop) -> None:
    now = datetime.now(UTC) - MINUTE
    analytics.replace_orders(
        PlacedOrder(now, {1: (3, Decimal("1.50"))}), PlacedOrder(now, {1: (1, Decimal("2.00"))})
    )
    (product,) = analytics.popular()
    assert list(product.items()) == [
        ("product_id", analytics.products[1]),
        ("name", 'The "tall" mug'),
        ("order_count", 2),
        ("units_sold", 4),
        ("revenue", "6.50"),
    ]


def test_day_without_orders_has_no_average(analytics: AnalyticsShop) -> None:
    analytics.replace_orders(PlacedOrder(NOON, status="cancelled"))
    days = analytics.sales(date(2026, 2, 27), MONDAY)
    assert [day.pop("day") for day in days] == [
        "2026-02-27",
        "2026-02-28",
        "2026-03-01",
        "2026-03-02",
    ]
    nothing = {"order_count": 0, "unique_customers": 0, "revenue": "0.00", "avg_order_value": None}
    assert days == [nothing] * 4


def test_average_is_per_order_not_per_item(analytics: AnalyticsShop) -> None:
    many = {number: (1, Decimal("10.00")) for number in range(4)}
    analytics.replace_orders(PlacedOrder(NOON, many), PlacedOrder(NOON, {0: (1, Decimal("10.00"))}))
    (day,) = analytics.sales(MONDAY)
    assert (day["order_count"], day["revenue"], day["avg_order_value"]) == (2, "50.00", "25.00")


def test_half_a_cent_is_rounded_up(analytics: AnalyticsShop) -> None:
    analytics.replace_orders(PlacedOrder(NOON, {0: (1, CENT)}), PlacedOrder(NOON, {0: (2, CENT)}))
    assert analytics.sales(MONDAY)[0]["avg_order_value"] == "0.02"


def test_no_orders_no_popular_products(analytics: AnalyticsShop) -> None:
    assert analytics.popular() == []


def test_defaults_are_30_days_and_10_products(analytics: AnalyticsShop) -> None:
    more = [analytics.shop.add_product(f"More {n}") for n in range(8)]
    analytics.products += more
    now = datetime.now(UTC)
    lines = {number: (1, Decimal(1)) for number in range(12)}
    analytics.replace_orders(
        PlacedOrder(now - MINUTE, lines),
        PlacedOrder(now - timedelta(30) - MINUTE, {11: (99, Decimal(1))}),
    )
    assert [row["product_id"] for row in analytics.popular()] == analytics.products[:10]
    assert analytics.popular(days=31)[0]["product_id"] == analytics.products[11]


def test_days_are_utc_in_any_database_time_zone(isolated_shop: Shop) -> None:
    name = isolated_shop.sql("SELECT current_database()")[0][0]
    isolated_shop.sql(f"ALTER DATABASE {name} SET TimeZone = 'Pacific/Auckland'")
    analytics = create_analytics_shop(isolated_shop)
    analytics.replace_orders(
        PlacedOrder(datetime(2026, 3, 2, tzinfo=UTC)),
        PlacedOrder(datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC)),
    )
    days = analytics.sales(date(2026, 3, 1), date(2026, 3, 3))
    assert [day["order_count"] for day in days] == [0, 2, 0]


@pytest.mark.parametrize("start", ["2024-01-01", "0001-01-01", "9998-12-31"])
def test_range_may_be_a_leap_year(analytics: AnalyticsShop, start: str) -> None:
    first = date.fromisoformat(start)
    days = analytics.sales(first, first + timedelta(365))
    expected = (366, start, (first + timedelta(365)).isoformat())
    assert (len(days), days[0]["day"], days[-1]["day"]) == expected


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
def test_invalid_range_names_its_parameter(shop: Shop, query: str, faults: dict[str, str]) -> None:
    response = shop.get(f"/api/analytics/sales?{query}")
    assert (response.status, response.code, response.errors) == (400, "invalid_parameter", faults)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-29",
        "2026-3-2",
        "20260302",
        "2026-W10-1",
        "2026-03-02T00:00:00Z",
        " 2026-03-02",
        "2026-03-02%0A",
        "0000-01-01",
        "10000-01-01",
        "today",
        "٢٠٢٦-٠٣-٠٢",
        "2026-03-02,2026-03-03",
        "infinity",
        "%00",
    ],
)
def test_only_iso_dates_are_accepted(shop: Shop, text: str) -> None:
    for name, other in (("start_date", "end_date"), ("end_date", "start_date")):
        response = shop.get(f"/api/analytics/sales?{name}={text}&{other}=2026-03-02")
        expected = (400, "invalid_parameter", {name: "invalid"})
        assert (response.status, response.code, response.errors) == expected


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
def test_number_out_of_range_is_rejected(shop: Shop, query: str, faults: dict[str, str]) -> None:
    response = shop.get(f"/api/analytics/popular-products?{query}")
    assert (response.status, response.code, response.errors) == (400, "invalid_parameter", faults)


@pytest.mark.parametrize("query", ["days=1&limit=1", "days=365&limit=100"])
def test_range_limits_are_inclusive(shop: Shop, query: str) -> None:
    assert shop.get(f"/api/analytics/popular-products?{query}").json == {"data": []}


@pytest.mark.parametrize("path", REPORTS)
def test_head_has_the_length_of_get(shop: Shop, path: str) -> None:
    for query, status in ((REPORTS[path], 200), ("colour=red", 400)):
        get, head = (shop.call(method, f"{path}?{query}") for method in ("GET", "HEAD"))
        assert (head.status, len(head.text)) == (status, len(get.text))


@pytest.mark.parametrize("path", REPORTS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_report_allows_only_get(shop: Shop, method: str, path: str) -> None:
    response = shop.call(method, path, {})
    expected = (405, "method_not_allowed", "GET, HEAD, OPTIONS")
    assert (response.status, response.code, response.headers["Allow"]) == expected

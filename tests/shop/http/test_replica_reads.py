"""Which of the shop's reads a replica serves."""

from collections.abc import Callable

import pytest

from tests.fixtures.replica import Replicated

DAYS = '(startDate:"2026-01-01",endDate:"2026-01-02")'
ON_REPLICA = [
    "/api/products?sort=price:desc&include_total=true",
    "/api/categories",
    "/api/inventory",
    "/api/analytics/sales?start_date=2026-01-01&end_date=2026-01-02",
    "/api/analytics/popular-products",
    "/api/analytics/query?query=select price from products",
    "/api/graphql?query={{products{{nodes{{id category{{products{{name}}}}}}}}}}",
    f"/api/graphql?query={{{{salesAnalytics{DAYS}{{{{day}}}}}}}}",
]
ON_PRIMARY = [
    "/api/users",
    "/api/orders",
    "/api/graphql?query={{products{{nodes{{id}}}}orders{{nodes{{id}}}}}}",
]
LSN = "0/1"


@pytest.mark.parametrize(
    ("target", "server"),
    [*((target, "replica") for target in ON_REPLICA), *((target, "") for target in ON_PRIMARY)],
)
def test_catalog_and_reports_use_the_replica(
    replicated: Replicated, served_by: Callable[[], list[str]], target: str, server: str
) -> None:
    replicated.get(target, min_lsn=LSN)

    assert served_by() == [server]


def test_report_beside_orders_uses_the_replica(replicated: Replicated) -> None:
    target = (
        f"/api/graphql?query={{{{salesAnalytics{DAYS}{{{{day}}}}orders{{{{nodes{{{{id}}}}}}}}}}}}"
    )

    assert replicated.round_trips(lambda: replicated.get(target, min_lsn=LSN)) == (1, 1)

"""/api/analytics: reports over the shop's orders, and SQL of the caller's own."""

from datetime import date
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sluice import runtime
from sluice.adhoc_sql import route
from sluice.http import responses
from sluice.http.query_params import MAX_LIMIT, DateRangeParams, IntParam, IntParams
from sluice.http.request import Request
from sluice.http.route import DataEnvelope
from sluice.http.router import Api
from sluice.repositories.analytics import POPULAR_PRODUCT, SALES_DAY

YEAR = DateRangeParams(max_days=366)  # a leap year
BEST = IntParams(
    {"days": IntParam(1, 365, default=30), "limit": IntParam(1, MAX_LIMIT, default=10)}
)

handler = api = Api(runtime=runtime.current, scope="analytics")


@api.get("/api/analytics/sales", query=YEAR, response=DataEnvelope(SALES_DAY))
def sales_by_day(request: Request, period: tuple[date, date]) -> Response[str]:
    """Report what each day of a range brought, in UTC; cancelled orders are left out."""
    return responses.data(runtime.current().analytics.sales(*period))


@api.get("/api/analytics/popular-products", query=BEST, response=DataEnvelope(POPULAR_PRODUCT))
def popular_products(request: Request, asked: dict[str, int]) -> Response[str]:
    """Report the products that sold most units lately; cancelled orders are left out."""
    return responses.data(
        runtime.current().analytics.popular_products(asked["days"], asked["limit"])
    )


@api.post(
    "/api/analytics/query",
    body=route.BODY,
    response=route.RESPONSE,
    idempotent=False,
    scope=route.SCOPE,
)
def run_sql(request: Request, asked: dict[str, Any]) -> Response[str]:
    """Run one query over the shop's tables; it changes nothing, and is refused where it would cost too much."""
    return route.respond(request, asked, runtime.current().run_adhoc_sql)


@api.get("/api/analytics/query", query=route.QUERY, response=route.RESPONSE, scope=route.SCOPE)
def run_sql_of_address(request: Request, asked: dict[str, Any]) -> Response[str]:
    """Run one query over the shop's tables, as POST does, with the query in the address."""
    return route.respond(request, asked, runtime.current().run_adhoc_sql)

"""/api/analytics: sales reports, and ad-hoc SQL queries."""

from datetime import date
from typing import Any

from shop.reports import POPULAR_PRODUCT, SALES_DAY, ReportRepository
from shop.sales_period import SALES_PERIOD
from sluice import runtime
from sluice.adhoc_sql import route
from sluice.http import responses
from sluice.http.query_params import MAX_LIMIT, IntParam, IntParams
from sluice.http.request import Request
from sluice.http.response import Response
from sluice.http.route import DataEnvelope
from sluice.http.router import Api

POPULAR_PARAMS = IntParams(
    {"days": IntParam(1, 365, default=30), "limit": IntParam(1, MAX_LIMIT, default=10)}
)
SQL = route.schemas(
    "select status, count(*) as orders, sum(total) as revenue"
    " from orders group by status order by status"
)

handler = api = Api(runtime=runtime.current, scope="analytics")


def _reports() -> ReportRepository:
    return runtime.current().get(ReportRepository)


@api.get("/api/analytics/sales", query=SALES_PERIOD, response=DataEnvelope(SALES_DAY))
def sales_by_day(request: Request, period: tuple[date, date]) -> Response:
    """Report orders and revenue by day, in UTC. Cancelled orders are not counted."""
    return responses.data(_reports().sales(*period))


@api.get(
    "/api/analytics/popular-products", query=POPULAR_PARAMS, response=DataEnvelope(POPULAR_PRODUCT)
)
def popular_products(request: Request, params: dict[str, int]) -> Response:
    """Report the products with the most units sold recently. Cancelled orders are not counted."""
    reports = _reports()
    return responses.data(reports.popular_products(params["days"], params["limit"]))


@api.post(
    "/api/analytics/query",
    body=SQL.body,
    response=SQL.response,
    idempotent=False,
    scope=route.SCOPE,
)
def run_sql(request: Request, params: dict[str, Any]) -> Response:
    """Run a read-only SQL query over the shop's tables. A query that costs too much is rejected."""
    return route.respond(request, params, runtime.current().adhoc_sql.run)


@api.get("/api/analytics/query", query=SQL.query, response=SQL.response, scope=route.SCOPE)
def run_sql_from_url(request: Request, params: dict[str, Any]) -> Response:
    """Run a read-only SQL query as POST does, with the query in the URL."""
    return route.respond(request, params, runtime.current().adhoc_sql.run)

"""/api/analytics: sales reports, and ad-hoc SQL queries."""

from datetime import date

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
EXAMPLE = (
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


route.add(api, EXAMPLE)

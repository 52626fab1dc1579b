"""/api/analytics: reports over the shop's orders."""

from aws_lambda_powertools.event_handler import Response

from sluice import runtime
from sluice.http import params, records
from sluice.http.api import Api
from sluice.http.params import MAX_LIMIT, Number
from sluice.http.request import Request

MOST_DAYS = 366  # a leap year
DAYS = Number(1, 365, default=30)
LIMIT = Number(1, MAX_LIMIT, default=10)

handler = api = Api(cors_origins=runtime.cors_origins)


@api.get("/api/analytics/sales")
def sales_by_day(request: Request) -> Response[str]:
    start, end = params.read_period(request.query, most_days=MOST_DAYS)
    return records.report(runtime.current().analytics.sales(start, end))


@api.get("/api/analytics/popular-products")
def popular_products(request: Request) -> Response[str]:
    numbers = params.read_numbers(request.query, {"days": DAYS, "limit": LIMIT})
    return records.report(runtime.current().analytics.popular_products(numbers["days"], numbers["limit"]))

"""The period of a sales report, for REST and GraphQL."""

from sluice.http.query_params import DateRangeParams

SALES_PERIOD = DateRangeParams(max_days=366)  # a leap year

"""/api/analytics: SQL queries over the library."""

from typing import Any

from sluice import runtime
from sluice.adhoc_sql import route
from sluice.http.request import Request
from sluice.http.response import Response
from sluice.http.router import Api

SQL = route.schemas(
    "select shelf_id, count(*) as books from books group by shelf_id order by shelf_id"
)

handler = api = Api(runtime=runtime.current, scope="analytics")


@api.post(
    "/api/analytics/query",
    body=SQL.body,
    response=SQL.response,
    idempotent=False,
    scope=route.SCOPE,
)
def run_sql(request: Request, params: dict[str, Any]) -> Response:
    """Run a read-only SQL query over the library's tables."""
    return route.respond(request, params, runtime.current().adhoc_sql.run)


@api.get("/api/analytics/query", query=SQL.query, response=SQL.response, scope=route.SCOPE)
def run_sql_from_url(request: Request, params: dict[str, Any]) -> Response:
    """Run a read-only SQL query as POST does, with the query in the URL."""
    return route.respond(request, params, runtime.current().adhoc_sql.run)

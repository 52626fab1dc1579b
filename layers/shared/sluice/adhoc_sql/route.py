"""The route /api/analytics/query: its body, its query parameters and its response."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sluice import runtime, tenants
from sluice.errors import FieldError, InvalidParameter, QueryRejected
from sluice.http.body import BodySchema
from sluice.http.query_params import IntParam, SqlParams
from sluice.http.request import Request
from sluice.http.response import Response
from sluice.http.responses import JSON
from sluice.http.router import Api
from sluice.kinds.integer import Integer
from sluice.kinds.text import Text

PATH = "/api/analytics/query"
SCOPE = "analytics:query"
MAX_LENGTH = 10_000  # characters
ROWS = IntParam(1, 10_000, default=1_000)

_COLUMN = {
    "type": "object",
    "required": ["name", "type"],
    "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
}
_NUMBER = {"type": "number", "minimum": 0}
_RESPONSE = {
    "columns": {"type": "array", "items": _COLUMN},
    "rows": {
        "type": "array",
        "items": {
            "type": "array",
            "items": {},
            "description": "The values of one row, in the order of the columns.",
        },
    },
    "row_count": {"type": "integer", "minimum": 0},
    "truncated": {"type": "boolean", "description": "Whether the query has more rows than these."},
    "cost": {**_NUMBER, "description": "The cost of the query, as PostgreSQL estimates it."},
    "max_cost": _NUMBER,
    "duration_ms": _NUMBER,
}
_TENANTS_COST = {
    **_NUMBER,
    "type": ["number", "null"],
    "description": "As PostgreSQL estimates it; null for a query of rows of tenants.",
}


class RouteSchemas(NamedTuple):
    """What the route accepts and returns."""

    body: BodySchema
    query: SqlParams
    response: Mapping[str, Any]


def add(api: Api, example: str) -> None:
    """Add the route to `api`, which has a runtime. `example` is a query for openapi.json.

    The application's `analytics` is the Catalogue of tables that queries may read.
    """
    schemas = _schemas(example)

    @api.post(PATH, body=schemas.body, response=schemas.response, idempotent=False, scope=SCOPE)
    def run_sql(request: Request, params: dict[str, Any]) -> Response:
        """Run a read-only SQL query. A query that costs too much is rejected."""
        return _respond(request, params, runtime.current().adhoc_sql.run)

    @api.get(PATH, query=schemas.query, response=schemas.response, scope=SCOPE)
    def run_sql_from_url(request: Request, params: dict[str, Any]) -> Response:
        """Run a read-only SQL query as POST does, with the query in the URL."""
        return _respond(request, params, runtime.current().adhoc_sql.run)


def _respond(
    request: Request, values: Mapping[str, Any], execute: Callable[[str, int], str]
) -> Response:
    """Execute the query and return 200 with its rows.

    A rejected query is an error of the body, or with GET an error of the parameter `query`.
    """
    try:
        body = execute(values["query"], values.get("max_rows", ROWS.default))
    except QueryRejected as rejected:
        if request.method == "POST":
            raise
        errors = [
            FieldError(error.code, error.message, parameter="query") for error in rejected.errors
        ]
        raise InvalidParameter(errors=errors) from rejected
    return Response(200, JSON, body)


def _schemas(example: str) -> RouteSchemas:
    """Return the schemas of the route, with an example of a query."""
    body = BodySchema(
        [
            Text("query", min_length=1, max_length=MAX_LENGTH, example=example),
            Integer("max_rows", minimum=ROWS.min_value, maximum=ROWS.max_value, example=100),
        ],
        optional=("max_rows",),
    )
    response = {**_RESPONSE, "cost": _TENANTS_COST} if tenants.application_type() else _RESPONSE
    return RouteSchemas(body, SqlParams(MAX_LENGTH, ROWS, example), response)

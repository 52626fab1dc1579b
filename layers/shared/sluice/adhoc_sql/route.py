"""Analytics by SQL as a route: what is asked in a body or a query string, and what is answered."""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sluice.errors import FieldError, InvalidParameter, QueryRejected
from sluice.http.body import BodySchema, Integer, Text
from sluice.http.query_params import IntParam, SqlParams
from sluice.http.request import Request
from sluice.http.responses import JSON

SCOPE = "analytics:query"
MAX_LENGTH = 10_000  # characters
ROWS = IntParam(1, 10_000, default=1_000)
EXAMPLE = "select status, count(*) as orders, sum(total) as revenue from orders group by status order by status"

BODY = BodySchema(
    fields={
        "query": Text(MAX_LENGTH, example=EXAMPLE),
        "max_rows": Integer(ROWS.min_value, ROWS.max_value, example=100),
    },
    optional=("max_rows",),
)
QUERY = SqlParams(MAX_LENGTH, ROWS, EXAMPLE)

_COLUMN = {
    "type": "object",
    "required": ["name", "type"],
    "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
}
_NUMBER = {"type": "number", "minimum": 0}
RESPONSE = {
    "columns": {"type": "array", "items": _COLUMN},
    "rows": {
        "type": "array",
        "items": {"type": "array", "items": {}, "description": "A value for each column."},
    },
    "row_count": {"type": "integer", "minimum": 0},
    "truncated": {"type": "boolean", "description": "There are rows beyond these."},
    "cost": {**_NUMBER, "description": "PostgreSQL's estimate of the query."},
    "max_cost": _NUMBER,
    "duration_ms": _NUMBER,
}


def respond(
    request: Request, asked: Mapping[str, Any], answer: Callable[[str, int], str]
) -> Response[str]:
    """200 with the rows. A query that is refused is the fault of whatever brought it: a body, or a parameter."""
    try:
        return Response(200, JSON, answer(asked["query"], asked.get("max_rows", ROWS.default)))
    except QueryRejected as refused:
        if request.method == "POST":
            raise
        errors = [
            FieldError(fault.code, fault.message, parameter="query") for fault in refused.errors
        ]
        raise InvalidParameter(errors=errors) from refused

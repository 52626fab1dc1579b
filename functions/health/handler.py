"""/health: is the function alive; /health/ready: can it serve. And 404 for every path that is nobody's."""

from dataclasses import asdict

from aws_lambda_powertools.event_handler import Response

from sluice.http.api import Api, json_response
from sluice.http.request import Request


def cors_origins() -> tuple[str, ...]:
    from sluice import runtime  # here, so that being alive takes no database library

    return runtime.cors_origins()


COUNT = {"type": "integer", "minimum": 0}
READY = {
    "status": {"const": "ready"},
    "database": {
        "type": "object",
        "required": ["migration"],
        "properties": {"migration": {"type": "string"}},
    },
    "pool": {
        "type": "object",
        "required": ["size", "checked_in", "checked_out", "overflow", "invalid"],
        "properties": dict.fromkeys(("size", "checked_in", "checked_out", "overflow", "invalid"), COUNT),
    },
}

handler = api = Api(cors_origins=cors_origins)


@api.get("/health", gives={"status": {"const": "ok"}})
def alive(request: Request) -> Response[str]:
    """Tell that the function is alive; asks no database."""
    return json_response(200, {"status": "ok"})


@api.get("/health/ready", gives=READY)
def ready(request: Request) -> Response[str]:
    """Tell whether the API can serve: 503 where the database does not answer."""
    from sluice import runtime

    shop = runtime.current()
    answer = {"status": "ready", "database": {"migration": shop.schema.migration()}}
    return json_response(200, {**answer, "pool": asdict(shop.database.pool_metrics())})

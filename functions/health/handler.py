"""/health: is the function alive; /health/ready: can it serve."""

from dataclasses import asdict

from aws_lambda_powertools.event_handler import Response

from sluice.http.api import Api, json_response
from sluice.http.request import Request

handler = api = Api()


@api.get("/health")
def alive(request: Request) -> Response[str]:
    return json_response(200, {"status": "ok"})


@api.get("/health/ready")
def ready(request: Request) -> Response[str]:
    from sluice import runtime  # here, so that being alive takes no database library

    shop = runtime.current()
    answer = {"status": "ready", "database": {"migration": shop.schema.migration()}}
    return json_response(200, {**answer, "pool": asdict(shop.database.pool_metrics())})

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

    database = runtime.current().database
    migration = database.read("SELECT version_num FROM alembic_version")[0].version_num
    return json_response(
        200, {"status": "ready", "database": {"migration": migration}, "pool": asdict(database.pool_metrics())}
    )

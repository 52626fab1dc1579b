"""/health (liveness), /health/ready (readiness), and 404 for paths without a route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluice.http.request import Request
from sluice.http.response import Response
from sluice.http.router import Api, json_response

if TYPE_CHECKING:
    from sluice.runtime import Runtime


def current_runtime() -> Runtime:
    from sluice import runtime  # imported late, so that /health loads no database library

    return runtime.current()


COUNT = {"type": "integer", "minimum": 0}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


CONNECTIONS = {
    "pool": _object(
        **dict.fromkeys(("size", "checked_in", "checked_out", "overflow", "invalid"), COUNT)
    ),
    "breaker": _object(
        state={"enum": ["closed", "open", "half_open"]},
        open_elsewhere={
            "type": ["boolean", "null"],
            "description": "null if DynamoDB does not answer",
        },
    ),
}
READY = {
    "status": {"const": "ready"},
    "database": _object(
        migration={"type": "string", "description": "the newest applied migration"},
        expected_migration={
            "type": "string",
            "description": "the newest migration of this release",
        },
        settings={
            "type": "array",
            "description": "session settings that differ from the values that Sluice requires",
            "items": _object(
                setting={"type": "string"},
                expected={"type": "string"},
                actual={"type": "string"},
                affects={"enum": ["results", "speed", "limit"]},
            ),
        },
        drift={
            **_object(
                at={"type": "string", "format": "date-time"},
                digest={"type": "string", "description": "of the declarations that were compared"},
                differences=COUNT,
            ),
            "type": ["object", "null"],
            "description": "what the last deployment found; null if none has compared",
        },
    ),
    **CONNECTIONS,
    "limiter": _object(counts={"enum": ["shared", "unavailable"]}),
    "replica": {
        **_object(
            reachable={"type": "boolean"},
            lag_bytes={
                "type": ["integer", "null"],
                "description": "WAL that is not replayed yet; null if unknown",
            },
            lag_seconds={
                "type": ["number", "null"],
                "description": "since the last replayed transaction",
            },
            **CONNECTIONS,
        ),
        "description": "only with a read replica",
        "x-optional": True,
    },
}

handler = api = Api(runtime=current_runtime, rate_limit_unmatched=True)


@api.get("/health", response={"status": {"const": "ok"}})
def get_health(request: Request) -> Response:
    """Return 200 if the function runs. The database is not used."""
    return json_response(200, {"status": "ok"})


@api.get("/health/ready", response=READY)
def get_readiness(request: Request) -> Response:
    """Return the state of the API's parts. 503, with the same members, if it cannot serve."""
    from sluice.readiness import readiness  # imported late, as the runtime is

    return json_response(200, {"status": "ready", **readiness(current_runtime())})

"""/health: is the function alive; /health/ready: can it serve. And 404 for every path that no function has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response

from sluice.http.request import Request
from sluice.http.router import Api, json_response

if TYPE_CHECKING:
    from sluice.runtime import Runtime


def current_runtime() -> Runtime:
    from sluice import runtime  # here, so that being alive takes no database library

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
        open_elsewhere={"type": ["boolean", "null"], "description": "null: DynamoDB does not tell"},
    ),
}
READY = {
    "status": {"const": "ready"},
    "database": _object(
        migration={"type": "string", "description": "the newest that has been applied"},
        expected_migration={
            "type": "string",
            "description": "the one that this release was written for",
        },
        settings={
            "type": "array",
            "description": "settings of the session that differ from those that Sluice pins",
            "items": _object(
                setting={"type": "string"},
                expected={"type": "string"},
                actual={"type": "string"},
                affects={"enum": ["results", "speed", "limit"]},
            ),
        },
    ),
    **CONNECTIONS,
    "limiter": _object(counts={"enum": ["shared", "unavailable"]}),
    "replica": {
        **_object(
            reachable={"type": "boolean"},
            lag_bytes={
                "type": ["integer", "null"],
                "description": "of the primary's log; null: it cannot tell",
            },
            lag_seconds={
                "type": ["number", "null"],
                "description": "since the transaction that it replayed last",
            },
            **CONNECTIONS,
        ),
        "description": "where there is one",
        "x-optional": True,
    },
}

handler = api = Api(runtime=current_runtime, rate_limit_unmatched=True)


@api.get("/health", response={"status": {"const": "ok"}})
def alive(request: Request) -> Response[str]:
    """Tell that the function is alive; asks no database."""
    return json_response(200, {"status": "ok"})


@api.get("/health/ready", response=READY)
def ready(request: Request) -> Response[str]:
    """Tell whether the API can serve, and how well. 503, with the same members, where it cannot serve rightly."""
    return json_response(200, {"status": "ready", **current_runtime().readiness()})

"""Errors as `application/problem+json` (RFC 9457). The only place that renders one."""

import json

from aws_lambda_powertools.event_handler import Response

from sluice.errors import Fault, InternalError, SluiceError


def render(error: SluiceError, request_id: str) -> Response[str]:
    """The problem a client sees; of a fault of ours, only that there was one."""
    body: dict[str, object] = {
        "type": f"urn:sluice:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.title if isinstance(error, InternalError) else error.detail,
        "code": error.code,
        "request_id": request_id,
    }
    if error.faults:
        body["errors"] = [_fault(fault) for fault in error.faults]
    return Response(
        error.status, "application/problem+json", json.dumps(body, separators=(",", ":")), dict(error.headers)
    )


def _fault(fault: Fault) -> dict[str, str]:
    where = {"pointer": fault.pointer} if fault.parameter is None else {"parameter": fault.parameter}
    return {name: value for name, value in where.items() if value is not None} | {
        "code": fault.code,
        "message": fault.message,
    }

"""Errors as `application/problem+json` (RFC 9457). The only place that renders one."""

import json

from aws_lambda_powertools.event_handler import Response

from sluice.errors import FieldError, InternalError, SluiceError

MAX_DETAIL = 2_000  # characters
MAX_FAULTS = 10_000  # a body of a mebibyte can hold more than Lambda's 6 MiB of answer can name


def render(error: SluiceError, request_id: str) -> Response[str]:
    """The problem a client sees."""
    text = json.dumps(body(error, request_id), separators=(",", ":"))
    return Response(error.status, "application/problem+json", text, dict(error.headers))


def body(error: SluiceError, request_id: str) -> dict[str, object]:
    """What it tells; of a fault of ours, only that there was one."""
    told: dict[str, object] = {
        "type": f"urn:sluice:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.title if isinstance(error, InternalError) else _cut(error.detail),
        "code": error.code,
        "request_id": request_id,
        **error.members,
    }
    if error.errors:
        told["errors"] = [_fault(fault) for fault in error.errors[:MAX_FAULTS]]
    return told


def _cut(detail: str) -> str:
    return detail if len(detail) <= MAX_DETAIL else f"{detail[:MAX_DETAIL]} …"


def _fault(fault: FieldError) -> dict[str, str]:
    where = (
        {"pointer": fault.pointer} if fault.parameter is None else {"parameter": fault.parameter}
    )
    return {name: value for name, value in where.items() if value is not None} | {
        "code": fault.code,
        "message": fault.message,
    }

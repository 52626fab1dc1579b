"""Render errors as `application/problem+json` (RFC 9457). No other module does."""

import json

from sluice.errors import FieldError, InternalError, SluiceError
from sluice.http.response import Response

MAX_DETAIL = 2_000  # characters
# A body of 1 MiB can have more invalid fields than fit into Lambda's response of 6 MiB.
MAX_ERRORS = 10_000


def render(error: SluiceError, request_id: str) -> Response:
    """Return the response for an error."""
    text = json.dumps(body(error, request_id), separators=(",", ":"))
    return Response(error.status, "application/problem+json", text, dict(error.headers))


def body(error: SluiceError, request_id: str) -> dict[str, object]:
    """Return the problem document. An InternalError shows only its title."""
    problem: dict[str, object] = {
        "type": f"urn:sluice:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.title if isinstance(error, InternalError) else _truncate(error.detail),
        "code": error.code,
        "request_id": request_id,
        **error.members,
    }
    if error.errors:
        problem["errors"] = [_field_error(one) for one in error.errors[:MAX_ERRORS]]
    return problem


def _truncate(detail: str) -> str:
    return detail if len(detail) <= MAX_DETAIL else f"{detail[:MAX_DETAIL]} …"


def _field_error(error: FieldError) -> dict[str, str]:
    document = {"code": error.code, "message": error.message}
    if error.parameter is not None:
        return {"parameter": error.parameter, **document}
    if error.pointer is not None:
        return {"pointer": error.pointer, **document}
    return document

"""The errors in openapi.json: the classes that clients can see, and the responses with them."""

from collections.abc import Collection, Iterator, Sequence

from scripts.json_schemas import Schema, object_of
from scripts.openapi_headers import references
from sluice import application, errors, tenant_errors

# Of applications with tenants.
TENANT_ERRORS = (
    errors.NoTenant,
    errors.TenantNotAllowed,
    tenant_errors.RlsRequired,
    tenant_errors.RlsMissing,
)
OF_TENANTS = "Problem403OfTenants"  # of routes whose rows belong to tenants


def error_classes() -> Iterator[type[errors.SluiceError]]:
    """Yield the error classes of the engine and of the application, each after its base class.

    Another application of this process may have classes, too. Those of tenants are only in an
    application with tenants.
    """
    own = {application.load(target) for target in application.current().error_classes}
    queue = [errors.SluiceError]
    while queue:
        kind = queue.pop(0)
        queue += kind.__subclasses__()
        if kind in TENANT_ERRORS and not application.current().tenant:
            continue
        if kind in own or kind.__module__ in (errors.__name__, tenant_errors.__name__):
            yield kind


def errors_by_status() -> dict[int, list[type[errors.SluiceError]]]:
    """Return the error classes that clients can see, by HTTP status and once for each code.

    The application's follow those of the engine, except those of idempotency, which are last.
    NoTenant is left out: it is only of some routes.
    """
    by_status: dict[int, list[type[errors.SluiceError]]] = {}
    for kind in error_classes():
        if kind in (errors.SluiceError, errors.Unavailable, errors.NoTenant):
            continue
        same_status = by_status.setdefault(kind.status, [])
        if all(kind.code != known.code for known in same_status):
            same_status.append(kind)
    for kinds in by_status.values():
        kinds.sort(key=lambda kind: kind.code.startswith("idempotency_"))
    return by_status


def problem_schema() -> Schema:
    """Return the schema of a problem document."""
    text = {"type": "string"}
    field_error = object_of(code=text, message=text)
    field_error["properties"] |= {
        "pointer": {**text, "description": "A JSON pointer into the body (RFC 6901)."},
        "parameter": text,
    }
    problem = object_of(
        type=text, title=text, status={"type": "integer"}, detail=text, code=text, request_id=text
    )
    problem["properties"]["errors"] = {
        "type": "array",
        "items": field_error,
        "description": "All invalid fields and parameters.",
    }
    return {
        "description": "A problem document (RFC 9457). `code` is stable; docs/errors.md has the "
        "cause and the remedy of each.",
        **problem,
    }


def problem_responses(used: Collection[str]) -> Schema:
    """Return the responses of the errors with these statuses, by the name of the component."""
    by_status = errors_by_status()
    responses = {
        f"Problem{status}": _response(status, kinds)
        for status, kinds in sorted(by_status.items())
        if str(status) in used  # no operation returns 405
    }
    if application.current().tenant:
        responses[OF_TENANTS] = _response(403, [*by_status[403], errors.NoTenant])
    return responses


def _response(status: int, kinds: Sequence[type[errors.SluiceError]]) -> Schema:
    examples = {kind.code: {"summary": kind.title, "value": _example(kind)} for kind in kinds}
    headers = ["X-Request-Id", *(["Retry-After"] if status in (429, 503) else [])]
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": "; ".join(f"`{kind.code}`: {kind.title}" for kind in kinds),
        "headers": references(headers),
        "content": {"application/problem+json": {"schema": schema, "examples": examples}},
    }


def _example(kind: type[errors.SluiceError]) -> Schema:
    return {
        "type": f"urn:sluice:error:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.title,
        "code": kind.code,
        "request_id": "3f1c6a52-7d0e-4c8b-9a41-5e2b8f7d1c60",
    }

"""The request and response headers in openapi.json."""

from collections.abc import Iterable

from scripts.json_schemas import Schema
from sluice import application

ETAGS: Schema = {
    "type": "string",
    "anyOf": [{"const": "*"}, {"pattern": r'^(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*$'}],
}
RESPONSE_HEADERS: dict[str, Schema] = {
    "X-Request-Id": {
        "description": "The id of this request, also in the log.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "The strong ETag of this representation.",
        "schema": {"type": "string"},
        "example": '"3"',
    },
    "Location": {
        "description": "The URL of the new row.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Link": {
        "description": 'The pages `rel="next"` and `rel="prev"`, if they exist.',
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next attempt.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "X-Sluice-Min-LSN": {
        "description": "The WAL position (LSN) of this write. Only with a read replica.",
        "schema": {"type": "string"},
        "example": "0/16B3748",
    },
    "Idempotency-Replayed": {
        "description": "The stored response of the first request with this Idempotency-Key.",
        "schema": {"const": "true"},
    },
}
REQUEST_HEADERS: dict[str, Schema] = {
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "schema": {"type": "string"},
        "description": 'ETags such as `"1"`, or `*`. '
        "304 if the row has one of them; ignored if invalid.",
    },
    "IfNoneMatchOfWrite": {
        "name": "If-None-Match",
        "in": "header",
        "schema": ETAGS,
        "description": 'ETags such as `"1"`, or `*`. 412 if the row has one of them.',
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "schema": ETAGS,
        "description": 'ETags such as `"1"`, or `*`. 412 unless the row has one of them.',
    },
    "Tenant": {
        "name": "X-Sluice-Tenant",
        "in": "header",
        "schema": {"type": "string"},
        "description": "Chooses one of the tenants that the credentials list. 403 for another one.",
    },
    "MinLSN": {
        "name": "X-Sluice-Min-LSN",
        "in": "header",
        "schema": {"type": "string"},
        "description": "The value from the response to a write, such as `0/16B3748`. "
        "Reads include that write.",
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": r"^[!-~]([ -~]*[!-~])?$",
        },
        "description": "Makes the request safe to repeat: for 24 hours, the same client, path, key "
        "and body get the stored response.",
        "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    },
}


def request_headers() -> dict[str, Schema]:
    """Return the request headers by name. That of the tenant is of applications with tenants."""
    left_out = () if application.current().tenant else ("Tenant",)
    return {name: each for name, each in REQUEST_HEADERS.items() if name not in left_out}


def references(names: Iterable[str]) -> Schema:
    """Return references to these response headers."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}

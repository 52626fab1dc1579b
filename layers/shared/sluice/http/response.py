"""The response of a route, and its form for API Gateway."""

from collections.abc import Mapping
from typing import Any


class Response:
    """The response of a route.

    status_code: the HTTP status.
    content_type: the value of `Content-Type`, unless `headers` has one.
    body: a text; None for a response without a body.
    base64_encoded: whether `body` is base64 of the bytes to send.
    """

    __slots__ = ("base64_encoded", "body", "content_type", "headers", "status_code")

    def __init__(
        self,
        status_code: int,
        content_type: str | None = None,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        base64_encoded: bool = False,
    ) -> None:
        self.status_code = status_code
        self.content_type = content_type
        self.body = body
        self.headers = dict(headers or {})
        self.base64_encoded = base64_encoded
        if content_type:
            self.headers.setdefault("Content-Type", content_type)


def to_payload(response: Response) -> dict[str, Any]:
    """Return a response in API Gateway's payload format 2.0. Its headers are a copy."""
    return {
        "statusCode": response.status_code,
        "headers": dict(response.headers),
        "body": response.body or "",
        "isBase64Encoded": response.base64_encoded,
    }

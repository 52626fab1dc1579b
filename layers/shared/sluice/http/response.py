"""The response of a route, and its form for API Gateway."""

import json
from collections.abc import Mapping
from typing import Any

from sluice.errors import ResponseTooLarge

# Lambda returns at most 6 MiB of JSON. The rest is for headers that the router adds.
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024 - 64 * 1024
MAX_ESCAPED = 6  # bytes of a character in JSON: \u001f


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
    """Return a response in API Gateway's payload format 2.0. Its headers are a copy.

    Raise ResponseTooLarge if Lambda would not return it, and the client would get a bare 500.
    """
    body = response.body or ""
    if len(body) * MAX_ESCAPED > MAX_PAYLOAD_BYTES:
        size = len(json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        if size > MAX_PAYLOAD_BYTES:
            raise ResponseTooLarge(
                f"The response has {size / 2**20:.1f} MiB, and AWS Lambda returns at most 6: "
                "ask for fewer rows or fields. What the request changed stays changed"
            )
    return {
        "statusCode": response.status_code,
        "headers": dict(response.headers),
        "body": body,
        "isBase64Encoded": response.base64_encoded,
    }

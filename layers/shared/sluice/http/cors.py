"""Cross-origin resource sharing: the headers that let web pages read responses.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

import re
from collections.abc import Collection

LOOPBACK = "loopback"  # an allowed origin that stands for all pages served by this machine
LOOPBACK_ORIGIN = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?"

EXPOSED_HEADERS = (
    "Accept-Encoding, Accept-Patch, Accept-Post, Age, Allow, ETag, Idempotency-Replayed, Link, "
    "Location, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, Warning, WWW-Authenticate, "
    "X-Request-Id, X-Sluice-Min-LSN"
)
REQUEST_HEADERS = (
    "Authorization, Content-Encoding, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
    "X-API-Key, X-Sluice-Min-LSN"
)
MAX_AGE = 600  # seconds for which a browser may cache the response to a preflight request


def request_headers(*, with_tenant: bool) -> str:
    """Return the request headers that pages may send; with that of the tenant if there are some."""
    return f"{REQUEST_HEADERS}, X-Sluice-Tenant" if with_tenant else REQUEST_HEADERS


def headers(
    origin: str, method: str, origins: Collection[str], allow: str, accepted: str = REQUEST_HEADERS
) -> dict[str, str]:
    """Return the CORS headers for a request from a page of `origin`; none if it is not allowed.

    `allow` lists the methods of the path, and `accepted` the request headers that pages may send,
    for the response to a preflight request.
    """
    if not _is_allowed(origin, origins):
        return {}
    found = {
        "Access-Control-Allow-Origin": "*" if "*" in origins else origin,
        "Access-Control-Expose-Headers": EXPOSED_HEADERS,
    }
    if method == "OPTIONS" and allow:
        found["Access-Control-Allow-Methods"] = allow
        found["Access-Control-Allow-Headers"] = accepted
        found["Access-Control-Max-Age"] = str(MAX_AGE)
    return found


def _is_allowed(origin: str, origins: Collection[str]) -> bool:
    if "*" in origins or (origin in origins and origin != LOOPBACK):
        return True
    return LOOPBACK in origins and re.fullmatch(LOOPBACK_ORIGIN, origin) is not None

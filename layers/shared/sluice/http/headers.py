"""Read the headers of a request. No other module does, so each name and its syntax are here only.

A reader returns the parsed value, and raises BadRequest if the header is invalid.
"""

import re
from typing import NamedTuple

from sluice.errors import BadRequest, NotAcceptable
from sluice.http import accept
from sluice.http.request import Request

IDEMPOTENCY_KEY = "idempotency-key"
TENANT = "x-sluice-tenant"
# CloudFront sets these two (http/origin.py).
ORIGIN_KEY = "x-sluice-origin-key"
CLIENT_ADDRESS = "x-sluice-client-address"

_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?", re.ASCII)
_LSN = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}", re.ASCII)
_ETAG = re.compile(r'[ \t,]*(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?:,|$)|$)')


class ClientCredentials(NamedTuple):
    """The headers with credentials, unparsed (identity/authenticator.py). None: not sent."""

    api_key: str | None
    authorization: str | None

    @property
    def are_missing(self) -> bool:
        return self.api_key is None and self.authorization is None


class ContentType(NamedTuple):
    """The media type of the body in lower case, "" if it is missing; UTF-8 is the default."""

    media_type: str
    is_utf8: bool


class ETags(NamedTuple):
    """The value of a header: `*` or a list of ETags. Only If-None-Match compares weak ETags."""

    any: bool
    strong: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()


def accepted_type(request: Request, offers: tuple[str, ...], default: str) -> str:
    """Return the media type of `offers` that `Accept` prefers (http/accept.py).

    Raise NotAcceptable if it accepts none of them.
    """
    chosen = accept.choose(request.headers.get("accept", ""), offers, default)
    if chosen is None:
        raise NotAcceptable(
            f"The response is {' or '.join(offers)}, which the Accept header excludes"
        )
    return chosen


def accepts_gzip(request: Request) -> bool:
    """Return whether `Accept-Encoding` accepts gzip."""
    return accept.accepts_gzip(request.headers.get("accept-encoding", ""))


def client_address(request: Request) -> str:
    """Return the client's IP address as CloudFront saw it, or an empty string."""
    return request.headers.get(CLIENT_ADDRESS, "")


def content_codings(request: Request) -> list[str]:
    """Return the codings of `Content-Encoding` in lower case, without `identity`."""
    elements = request.headers.get("content-encoding", "").split(",")
    codings = [element.strip().lower() for element in elements]
    return [coding for coding in codings if coding not in ("", "identity")]


def content_type(request: Request) -> ContentType:
    """Return the media type of `Content-Type`, and whether its charset is UTF-8."""
    header = request.headers.get("content-type", "").lower()
    media_type, *parameters = [part.strip() for part in header.split(";")]
    charsets = []
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            charsets.append(value.strip().strip('"'))
    return ContentType(media_type, all(charset in ("utf-8", "utf8") for charset in charsets))


def credentials(request: Request) -> ClientCredentials:
    """Return the values of `X-API-Key` and `Authorization`."""
    headers = request.headers
    return ClientCredentials(headers.get("x-api-key"), headers.get("authorization"))


def idempotency_key(request: Request) -> str | None:
    """Return the value of `Idempotency-Key`, or None if it is missing."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is not None and not _KEY.fullmatch(key):
        raise BadRequest("Idempotency-Key must be 1 to 255 visible ASCII characters")
    return key


def if_match(request: Request, *, lenient: bool = False) -> ETags | None:
    """Return the ETags of `If-Match`, or None if it is missing.

    Raise BadRequest if it is invalid. With `lenient`, an invalid header is ignored.
    """
    return _etags(request, "If-Match", lenient=lenient)


def if_none_match(request: Request, *, lenient: bool = False) -> ETags | None:
    """Return the ETags of `If-None-Match`, as `if_match` does."""
    return _etags(request, "If-None-Match", lenient=lenient)


def min_lsn(request: Request) -> str:
    """Return the WAL position that a replica must have replayed to serve this request.

    Return an empty string without the header.
    """
    lsn = request.headers.get("x-sluice-min-lsn", "")
    if lsn and not _LSN.fullmatch(lsn):
        raise BadRequest(
            "X-Sluice-Min-LSN must be the value from the response to a write, such as 0/16B3748"
        )
    return lsn


def origin(request: Request) -> str | None:
    """Return the origin of the web page that sent a cross-origin request, else None."""
    return request.headers.get("origin")


def origin_key(request: Request) -> str:
    """Return the key by which CloudFront shows that the request came through it, or ""."""
    return request.headers.get(ORIGIN_KEY, "")


def tenant(request: Request) -> str | None:
    """Return the value of `X-Sluice-Tenant`, or None if it is missing.

    API Gateway joins the values of a repeated header with commas.
    """
    sent = request.headers.get(TENANT)
    return None if sent is None else sent.strip(" \t")


def _etags(request: Request, name: str, *, lenient: bool) -> ETags | None:
    header = request.headers.get(name.lower())
    if header is None:
        return None
    try:
        return _parse_etags(name, header)
    except BadRequest:
        if lenient:
            return None
        raise


def _parse_etags(name: str, header: str) -> ETags:
    if header.strip(" \t") == "*":
        return ETags(any=True)
    strong: list[str] = []
    weak: list[str] = []
    position = 0
    while position < len(header):
        element = _ETAG.match(header, position)
        if not element:
            raise BadRequest(
                f'{name} must be * or a list of ETags, such as "3.1.1" with its quotes'
            )
        if element[2] is not None:  # a list may contain empty elements
            (weak if element[1] else strong).append(element[2])
        position = element.end()
    if not strong and not weak:  # RFC 9110 allows an empty list, but no client means it
        raise BadRequest(f"{name} contains no ETag; send at least one, or *")
    return ETags(any=False, strong=tuple(strong), weak=tuple(weak))

"""The content of a request: media type, content coding and JSON (RFC 9110, section 8)."""

from collections.abc import Sequence
from typing import Any

from sluice.errors import BadRequest, TooLarge, UnsupportedMediaType
from sluice.http import headers
from sluice.http.request import Request, read_json

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
CODINGS = "gzip, identity"
MAX_MEMBERS = 100  # of a gzip stream
_ADVERTISED_BY = {"POST": "Accept-Post", "PATCH": "Accept-Patch"}


def accepted_types_header(method: str, types: Sequence[str]) -> dict[str, str]:
    """Return the response header that lists the media types which the method accepts."""
    return {_ADVERTISED_BY.get(method, "Accept"): ", ".join(types)}


def require_media_type(request: Request, types: Sequence[str]) -> None:
    """Raise UnsupportedMediaType unless `Content-Type` is one of `types`, in UTF-8.

    Types such as application/json-patch+json do not mean the same as plain JSON, so they are not
    accepted instead of it. A request without `Content-Type` is rejected, as GraphQL over HTTP
    recommends.
    """
    media_type, is_utf8 = headers.content_type(request)
    if media_type not in types:
        sent = f"is {media_type[:100]}" if media_type else "is missing"
        raise UnsupportedMediaType(
            f"Content-Type {sent}; send {' or '.join(types)}",
            headers=accepted_types_header(request.method, types),
        )
    if not is_utf8:
        raise UnsupportedMediaType(
            "Send the body as UTF-8", headers=accepted_types_header(request.method, types)
        )


def decode(request: Request, max_bytes: int) -> Request:
    """Return the request with its content decompressed.

    At most `max_bytes` are decompressed, so that a small body cannot use much memory. Raise
    UnsupportedMediaType for an unknown coding, TooLarge, and BadRequest for invalid gzip data.
    """
    codings = headers.content_codings(request)
    if len(request.body) > max_bytes:
        raise TooLarge(
            f"The body may have at most {max_bytes} bytes; this one has {len(request.body)}"
        )
    if not codings:
        return request
    if codings not in (["gzip"], ["x-gzip"]):
        raise UnsupportedMediaType(
            f"Content-Encoding must be one of {CODINGS}, not {', '.join(codings)[:100]}",
            headers={"Accept-Encoding": CODINGS},
        )
    return request._replace(body=_decompress_gzip(request.body, max_bytes))


def read(request: Request) -> Any:
    """Parse the decompressed body as JSON, with fractions as Decimal. Raise BadRequest."""
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8 at byte {error.start}") from None
    return read_json(text, "The body")


def _decompress_gzip(compressed: bytes, max_bytes: int) -> bytes:
    """Decompress all members of a gzip stream (RFC 1952 allows several)."""
    import zlib  # few bodies are compressed, and loading its library takes 2 ms

    content = bytearray()
    for _ in range(MAX_MEMBERS):
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            content += member.decompress(compressed, max_bytes + 1 - len(content))
        except zlib.error:
            raise BadRequest(
                "The body is not valid gzip, although its Content-Encoding says so"
            ) from None
        if len(content) > max_bytes:
            raise TooLarge(f"The body may have at most {max_bytes} bytes after decompression")
        if not member.eof:
            raise BadRequest("The gzip stream of the body is incomplete")
        compressed = member.unused_data
        if not compressed:
            return bytes(content)
    raise BadRequest(f"The body has more than {MAX_MEMBERS} gzip members")

"""The content of a request: its media type, its coding, and the JSON that it holds (RFC 9110, section 8)."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sluice.errors import BadRequest, TooLarge, UnsupportedMediaType
from sluice.http.request import Request, read_json

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
CODINGS = "gzip, identity"
MAX_MEMBERS = 100  # of a gzip stream
_ADVERTISED_BY = {"POST": "Accept-Post", "PATCH": "Accept-Patch"}


def accepted_types_header(method: str, types: Sequence[str]) -> dict[str, str]:
    """The header by which a response says which media types the method takes."""
    return {_ADVERTISED_BY.get(method, "Accept"): ", ".join(types)}


def require_media_type(request: Request, types: Sequence[str]) -> None:
    """UnsupportedMediaType unless the content is declared as one of `types`, in UTF-8.

    A type such as application/json-patch+json is JSON with a meaning of its own, so it is not taken as plain JSON. A
    request without `Content-Type` is refused, as GraphQL over HTTP recommends.
    """
    media_type, *parameters = [
        part.strip() for part in request.headers.get("content-type", "").lower().split(";")
    ]
    if media_type not in types:
        sent = f"not {media_type[:100]}" if media_type else "which is missing"
        raise UnsupportedMediaType(
            f"Send Content-Type: {' or '.join(types)}, {sent}",
            headers=accepted_types_header(request.method, types),
        )
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            raise UnsupportedMediaType(
                "Send the body as UTF-8", headers=accepted_types_header(request.method, types)
            )


def decode(request: Request, max_bytes: int) -> Request:
    """Return the request with its content unpacked. UnsupportedMediaType, TooLarge, BadRequest.

    At most `max_bytes` are unpacked, so a small body cannot grow to a large one.
    """
    codings = [
        coding.strip().lower() for coding in request.headers.get("content-encoding", "").split(",")
    ]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if len(request.body) > max_bytes:
        raise TooLarge(
            f"A body is at most {max_bytes} bytes here; this one has {len(request.body)}"
        )
    if not codings:
        return request
    if codings not in (["gzip"], ["x-gzip"]):
        raise UnsupportedMediaType(
            f"Content-Encoding may be {CODINGS}, not {', '.join(codings)[:100]}",
            headers={"Accept-Encoding": CODINGS},
        )
    return replace(request, body=_gunzip(request.body, max_bytes))


def read(request: Request) -> Any:
    """The JSON value of an unpacked body: numbers with a fraction as Decimal. BadRequest."""
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8 at byte {error.start}") from None
    return read_json(text, "The body")


def _gunzip(packed: bytes, max_bytes: int) -> bytes:
    """Every member of the gzip stream (RFC 1952 lets a stream have several)."""
    found = bytearray()
    for _ in range(MAX_MEMBERS):
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            found += member.decompress(packed, max_bytes + 1 - len(found))
        except zlib.error:
            raise BadRequest("The body is not gzip, as its Content-Encoding says") from None
        if len(found) > max_bytes:
            raise TooLarge(
                f"A body is at most {max_bytes} bytes here; this one has more when it is unpacked"
            )
        if not member.eof:
            raise BadRequest("The body ends in the middle of its gzip stream")
        packed = member.unused_data
        if not packed:
            return bytes(found)
    raise BadRequest(f"The body has more than {MAX_MEMBERS} gzip members")

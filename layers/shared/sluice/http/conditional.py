"""ETags and conditional requests (RFC 9110, section 13)."""

import re

from sluice.errors import BadRequest
from sluice.http.request import Request

_TAGS = re.compile(r'[\s,]*(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)|$)')


def if_match(request: Request) -> list[str] | None:
    """The ETags that `If-Match` admits; None where it admits any. A weak one never matches."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    return [tag for weak, tag in _tags(header, "If-Match") if not weak]


def none_match(request: Request, etag: str) -> bool:
    """Does the client already hold this version?"""
    header = request.headers.get("if-none-match")
    if header is None:
        return False
    return header.strip() == "*" or any(tag == etag for _, tag in _tags(header, "If-None-Match"))


def _tags(header: str, name: str) -> list[tuple[str, str]]:
    tags, at = [], 0
    while at < len(header):
        tag = _TAGS.match(header, at)
        if not tag:
            raise BadRequest(f'{name} must be * or a list of ETags, such as "3.1.1" with its quotes')
        if tag[2] is not None:  # a list may hold empty elements
            tags.append((tag[1] or "", tag[2]))
        at = tag.end()
    if not tags:  # RFC 9110 lets a list be empty, but nobody means that
        raise BadRequest(f"{name} names no ETag")
    return tags

"""ETags and conditional requests (RFC 9110, section 13).

`If-Match` is evaluated before `If-None-Match`, as section 13.2.2 requires.
"""

import re
from typing import NamedTuple

from sluice.errors import BadRequest, StaleVersion
from sluice.http.request import Request
from sluice.sql.precondition import Precondition

_ELEMENT = re.compile(r'[ \t,]*(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?:,|$)|$)')


class _ETags(NamedTuple):
    """The value of a header: `*` or a list of ETags. Only If-None-Match compares weak ETags."""

    any: bool
    strong: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()


def precondition(request: Request) -> Precondition:
    """Return the precondition of a write. Raise BadRequest if a header is invalid.

    A missing row is NotFound with any precondition, because preconditions apply only to requests
    that would otherwise succeed (RFC 9110, section 13.2.1).
    """
    if_match = _parse(request, "If-Match")
    if_none_match = _parse(request, "If-None-Match")
    if if_none_match is not None and if_none_match.any:  # false for every row that exists
        return Precondition(if_match=())
    return Precondition(
        if_match=None if if_match is None or if_match.any else if_match.strong,
        if_none_match=None if if_none_match is None else if_none_match.strong + if_none_match.weak,
    )


def require_collection_precondition(request: Request) -> None:
    """Check the precondition of a write to a collection, which always exists and has no ETag.

    Raise StaleVersion if the precondition fails, and BadRequest if a header is invalid.
    """
    if_match = _parse(request, "If-Match")
    if_none_match = _parse(request, "If-None-Match")
    names_etag = if_match is not None and not if_match.any
    forbids_existing = if_none_match is not None and if_none_match.any
    if names_etag or forbids_existing:
        raise StaleVersion(
            "A collection always exists and has no ETag; send the request without If-Match and "
            "If-None-Match"
        )


def is_not_modified(request: Request, etag: str) -> bool:
    """Return whether the client of a read already has the version `etag`.

    Raise StaleVersion if `If-Match` excludes it. Invalid headers are ignored, so that a broken
    cache does not make reads fail.
    """
    if_match = _parse_leniently(request, "If-Match")
    if_none_match = _parse_leniently(request, "If-None-Match")
    if if_match is not None and not if_match.any and etag not in if_match.strong:
        raise StaleVersion
    if if_none_match is None:
        return False
    return if_none_match.any or etag in if_none_match.strong + if_none_match.weak


def _parse_leniently(request: Request, name: str) -> _ETags | None:
    try:
        return _parse(request, name)
    except BadRequest:
        return None


def _parse(request: Request, name: str) -> _ETags | None:
    """Return the parsed header, or None if it is missing. Raise BadRequest if it is invalid."""
    header = request.headers.get(name.lower())
    if header is None:
        return None
    if header.strip(" \t") == "*":
        return _ETags(any=True)
    strong: list[str] = []
    weak: list[str] = []
    position = 0
    while position < len(header):
        element = _ELEMENT.match(header, position)
        if not element:
            raise BadRequest(
                f'{name} must be * or a list of ETags, such as "3.1.1" with its quotes'
            )
        if element[2] is not None:  # a list may contain empty elements
            (weak if element[1] else strong).append(element[2])
        position = element.end()
    if not strong and not weak:  # RFC 9110 allows an empty list, but no client means it
        raise BadRequest(f"{name} contains no ETag; send at least one, or *")
    return _ETags(any=False, strong=tuple(strong), weak=tuple(weak))

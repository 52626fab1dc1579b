"""ETags and conditional requests (RFC 9110, section 13). `If-Match` comes before `If-None-Match`."""

import re
from typing import NamedTuple

from sluice.errors import BadRequest, StaleVersion
from sluice.http.request import Request
from sluice.repositories.conditional_write import Precondition

_ELEMENT = re.compile(r'[ \t,]*(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?:,|$)|$)')


class _Tags(NamedTuple):
    """A header's value: `*`, or ETags. Only If-None-Match compares weak ones."""

    anything: bool
    strong: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()


def precondition(request: Request) -> Precondition:
    """What a write of a row requires of it. BadRequest where a header cannot be read.

    A row that is missing is NotFound with any precondition: those are for requests that would otherwise succeed (RFC
    9110, section 13.2.1).
    """
    match, unless = _read(request, "If-Match"), _read(request, "If-None-Match")
    if unless is not None and unless.anything:  # the row exists, so this never holds
        return Precondition(if_match=())
    return Precondition(
        if_match=None if match is None or match.anything else match.strong,
        if_none_match=None if unless is None else unless.strong + unless.weak,
    )


def require_collection_precondition(request: Request) -> None:
    """StaleVersion where a precondition of a list does not hold: it is always there, and has no ETag. BadRequest."""
    match, unless = _read(request, "If-Match"), _read(request, "If-None-Match")
    if (match is not None and not match.anything) or (unless is not None and unless.anything):
        raise StaleVersion(
            "A list is always there and has no ETag; send this without the precondition"
        )


def is_not_modified(request: Request, etag: str) -> bool:
    """Return whether the client of a read already holds this version. StaleVersion where `If-Match` excludes it.

    A header that cannot be read is ignored: a read does not fail for a cache's sake.
    """
    match, unless = _readable(request, "If-Match"), _readable(request, "If-None-Match")
    if match is not None and not match.anything and etag not in match.strong:
        raise StaleVersion
    return unless is not None and (unless.anything or etag in unless.strong + unless.weak)


def _readable(request: Request, name: str) -> _Tags | None:
    try:
        return _read(request, name)
    except BadRequest:
        return None


def _read(request: Request, name: str) -> _Tags | None:
    """The header's value, or None without the header. BadRequest."""
    header = request.headers.get(name.lower())
    if header is None:
        return None
    if header.strip(" \t") == "*":
        return _Tags(anything=True)
    strong: list[str] = []
    weak: list[str] = []
    at = 0
    while at < len(header):
        element = _ELEMENT.match(header, at)
        if not element:
            raise BadRequest(
                f'{name} must be * or a list of ETags, such as "3.1.1" with its quotes'
            )
        if element[2] is not None:  # a list may hold empty elements
            (weak if element[1] else strong).append(element[2])
        at = element.end()
    if not strong and not weak:  # RFC 9110 allows an empty list, which no client means
        raise BadRequest(f"{name} names no ETag")
    return _Tags(anything=False, strong=tuple(strong), weak=tuple(weak))

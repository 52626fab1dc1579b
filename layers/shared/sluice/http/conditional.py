"""ETags and conditional requests (RFC 9110, section 13).

`If-Match` is evaluated before `If-None-Match`, as section 13.2.2 requires.
"""

from sluice.errors import StaleVersion
from sluice.http import headers
from sluice.http.request import Request
from sluice.sql.precondition import Precondition


def precondition(request: Request) -> Precondition:
    """Return the precondition of a write. Raise BadRequest if a header is invalid.

    A missing row is NotFound with any precondition, because preconditions apply only to requests
    that would otherwise succeed (RFC 9110, section 13.2.1).
    """
    if_match = headers.if_match(request)
    if_none_match = headers.if_none_match(request)
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
    if_match = headers.if_match(request)
    if_none_match = headers.if_none_match(request)
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
    if_match = headers.if_match(request, lenient=True)
    if_none_match = headers.if_none_match(request, lenient=True)
    if if_match is not None and not if_match.any and etag not in if_match.strong:
        raise StaleVersion
    if if_none_match is None:
        return False
    return if_none_match.any or etag in if_none_match.strong + if_none_match.weak

"""Responses with rows: a single row with its ETag, or a page with its links."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from sluice.http import conditional
from sluice.http.request import Request
from sluice.http.response import Response
from sluice.kinds.field import Field
from sluice.sql import key
from sluice.sql.list_spec import Page
from sluice.sql.projection import Representation

JSON = "application/json"


def ok(request: Request, row: Representation) -> Response:
    """Return 200 with the row, or 304 if the client already has it.

    Raise StaleVersion if the `If-Match` header of a read excludes it.
    """
    headers = {"ETag": f'"{row.etag}"'}
    if request.method in ("GET", "HEAD") and conditional.is_not_modified(request, row.etag):
        return Response(304, headers=headers)
    return Response(200, JSON, row.json, headers)


def created(request: Request, row: Representation, keys: Sequence[Field]) -> Response:
    """Return 201 with the new row and its `Location`. `keys` are the fields of its key."""
    path = key.to_path(key.of_representation(keys, row.id))
    headers = {"ETag": f'"{row.etag}"', "Location": f"{request.path}/{path}"}
    return Response(201, JSON, row.json, headers)


def result(request: Request, returned: Representation) -> Response:
    """Return what a function of the database returned: a row, a value, or nothing."""
    if returned.etag:
        return ok(request, returned)
    return Response(200, JSON, returned.json) if returned.json else no_content()


def no_content() -> Response:
    """Return 204."""
    return Response(204)


def data(items: str) -> Response:
    """Return 200 with all rows, without pagination and ETag. `items` is JSON without brackets."""
    return Response(200, JSON, f'{{"data":[{items}]}}')


def page(request: Request, page: Page, limit: int) -> Response:
    """Return 200 with the rows of a page, its cursors and links, and the total if it is known."""
    next_cursor = _quoted(page.next_cursor)
    prev_cursor = _quoted(page.prev_cursor)
    has_more = "true" if page.next_cursor else "false"
    total = "" if page.total is None else f',"total":{page.total}'
    body = (
        f'{{"data":[{page.items}],"pagination":{{"limit":{limit},'
        f'"has_more":{has_more},'
        f'"next_cursor":{next_cursor},"prev_cursor":{prev_cursor}{total}}}}}'
    )
    links = [
        f'<{_link(request, cursor)}>; rel="{relation}"'
        for relation, cursor in (("next", page.next_cursor), ("prev", page.prev_cursor))
        if cursor
    ]
    return Response(200, JSON, body, {"Link": ", ".join(links)} if links else {})


def _quoted(cursor: str | None) -> str:
    return f'"{cursor}"' if cursor else "null"  # base64url needs no escaping


def _link(request: Request, cursor: str) -> str:
    """Return the URL of this request with another cursor."""
    kept = [pair for pair in request.pairs if pair[0] not in ("cursor", "offset")]
    query = f"{urlencode(kept)}&" if kept else ""
    return f"{quote(request.path)}?{query}cursor={cursor}"  # base64url needs no quoting

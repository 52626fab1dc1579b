"""Rows as responses: one with its ETag, or a page with its links."""

from urllib.parse import quote, urlencode

from aws_lambda_powertools.event_handler import Response

from sluice.http import conditional
from sluice.http.request import Request
from sluice.repositories.list_spec import Page
from sluice.repositories.projection import Representation

JSON = "application/json"


def ok(request: Request, record: Representation) -> Response[str]:
    """200 with the row, or 304 where the client holds it already. StaleVersion where a read's `If-Match` fails."""
    headers = {"ETag": f'"{record.etag}"'}
    if request.method in ("GET", "HEAD") and conditional.is_not_modified(request, record.etag):
        return Response(304, headers=headers)
    return Response(200, JSON, record.json, headers)


def created(request: Request, record: Representation, *, replayed: bool = False) -> Response[str]:
    """201 with the new row and where it is from now on."""
    headers = {"ETag": f'"{record.etag}"', "Location": f"{request.path}/{record.id}"}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(201, JSON, record.json, headers)


def no_content() -> Response[str]:
    return Response(204)


def data(items: str) -> Response[str]:
    """200 with rows that are all there is: no pages, no ETag."""
    return Response(200, JSON, f'{{"data":[{items}]}}')


def page(request: Request, page: Page, limit: int) -> Response[str]:
    """200 with the rows, where the list goes on in both directions, and the total where it was asked for."""
    next_cursor, prev_cursor = _quoted(page.next_cursor), _quoted(page.prev_cursor)
    total = "" if page.total is None else f',"total":{page.total}'
    body = (
        f'{{"data":[{page.items}],"pagination":{{"limit":{limit},'
        f'"has_more":{"true" if page.next_cursor else "false"},'
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
    """This request's own parameters, with the cursor in place of where it was."""
    query = {
        name: value for name, value in request.query.items() if name not in ("cursor", "offset")
    }
    return f"{quote(request.path)}?{urlencode({**query, 'cursor': cursor})}"

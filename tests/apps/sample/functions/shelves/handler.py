"""/api/shelves: the shelves of the library."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from sample.shelves import LIST_SPEC, PROJECTION, ShelfRepository
from sluice import runtime
from sluice.http import idempotency, responses
from sluice.http.body import BodySchema
from sluice.http.conditional import precondition
from sluice.http.request import Request
from sluice.http.router import Api
from sluice.kinds.text import Slug, Text
from sluice.sql.list_spec import ListQuery

SHELF = BodySchema(
    [
        Text("name", min_length=1, max_length=200, example="Novels"),
        Slug("slug", example="novels"),
    ],
    read_only=("id", "created_at", "updated_at", "version"),
    unique=("slug",),
)

handler = api = Api(runtime=runtime.current, scope="library")


def _shelves() -> ShelfRepository:
    return runtime.current().get(ShelfRepository)


@api.get("/api/shelves", response=LIST_SPEC)
def list_shelves(request: Request, query: ListQuery) -> Response[str]:
    """List shelves."""
    return responses.page(request, _shelves().page(query), query.limit)


@api.post("/api/shelves", body=SHELF, response=PROJECTION)
def create_shelf(request: Request, shelf: dict[str, Any]) -> Response[str]:
    """Create a shelf."""
    current = runtime.current()
    return idempotency.create(
        request,
        current.idempotency,
        lambda key: _shelves().create(shelf, key),
    )


@api.get("/api/shelves/<id>", response=PROJECTION, stale_if_error=True)
def get_shelf(request: Request, fields: frozenset[str] | None, id: int) -> Response[str]:
    """Get a shelf."""
    return responses.ok(request, _shelves().get_by_id(id, fields))


@api.put("/api/shelves/<id>", body=SHELF, response=PROJECTION)
def replace_shelf(request: Request, shelf: dict[str, Any], id: int) -> Response[str]:
    """Replace a shelf's name and slug."""
    return responses.ok(
        request,
        _shelves().update(id, shelf, precondition(request)),
    )


@api.patch("/api/shelves/<id>", body=SHELF, response=PROJECTION)
def update_shelf(request: Request, changes: dict[str, Any], id: int) -> Response[str]:
    """Update a shelf's name or slug (JSON merge patch)."""
    return responses.ok(
        request,
        _shelves().update(id, changes, precondition(request)),
    )


@api.delete("/api/shelves/<id>")
def delete_shelf(request: Request, id: int) -> Response[str]:
    """Delete a shelf that has no books."""
    _shelves().delete(id, precondition(request))
    return responses.no_content()

"""/api/shelves: the shelves of the library."""

from typing import Any

from sample.merging import merge_shelf
from sample.shelves import ShelfRepository
from sluice import runtime
from sluice.http import responses
from sluice.http.body import BodySchema
from sluice.http.request import Request
from sluice.http.resource_routes import resource_api
from sluice.http.response import Response
from sluice.kinds.text import Slug

MERGE = BodySchema([Slug("into", example="poems")])

api = resource_api(ShelfRepository, stale_if_error=True)


@api.post(
    "/api/shelves/<id>/merge",
    body=MERGE,
    response=ShelfRepository.projection,
    idempotent=False,
)
def merge_shelves(request: Request, merge: dict[str, Any], id: int) -> Response:
    """Move the books of a shelf to another one, and delete the shelf."""
    shelf = runtime.current().run_in_transaction(lambda work: merge_shelf(work, id, merge["into"]))
    return responses.ok(request, shelf)

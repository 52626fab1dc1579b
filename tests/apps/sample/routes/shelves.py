"""/api/shelves: the shelves of the library."""

from sample.shelves import ShelfRepository
from sluice.http.resource_routes import resource_api

api = resource_api(ShelfRepository, stale_if_error=True)

"""/api/books: the books of the library."""

from sample.books import BookRepository
from sluice.http.resource_routes import resource_api

api = resource_api(BookRepository, stale_if_error=True)

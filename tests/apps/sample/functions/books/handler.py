"""/api/books: the books of the library."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from sample.books import LIST_SPEC, PROJECTION, BookRepository
from sluice import runtime
from sluice.http import idempotency, responses
from sluice.http.body import BodySchema
from sluice.http.conditional import precondition
from sluice.http.request import Request
from sluice.http.router import Api
from sluice.kinds.integer import Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.text import Slug, Text
from sluice.sql.list_spec import ListQuery

# The table's constraint rejects negative copies, with the error NoCopies.
BOOK = BodySchema(
    [
        Text("name", min_length=1, max_length=200, example="Emma"),
        Text("description", max_length=10_000, nullable=True, example="A novel."),
        Numeric("price", precision=12, scale=2, minimum=0),
        Slug("shelf", example="novels"),
        Integer("copies", example=2),
    ],
    read_only=("id", "created_at", "updated_at", "version"),
    optional=("description", "copies"),
    unique=("name",),
)

handler = api = Api(runtime=runtime.current, scope="library")


def _books() -> BookRepository:
    return runtime.current().get(BookRepository)


@api.get("/api/books", response=LIST_SPEC)
def list_books(request: Request, query: ListQuery) -> Response[str]:
    """List books."""
    return responses.page(request, _books().page(query), query.limit)


@api.post("/api/books", body=BOOK, response=PROJECTION)
def create_book(request: Request, book: dict[str, Any]) -> Response[str]:
    """Create a book."""
    current = runtime.current()
    return idempotency.create(
        request,
        current.idempotency,
        lambda key: _books().create(book, key),
    )


@api.get("/api/books/<id>", response=PROJECTION, stale_if_error=True)
def get_book(request: Request, fields: frozenset[str] | None, id: int) -> Response[str]:
    """Get a book."""
    return responses.ok(request, _books().get_by_id(id, fields))


@api.put("/api/books/<id>", body=BOOK, response=PROJECTION)
def replace_book(request: Request, book: dict[str, Any], id: int) -> Response[str]:
    """Replace all fields of a book."""
    return responses.ok(request, _books().update(id, book, precondition(request)))


@api.patch("/api/books/<id>", body=BOOK, response=PROJECTION)
def update_book(request: Request, changes: dict[str, Any], id: int) -> Response[str]:
    """Update some fields of a book (JSON merge patch)."""
    return responses.ok(request, _books().update(id, changes, precondition(request)))


@api.delete("/api/books/<id>")
def delete_book(request: Request, id: int) -> Response[str]:
    """Delete a book."""
    _books().delete(id, precondition(request))
    return responses.no_content()

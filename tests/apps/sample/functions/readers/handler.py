"""/api/readers: those who borrow books. Emails are unique without regard to case."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from sample.readers import LIST_SPEC, PROJECTION, ReaderRepository
from sluice import runtime
from sluice.http import idempotency, responses
from sluice.http.body import BodySchema
from sluice.http.conditional import precondition
from sluice.http.request import Request
from sluice.http.router import Api
from sluice.kinds.text import Email, Text
from sluice.sql.list_spec import ListQuery

READER = BodySchema(
    [
        Email("email", example="ada.sample@example.com"),
        Text("name", min_length=1, max_length=200, example="Ada Byron"),
    ],
    read_only=("id", "created_at", "updated_at", "version"),
    unique=("email",),
)

handler = api = Api(runtime=runtime.current, scope="readers")


def _readers() -> ReaderRepository:
    return runtime.current().get(ReaderRepository)


@api.get("/api/readers", response=LIST_SPEC)
def list_readers(request: Request, query: ListQuery) -> Response[str]:
    """List readers."""
    return responses.page(request, _readers().page(query), query.limit)


@api.post("/api/readers", body=READER, response=PROJECTION)
def create_reader(request: Request, reader: dict[str, Any]) -> Response[str]:
    """Create a reader."""
    current = runtime.current()
    return idempotency.create(
        request, current.idempotency, lambda key: _readers().create(reader, key)
    )


@api.get("/api/readers/<id>", response=PROJECTION)
def get_reader(request: Request, fields: frozenset[str] | None, id: int) -> Response[str]:
    """Get a reader."""
    return responses.ok(request, _readers().get_by_id(id, fields))


@api.put("/api/readers/<id>", body=READER, response=PROJECTION)
def replace_reader(request: Request, reader: dict[str, Any], id: int) -> Response[str]:
    """Replace a reader's email and name."""
    return responses.ok(request, _readers().update(id, reader, precondition(request)))


@api.patch("/api/readers/<id>", body=READER, response=PROJECTION)
def update_reader(request: Request, changes: dict[str, Any], id: int) -> Response[str]:
    """Update a reader's email or name (JSON merge patch)."""
    return responses.ok(request, _readers().update(id, changes, precondition(request)))


@api.delete("/api/readers/<id>")
def delete_reader(request: Request, id: int) -> Response[str]:
    """Delete a reader."""
    _readers().delete(id, precondition(request))
    return responses.no_content()

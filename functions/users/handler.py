"""/api/users: the customers who order. Emails are unique without regard to case."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from shop.fields import EMAIL, NAME, with_example
from shop.users import LIST_SPEC, PROJECTION, UserRepository
from sluice import runtime
from sluice.http import idempotency, responses
from sluice.http.body import BodySchema
from sluice.http.conditional import precondition
from sluice.http.request import Request
from sluice.http.router import Api
from sluice.sql.list_spec import ListQuery

USER = BodySchema(
    [with_example(EMAIL, "ada.sample@example.com"), with_example(NAME, "Ada Byron")],
    read_only=("id", "created_at", "updated_at", "version"),
    unique=("email",),
)

handler = api = Api(runtime=runtime.current, scope="users")


def _users() -> UserRepository:
    return runtime.current().get(UserRepository)


@api.get("/api/users", response=LIST_SPEC)
def list_users(request: Request, query: ListQuery) -> Response[str]:
    """List users."""
    return responses.page(request, _users().page(query), query.limit)


@api.post("/api/users", body=USER, response=PROJECTION)
def create_user(request: Request, user: dict[str, Any]) -> Response[str]:
    """Create a user."""
    current = runtime.current()
    return idempotency.create(request, current.idempotency, lambda key: _users().create(user, key))


@api.get("/api/users/<id>", response=PROJECTION)
def get_user(request: Request, fields: frozenset[str] | None, id: int) -> Response[str]:
    """Get a user."""
    return responses.ok(request, _users().get_by_id(id, fields))


@api.put("/api/users/<id>", body=USER, response=PROJECTION)
def replace_user(request: Request, user: dict[str, Any], id: int) -> Response[str]:
    """Replace a user's email and name."""
    return responses.ok(request, _users().update(id, user, precondition(request)))


@api.patch("/api/users/<id>", body=USER, response=PROJECTION)
def update_user(request: Request, changes: dict[str, Any], id: int) -> Response[str]:
    """Update a user's email or name (JSON merge patch)."""
    return responses.ok(request, _users().update(id, changes, precondition(request)))


@api.delete("/api/users/<id>")
def delete_user(request: Request, id: int) -> Response[str]:
    """Delete a user without orders."""
    _users().delete(id, precondition(request))
    return responses.no_content()

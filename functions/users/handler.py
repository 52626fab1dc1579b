"""/api/users: who orders. An email is one user's, in whatever case it is written."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from sluice import runtime
from sluice.http import idempotency, responses
from sluice.http.body import Email, Shape, Text
from sluice.http.conditional import precondition
from sluice.http.request import Request
from sluice.http.router import Api
from sluice.repositories.list_spec import ListQuery
from sluice.repositories.users import LIST_SPEC, PROJECTION

USER = Shape(
    {"email": Email(example="ada.sample@example.com"), "name": Text(200, example="Ada Byron")},
    server_set=("id", "created_at", "updated_at", "version"),
    unique=("email",),
    first_row={"email": "oscar.strand@example.com", "name": "Oscar Strand"},
)

handler = api = Api(shop=runtime.current, scope="users")


@api.get("/api/users", gives=LIST_SPEC)
def list_users(request: Request, query: ListQuery) -> Response[str]:
    """List users, a page at a time."""
    return responses.page(request, runtime.current().users.page(query), query.limit)


@api.post("/api/users", takes=USER, gives=PROJECTION)
def create_user(request: Request, user: dict[str, Any]) -> Response[str]:
    """Add a user."""
    shop = runtime.current()
    return idempotency.create(request, shop.answers, lambda key: shop.users.create(user, key))


@api.get("/api/users/<id>", gives=PROJECTION)
def get_user(request: Request, fields: frozenset[str] | None, id: int) -> Response[str]:
    """Get a user."""
    return responses.one(request, runtime.current().users.get_by_id(id, fields))


@api.put("/api/users/<id>", takes=USER, gives=PROJECTION)
def replace_user(request: Request, user: dict[str, Any], id: int) -> Response[str]:
    """Replace a user's email and name."""
    return responses.one(request, runtime.current().users.update(id, user, precondition(request)))


@api.patch("/api/users/<id>", takes=USER, gives=PROJECTION)
def change_user(request: Request, changes: dict[str, Any], id: int) -> Response[str]:
    """Change a user's email or name (a JSON merge patch)."""
    return responses.one(
        request, runtime.current().users.update(id, changes, precondition(request))
    )


@api.delete("/api/users/<id>")
def delete_user(request: Request, id: int) -> Response[str]:
    """Delete a user who has no orders."""
    runtime.current().users.delete(id, precondition(request))
    return responses.gone()

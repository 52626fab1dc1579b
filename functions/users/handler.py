"""/api/users: who orders. An email is one user's, in whatever case it is written."""

from aws_lambda_powertools.event_handler import Response

from sluice import runtime
from sluice.http import idempotency, params, records
from sluice.http.api import Api
from sluice.http.body import Email, Shape, Text
from sluice.http.conditional import if_match
from sluice.http.request import Request
from sluice.repositories.users import LISTING, VIEW

USER = Shape(
    {"email": Email(), "name": Text(200)},
    server_set=("id", "created_at", "updated_at", "version"),
)

handler = api = Api(cors_origins=runtime.cors_origins)


@api.get("/api/users")
def list_users(request: Request) -> Response[str]:
    query = params.read_listing(request.query, LISTING)
    return records.page(request, runtime.current().users.page(query), query.limit)


@api.post("/api/users")
def create_user(request: Request) -> Response[str]:
    user, shop = USER.create(request.json()), runtime.current()
    return idempotency.create(request, shop.answers, lambda key: shop.users.create(user, key))


@api.get("/api/users/<id>")
def get_user(request: Request, id: str) -> Response[str]:
    fields = params.read_fields(request.query, VIEW.fields)
    return records.one(request, runtime.current().users.get_by_id(params.record_id(id), fields))


@api.put("/api/users/<id>")
def replace_user(request: Request, id: str) -> Response[str]:
    user_id, user = params.record_id(id), USER.replace(request.json())
    return records.one(request, runtime.current().users.update(user_id, user, if_match(request)))


@api.patch("/api/users/<id>")
def change_user(request: Request, id: str) -> Response[str]:
    user_id, changes = params.record_id(id), USER.patch(request.json())
    return records.one(request, runtime.current().users.update(user_id, changes, if_match(request)))


@api.delete("/api/users/<id>")
def delete_user(request: Request, id: str) -> Response[str]:
    runtime.current().users.delete(params.record_id(id), if_match(request))
    return records.gone()

"""Own rows by user: the tenant is the user in the claim `sub` of the token."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from sluice import runtime
from sluice.http.resource_routes import resource_api
from sluice.kinds.integer import BigInt
from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import Resource
from sluice.settings import JwtSettings
from sluice.sql.resource_repository import ResourceRepository
from tests.fixtures.client import ApiResponse, Client, http_event, lambda_context
from tests.fixtures.tokens import AUDIENCE, ISSUER

ADA, MARY = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2))
TABLE = """
CREATE TABLE studio.drafts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id uuid NOT NULL,
    title text NOT NULL
);
CREATE INDEX ON studio.drafts (user_id, id);
GRANT SELECT, INSERT, UPDATE, DELETE ON studio.drafts TO sluice_app
"""
DRAFTS = Resource(
    name="drafts",
    singular="draft",
    description="A draft, which only its author sees.",
    table="studio.drafts",
    group="drafts",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[Uuid("user_id", read_only=True), Text("title", min_length=1, max_length=80)],
    tenant="user_id",
)


class DraftRepository(ResourceRepository):
    """Reads and writes the drafts of a user."""

    resource = DRAFTS


@pytest.fixture
def api(isolated_client: Client) -> Iterator[Any]:
    """Create the table, and trust the claims of API Gateway."""
    isolated_client.sql(TABLE)
    current = runtime.current()
    tokens = JwtSettings(ISSUER, AUDIENCE, "", verified_by_gateway=True, tenant_claim="sub")
    settings = current.settings._replace(jwt=tokens)
    runtime.set_current(runtime.Runtime(settings, current.database))
    yield resource_api(DraftRepository)
    runtime.set_current(current)


def call(api: Any, user: str, method: str, path: str, body: Any = None) -> ApiResponse:
    """Send a request of a user, whose token API Gateway has verified."""
    event = http_event(method, path, body, None, {"authorization": "Bearer token"})
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "exp": str(int(time.time()) + 600)}
    claims["scope"] = "drafts:read drafts:write"
    event["requestContext"]["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
    response = api(event, lambda_context())
    return ApiResponse(response["statusCode"], response["headers"], response["body"] or "")


def test_each_user_has_its_own_drafts(api: Any) -> None:
    created = call(api, ADA, "POST", "/api/drafts", {"title": "Notes", "user_id": MARY})
    assert (created.status, created.json["user_id"]) == (201, ADA)
    path = created.headers["Location"]

    assert call(api, ADA, "GET", path).json == created.json
    assert call(api, MARY, "GET", path).status == 404
    assert call(api, MARY, "PATCH", path, {"title": "Mine"}).status == 404
    assert call(api, MARY, "DELETE", path).status == 404
    assert call(api, MARY, "GET", "/api/drafts").json["data"] == []
    assert call(api, ADA, "GET", "/api/drafts").json["data"] == [created.json]


def test_subject_that_is_no_user_has_no_drafts(api: Any) -> None:
    refused = call(api, "ada", "GET", "/api/drafts")

    assert (refused.status, refused.code) == (403, "no_tenant")

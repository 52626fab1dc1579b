"""Callers of the application lodge: clients with API keys or tokens, which send requests."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice import runtime
from sluice.http.group import api_of
from sluice.http.router import Api
from sluice.settings import JwtSettings
from tests.fixtures.client import ApiResponse, http_event, lambda_context
from tests.fixtures.tokens import AUDIENCE, ISSUER

SCOPES = ("houses", "guests", "stays", "tags", "nights", "remarks", "answers", "countries")
ALL_SCOPES = tuple(f"{name}:{access}" for name in SCOPES for access in ("read", "write"))
VERIFIED_BY_GATEWAY = JwtSettings(ISSUER, AUDIENCE, "https://issuer.example/keys", True, "org")


@dataclass(frozen=True)
class Caller:
    """A client. `claims` are those of its token, which API Gateway has verified."""

    key: str = ""
    claims: Mapping[str, Any] | None = None
    api: Api | None = None

    def call(
        self, method: str, target: str, body: Any = None, /, **headers: str | None
    ) -> ApiResponse:
        """Send a request. `target` is the path below /api. Headers that are None are not sent."""
        sent = {"x_api_key": self.key or None, **headers}
        event = http_event(
            method, f"/api/{target}", body, None, {k: v for k, v in sent.items() if v is not None}
        )
        if self.claims is not None:
            event["requestContext"]["authorizer"] = {"jwt": {"claims": self.claims}}
        resource = target.partition("?")[0].partition("/")[0]
        response = (self.api or api_of(resource))(event, lambda_context())
        return ApiResponse(response["statusCode"], response["headers"], response["body"] or "")

    def get(self, target: str, /, **headers: str | None) -> ApiResponse:
        return self.call("GET", target, **headers)


def with_claim(value: object) -> Caller:
    """Return a caller whose token has this value in the claim `org`."""
    claims = {
        "iss": ISSUER,
        "sub": "ada",
        "scope": " ".join(ALL_SCOPES),
        "exp": str(int(time.time()) + 600),
        "org": value,
    }
    return Caller(claims=claims)


def install(**settings: Any) -> None:
    """Install a runtime with other settings, on the same database."""
    current = runtime.current()
    changed = current.settings._replace(**settings)
    runtime.set_current(runtime.Runtime(changed, current.database))

"""Authentication, scopes and rate limits."""

import re

import pytest

from tests.e2e.deployment import WAIT_SECONDS, Deployment, DeploymentResponse

MAX_REQUESTS = 200  # sent to exceed the rate limit


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer e30.e30.e30"}, {"authorization": "Basic dTpw"}]
)
def test_request_without_credentials_is_401(api: Deployment, headers: dict[str, str]) -> None:
    response = api("GET", "/api/products", key="", **headers)
    assert (response.status, response.code) == (401, "unauthenticated")
    assert response.headers[
        "www-authenticate"
    ]  # a REST API renames this header; an HTTP API must not


def test_unknown_key_is_401(api: Deployment) -> None:
    response = api("GET", "/api/products", key="sluice_e2e-is-not-a-key")
    assert (response.status, response.code) == (401, "unauthenticated")


def test_writes_and_graphql_need_credentials(api: Deployment) -> None:
    assert api("POST", "/api/graphql", {"query": "{ __typename }"}, key="").status == 401
    assert api("POST", "/api/orders", {}, key="").status == 401
    assert api("DELETE", "/api/products/1", key="").status == 401


def test_response_has_the_rate_limit(api: Deployment) -> None:
    headers = api("GET", "/api/categories?limit=1").headers
    assert re.fullmatch(r'"[\w-]+";q=\d+;w=\d+', headers["ratelimit-policy"])
    assert re.fullmatch(r'"[\w-]+";r=\d+;t=\d+', headers["ratelimit"])


def test_limited_key_is_403_and_then_429(api: Deployment) -> None:
    """Needs LIMITED_KEY, a key with read scopes and a low quota."""
    if not api.limited_key:
        pytest.skip("needs LIMITED_KEY=…")

    def ask(method: str = "GET") -> DeploymentResponse:
        body = ({"name": "e2e"},) if method == "POST" else ()
        return api(method, "/api/categories", *body, key=api.limited_key)

    forbidden = api.until(lambda: ask("POST"), lambda response: response.status != 429)
    assert (forbidden.status, forbidden.code) == (403, "insufficient_scope")
    assert "catalog:write" in forbidden.json["detail"]
    rejected = next(
        response for response in (ask() for _ in range(MAX_REQUESTS)) if response.status != 200
    )
    assert (rejected.status, rejected.code) == (429, "rate_limited")
    assert 1 <= int(rejected.headers["retry-after"]) <= WAIT_SECONDS
    assert "r=0;" in rejected.headers["ratelimit"]

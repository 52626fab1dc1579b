"""Who is let in, for what, and how often."""

import re

import pytest

from tests.e2e.deployment import WAIT_SECONDS, Answer, Deployment

MOST = 200  # requests that are sent to use up a limit


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer e30.e30.e30"}, {"authorization": "Basic dTpw"}]
)
def test_request_without_credentials_is_401(api: Deployment, headers: dict[str, str]) -> None:
    answer = api("GET", "/api/products", key="", **headers)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers[
        "www-authenticate"
    ]  # a REST API's gateway renames it; an HTTP API must not


def test_unknown_key_is_401(api: Deployment) -> None:
    answer = api("GET", "/api/products", key="sluice_e2e-is-not-a-key")
    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_writes_and_graphql_need_credentials_too(api: Deployment) -> None:
    assert api("POST", "/api/graphql", {"query": "{ __typename }"}, key="").status == 401
    assert api("POST", "/api/orders", {}, key="").status == 401
    assert api("DELETE", "/api/products/1", key="").status == 401


def test_known_client_sees_its_limit(api: Deployment) -> None:
    headers = api("GET", "/api/categories?limit=1").headers
    assert re.fullmatch(r'"[\w-]+";q=\d+;w=\d+', headers["ratelimit-policy"])
    assert re.fullmatch(r'"[\w-]+";r=\d+;t=\d+', headers["ratelimit"])


def test_limited_key_is_refused_a_write_and_then_everything(api: Deployment) -> None:
    """403 for want of a scope, then 429 once the quota is used up. Needs a key with read scopes and a low tier."""
    if not api.limited_key:
        pytest.skip("needs LIMITED_KEY=…")

    def ask(method: str = "GET") -> Answer:
        body = ({"name": "e2e"},) if method == "POST" else ()
        return api(method, "/api/categories", *body, key=api.limited_key)

    forbidden = api.until(lambda: ask("POST"), lambda answer: answer.status != 429)
    assert (forbidden.status, forbidden.code) == (403, "insufficient_scope")
    assert "catalog:write" in forbidden.json["detail"]
    refused = next(answer for answer in (ask() for _ in range(MOST)) if answer.status != 200)
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert 1 <= int(refused.headers["retry-after"]) <= WAIT_SECONDS
    assert "r=0;" in refused.headers["ratelimit"]

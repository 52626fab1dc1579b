"""JWT claims that API Gateway has verified, and forged ones."""

import time
from typing import Any

import pytest

from sluice import runtime
from sluice.identity.claims import parse_scopes, principal_from_claims
from sluice.settings import JwtSettings, Settings
from tests.fixtures.client import HANDLERS, http_event, lambda_context
from tests.fixtures.sample import Library
from tests.fixtures.tokens import AUDIENCE, ISSUER

KEYS_URL = "https://issuer.example/keys"  # not reachable


def claims(**changes: Any) -> dict[str, Any]:
    """Return claims as API Gateway puts them into an event: all values are strings."""
    defaults = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "scope": "readers:read",
        "exp": str(int(time.time()) + 600),
    }
    return {name: value for name, value in {**defaults, **changes}.items() if value is not None}


def get_readers(claims: dict[str, Any] | None, **headers: str) -> dict[str, Any]:
    """Send GET /api/readers with these verified claims, or without an authorizer."""
    event = http_event("GET", "/api/readers", None, None, headers)
    if claims is not None:
        event["requestContext"]["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
    return HANDLERS["readers"](event, lambda_context())


def set_token_settings(*, verified_by_gateway: bool) -> None:
    current = runtime.current()
    tokens = JwtSettings(ISSUER, AUDIENCE, KEYS_URL, verified_by_gateway=verified_by_gateway)
    runtime.set_current(runtime.Runtime(current.settings._replace(jwt=tokens), current.database))


@pytest.fixture
def verified(library: Library) -> None:
    set_token_settings(verified_by_gateway=True)


def test_gateway_claims_identify_the_client(verified: None) -> None:
    assert get_readers(claims(), authorization="Bearer token")["statusCode"] == 200
    rejected = get_readers(claims(scope="library:read"), authorization="Bearer token")
    assert (rejected["statusCode"], "insufficient_scope" in rejected["body"]) == (403, True)


@pytest.mark.parametrize(
    "invalid",
    [
        None,
        {},
        claims(iss="https://other.example/"),
        claims(sub=None),
        claims(sub=""),
        claims(exp=None),
        claims(exp="soon"),
        claims(exp=str(int(time.time()) - 1)),
    ],
    ids=[
        "none",
        "empty",
        "other issuer",
        "no subject",
        "empty subject",
        "no expiry",
        "expiry is text",
        "expired",
    ],
)
def test_incomplete_claims_are_rejected(verified: None, invalid: dict[str, Any] | None) -> None:
    rejected = get_readers(invalid, authorization="Bearer token")
    assert rejected["statusCode"] == 401
    assert "WWW-Authenticate" in rejected["headers"]


def test_claims_without_authorizer_are_not_trusted(library: Library) -> None:
    for trusted_issuer in (False, True):
        if trusted_issuer:
            set_token_settings(verified_by_gateway=False)
        assert get_readers(claims())["statusCode"] == 401
        assert get_readers(claims(), authorization="Bearer not.a.token")["statusCode"] in (401, 503)


def test_claims_in_headers_are_ignored(verified: None) -> None:
    forged = {
        "x-amzn-oidc-data": "ada",
        "authorizer": "ada",
        "requestcontext": '{"authorizer": {"jwt": {}}}',
    }
    assert get_readers(None, authorization="Bearer token", **forged)["statusCode"] == 401


def test_scopes_may_be_text_or_list() -> None:
    assert parse_scopes({"scope": "a:read b:write"}) == {"a:read", "b:write"}
    assert parse_scopes({"scp": "[a:read b:write]"}) == {
        "a:read",
        "b:write",
    }  # API Gateway's form of a list
    assert parse_scopes({"scp": ["a:read", 7]}) == {"a:read"}
    assert parse_scopes({"scope": 7}) == frozenset()


def test_subject_is_distinct_from_api_key_clients() -> None:
    principal = principal_from_claims(claims(sub="library"), ISSUER)
    assert principal is not None
    assert principal.client_id == "jwt library"


def test_setting_selects_who_verifies(library: Library) -> None:
    environ = {
        "SLUICE_DB_HOST": "db",
        "SLUICE_DB_NAME": "library",
        "SLUICE_DB_USER": "sluice_app",
        "SLUICE_DB_PASSWORD": "secret",
        "SLUICE_CURSOR_KEY": "0123456789abcdef",
        "SLUICE_API_KEYS_TABLE": "keys",
        "SLUICE_RATE_LIMIT_TABLE": "limits",
        "SLUICE_JWT_ISSUER": ISSUER,
        "SLUICE_JWT_AUDIENCE": AUDIENCE,
    }
    for variable, expected in ((None, False), ("function", False), ("gateway", True)):
        variables = environ | ({} if variable is None else {"SLUICE_JWT_VERIFIED_BY": variable})
        tokens = Settings.from_env(variables).jwt
        assert tokens is not None
        assert tokens.verified_by_gateway is expected

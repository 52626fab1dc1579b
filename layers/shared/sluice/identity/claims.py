"""Read the claims of a JSON Web Token whose signature was verified, here or by API Gateway.

With the template's GatewayJwtAuthorizer, API Gateway verifies a token before it starts a function.
It puts the claims into the event's `requestContext`, which no client can write. The functions use
these claims only if the settings say that API Gateway verifies tokens.
"""

from collections.abc import Mapping
from typing import Any

from sluice.identity.authenticator import Principal


def parse_scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes in `scope` (RFC 8693: separated by spaces), or else in `scp`.

    `scp` is a list or a string. API Gateway passes a list on as a string in brackets. Anything
    else means no scopes.
    """
    scopes = claims.get("scope", claims.get("scp", ""))
    if isinstance(scopes, str):
        return frozenset(scopes.removeprefix("[").removesuffix("]").split())
    if isinstance(scopes, list):
        return frozenset(scope for scope in scopes if isinstance(scope, str))
    return frozenset()


def principal_from_claims(claims: Mapping[str, Any] | None, issuer: str) -> Principal | None:
    """Return the client of a token that API Gateway verified.

    Returns None if the claims are missing, of another issuer, or without a subject or an expiry.
    """
    if not claims or claims.get("iss") != issuer or not claims.get("sub"):
        return None
    try:
        expires_at = float(claims["exp"])
    except (KeyError, TypeError, ValueError):
        return None
    return Principal(
        client_id=f"jwt {claims['sub']}", scopes=parse_scopes(claims), expires_at=expires_at
    )

"""Reads the claims of a JSON Web Token, after its signature was verified here or by API Gateway.

With GatewayJwtAuthorizer API Gateway verifies a token before it starts a function, and puts its claims into the event.
They are in `requestContext`, which no client can write. Nothing here is called unless the settings say so.
"""

from collections.abc import Mapping
from typing import Any

from sluice.identity.authenticator import Principal


def parse_scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes in `scope` (RFC 8693: a text with spaces), or in `scp`, a list or a text; else none.

    API Gateway hands a list on as a text in brackets.
    """
    given = claims.get("scope", claims.get("scp", ""))
    if isinstance(given, str):
        return frozenset(given.removeprefix("[").removesuffix("]").split())
    return (
        frozenset(scope for scope in given if isinstance(scope, str))
        if isinstance(given, list)
        else frozenset()
    )


def principal_from_claims(claims: Mapping[str, Any] | None, issuer: str) -> Principal | None:
    """Return the client whose token API Gateway verified; None if there are no claims of `issuer` with a subject."""
    if not claims or claims.get("iss") != issuer or not claims.get("sub"):
        return None
    try:
        expires_at = float(claims["exp"])
    except (KeyError, TypeError, ValueError):
        return None
    return Principal(
        client_id=f"jwt {claims['sub']}", scopes=parse_scopes(claims), expires_at=expires_at
    )

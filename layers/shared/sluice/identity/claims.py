"""Read the claims of a JSON Web Token whose signature was verified, here or by API Gateway.

With the template's GatewayJwtAuthorizer, API Gateway verifies a token before it starts a function.
It puts the claims into the event's `requestContext`, which no client can write. The functions use
these claims only if the settings say that API Gateway verifies tokens.
"""

import re
from collections.abc import Mapping
from typing import Any

from sluice.identity.authenticator import Principal
from sluice.identity.tenant_choice import canonical_tenants
from sluice.tenants import application_type

# What API Gateway makes of claims that are no text. A tenant could have the same text.
FLATTENED = re.compile(r"\[.*\]|map\[.*\]|<nil>|null|true|false", re.DOTALL)


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


def tenants_in(claims: Mapping[str, Any], name: str) -> list[object]:
    """Return the tenants in the claim `name`: one value, or the items of a list.

    Without a claim of exactly this name, the name is a path: `app_metadata.tenants` is the member
    `tenants` of the claim `app_metadata`.
    """
    value = claims[name] if name in claims else _member(claims, name.split("."))
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def tenants_in_flattened(claims: Mapping[str, Any], name: str) -> list[object]:
    """Return the tenants in the claim `name` of claims that API Gateway passed on.

    API Gateway makes a string of each claim. Its documentation does not say how; observed are
    `[a b]` for a list and Go's `map[a:b]` for an object. See docs/decisions/0007-callers.md.
    So only whole claims can be read, and items of a list must not contain a space. An item that is
    any text could contain one, and part of it would be another tenant: such lists are ignored.
    """
    values = tenants_in(claims, name)
    if len(values) != 1 or not isinstance(values[0], str):
        return values
    text = values[0]
    if application_type() in ("text", "citext"):
        return [] if FLATTENED.fullmatch(text) else [text]
    if text.startswith("[") and text.endswith("]"):
        return [*text[1:-1].split(" ")] if text != "[]" else []
    return [text]


def _member(value: object, path: list[str]) -> object:
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def principal_from_claims(
    claims: Mapping[str, Any] | None, issuer: str, tenant_claim: str = ""
) -> Principal | None:
    """Return the client of a token that API Gateway verified. `tenant_claim` is its tenants' claim.

    Returns None if the claims are missing, of another issuer, or without a subject or an expiry.
    """
    if not claims or claims.get("iss") != issuer or not claims.get("sub"):
        return None
    try:
        expires_at = float(claims["exp"])
    except (KeyError, TypeError, ValueError):
        return None
    client_id = f"jwt {claims['sub']}"
    tenants = tenants_in_flattened(claims, tenant_claim) if tenant_claim else ()
    return Principal(
        client_id=client_id,
        scopes=parse_scopes(claims),
        expires_at=expires_at,
        tenants=canonical_tenants(tenants, client_id),
    )

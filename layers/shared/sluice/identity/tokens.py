"""Verify JSON Web Tokens with the keys that the issuer publishes. Only RS256 and ES256 are allowed.

PyJWT and cryptography are imported with the first token, so that functions whose clients use API
keys do not load them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from sluice.errors import IdentityUnavailable
from sluice.identity.authenticator import Principal
from sluice.identity.claims import parse_scopes, tenants_in
from sluice.identity.tenant_choice import canonical_tenants
from sluice.settings import JwtSettings

if TYPE_CHECKING:
    from jwt import PyJWK

_log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "ES256")
JWKS_TTL = 3600.0  # seconds
MIN_FETCH_INTERVAL = 30.0  # seconds between two fetches of the keys, even for unknown key ids
LEEWAY = 30  # seconds by which the clocks of the issuer and of Lambda may differ
MAX_TOKEN_LENGTH = 8_192  # characters


class TokenVerifier:
    """Verifies the tokens of one issuer for one audience.

    `fetch` returns the body of a URL; the default is `jwks.fetch`.
    """

    def __init__(
        self,
        settings: JwtSettings,
        *,
        fetch: Callable[[str], bytes] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._keys: Sequence[PyJWK] = ()
        self._fetched_at = self._tried_at = float("-inf")

    def __call__(self, token: str) -> Principal | None:
        """Return the client of the token.

        Returns None if the token is forged, expired, of another issuer or for another audience.
        Raises IdentityUnavailable if there are no keys of the issuer.
        """
        import jwt

        if len(token) > MAX_TOKEN_LENGTH:
            return None
        try:
            claims = self._verify(token, jwt.get_unverified_header(token))
            expires_at = float(claims["exp"]) + LEEWAY
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            _log.info("a token was rejected: %s", type(error).__name__)
            return None
        if not claims["sub"]:  # all clients without a subject would share one client id
            return None
        client_id, claim = f"jwt {claims['sub']}", self._settings.tenant_claim
        return Principal(
            client_id=client_id,
            scopes=parse_scopes(claims),
            expires_at=expires_at,
            tenants=canonical_tenants(tenants_in(claims, claim) if claim else (), client_id),
        )

    def _verify(self, token: str, header: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the verified claims. Raises PyJWTError.

        The keys are fetched again if none matches, because the issuer may have a new one.
        """
        import jwt

        from sluice.identity.jwks import matching_keys

        self._refresh(self._clock() - JWKS_TTL)
        for _ in range(2):
            matches = matching_keys(self._keys, header, ALGORITHMS)
            for key in matches:
                try:
                    return self._decode(token, key)
                except jwt.InvalidSignatureError:
                    continue  # another key may match as well
            if (matches and "kid" in header) or not self._refresh(float("inf")):
                break
        raise jwt.InvalidSignatureError("no key of the issuer has signed this token")

    def _decode(self, token: str, key: PyJWK) -> Mapping[str, Any]:
        import jwt

        claims: Mapping[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm_name],
            issuer=self._settings.issuer,
            audience=self._settings.audience,
            leeway=LEEWAY,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return claims

    def _refresh(self, fetched_since: float) -> bool:
        """Fetch the keys if the last fetch was before `fetched_since`; return whether it worked.

        There is at most one attempt in MIN_FETCH_INTERVAL. Raises IdentityUnavailable if there are
        no keys, neither new nor old.
        """
        import jwt

        from sluice.identity import jwks

        now = self._clock()
        stale = not fetched_since <= self._fetched_at <= now
        fetched = False
        if stale and not 0 <= now - self._tried_at < MIN_FETCH_INTERVAL:
            self._tried_at = now
            client = jwks.JwksClient(self._settings.jwks_url, self._fetch or jwks.fetch)
            try:
                self._keys = client.get_jwk_set().keys
                self._fetched_at, fetched = now, True
            except jwt.PyJWKSetError:
                # The key set has no usable key: the issuer has withdrawn the known ones.
                self._keys, self._fetched_at = (), now
            except (OSError, HTTPException, ValueError, jwt.PyJWTError):
                _log.exception("cannot fetch the issuer's keys from %s", self._settings.jwks_url)
        if not self._keys:
            raise IdentityUnavailable
        return fetched

"""Whose is this JSON Web Token? Verified against the issuer's published keys, RS256 and ES256 alone.

PyJWT and its cryptography are loaded with the first token: a client with an API key never pays for them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from sluice.errors import IdentityUnavailable
from sluice.identity.authenticator import Principal
from sluice.identity.claims import parse_scopes
from sluice.settings import JwtSettings

if TYPE_CHECKING:
    from jwt import PyJWK

_log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "ES256")
JWKS_TTL = 3600.0  # seconds
MIN_FETCH_INTERVAL = 30.0  # seconds, whatever tokens say
LEEWAY = 30  # seconds that the issuer's clock may be off
MOST = 8_192  # characters


class TokenVerifier:
    """One issuer's tokens for one audience. `fetch` returns what is published at a URL; jwks.py has the usual one."""

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
        """Whose token it is; None for one that is forged, expired, of others or for others.

        IdentityUnavailable if the issuer's keys have never been received.
        """
        import jwt

        if len(token) > MOST:
            return None
        try:
            claims = self._claims(token, jwt.get_unverified_header(token))
            expires_at = float(claims["exp"]) + LEEWAY
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            _log.info("a token was refused: %s", type(error).__name__)
            return None
        if not claims["sub"]:  # all who have no name would be one client
            return None
        return Principal(
            client_id=f"jwt {claims['sub']}", scopes=parse_scopes(claims), expires_at=expires_at
        )

    def _claims(self, token: str, header: Mapping[str, Any]) -> Mapping[str, Any]:
        """The claims, verified. PyJWTError. Keys are fetched again if the one that signed it may be a new one."""
        import jwt

        from sluice.identity.jwks import matching_keys

        self._refresh(self._clock() - JWKS_TTL)
        for _ in range(2):
            fit = matching_keys(self._keys, header, ALGORITHMS)
            for key in fit:
                try:
                    return self._decode(token, key)
                except jwt.InvalidSignatureError:
                    continue  # another key may fit as well
            if (fit and "kid" in header) or not self._refresh(float("inf")):
                break
        raise jwt.InvalidSignatureError("none of the issuer's keys has signed it")

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

    def _refresh(self, before: float) -> bool:
        """Fetch the keys if those known are older than `before`; whether new ones came. IdentityUnavailable."""
        import jwt

        from sluice.identity import jwks

        now = self._clock()
        stale = not before <= self._fetched_at <= now
        fetched = False
        if stale and not 0 <= now - self._tried_at < MIN_FETCH_INTERVAL:
            self._tried_at = now
            try:
                self._keys = (
                    jwks.JwksClient(self._settings.jwks_url, self._fetch or jwks.fetch)
                    .get_jwk_set()
                    .keys
                )
                self._fetched_at, fetched = now, True
            except (
                jwt.PyJWKSetError
            ):  # it publishes keys, and none of use: those known are withdrawn
                self._keys, self._fetched_at = (), now
            except (OSError, HTTPException, ValueError, jwt.PyJWTError):
                _log.exception(
                    "the issuer's keys cannot be fetched from %s", self._settings.jwks_url
                )
        if not self._keys:
            raise IdentityUnavailable
        return fetched

"""Whose is this JSON Web Token? Verified against the issuer's published keys, RS256 and ES256 alone.

PyJWT and its cryptography are loaded with the first token: a client with an API key never pays for them.
"""

import json
import logging
import time
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any

from sluice.errors import IdentityUnavailable
from sluice.identity.caller import Caller
from sluice.settings import TokenSettings

_log = logging.getLogger(__name__)

ALGORITHMS = {"RS256": "RSA", "ES256": "EC"}  # and the kind of key each is verified with
KEYS_KEPT = 3600.0  # seconds
FETCHED_AT_MOST_EVERY = 30.0  # seconds, whatever key ids tokens name
LEEWAY = 30  # seconds that the issuer's clock may be off
MOST = 8_192  # characters
MOST_KEYS_BYTES = 1024 * 1024


def fetch(url: str) -> bytes:
    """What the issuer publishes. OSError where it does not answer."""
    with urllib.request.urlopen(url, timeout=2.0) as answer:  # noqa: S310 - settings take https alone, or loopback
        body: bytes = answer.read(MOST_KEYS_BYTES)
    return body


class Tokens:
    """One issuer's tokens for one audience."""

    def __init__(
        self,
        settings: TokenSettings,
        *,
        fetch: Callable[[str], bytes] = fetch,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, Mapping[str, Any]] = {}
        self._fetched_at = self._tried_at = float("-inf")

    def __call__(self, token: str) -> Caller | None:
        """Whose token it is; None for one that is forged, expired, of others or for others.

        IdentityUnavailable where the issuer's keys have never been had.
        """
        import jwt

        if len(token) > MOST:
            return None
        try:
            header = jwt.get_unverified_header(token)
            key = self._key(str(header.get("kid", "")))
            algorithm = str(header.get("alg", ""))
            if key is None or key.get("kty") != ALGORITHMS.get(algorithm):
                return None
            claims = jwt.decode(
                token,
                jwt.PyJWK(dict(key), algorithm=algorithm).key,
                algorithms=[algorithm],
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
            expires_at = float(claims["exp"]) + LEEWAY
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            _log.info("a token was refused: %s", type(error).__name__)
            return None
        if not claims["sub"]:  # all who have no name would be one client
            return None
        return Caller(client=f"jwt {claims['sub']}", scopes=_scopes(claims), expires_at=expires_at)

    def _key(self, kid: str) -> Mapping[str, Any] | None:
        """The issuer's key of that id; asked for anew where it is not among those known, for it may be a new one."""
        now = self._clock()
        stale = kid not in self._keys or not 0 <= now - self._fetched_at <= KEYS_KEPT
        if stale and not 0 <= now - self._tried_at < FETCHED_AT_MOST_EVERY:
            self._tried_at = now
            try:
                self._keys = _usable(json.loads(self._fetch(self._settings.keys_url))["keys"])
                self._fetched_at = now
            except (OSError, HTTPException, ValueError, KeyError, TypeError):
                _log.exception("the issuer's keys cannot be had from %s", self._settings.keys_url)
        if not self._keys:
            raise IdentityUnavailable
        return self._keys.get(kid)


def _usable(published: list[Any]) -> dict[str, Mapping[str, Any]]:
    """Keys for signatures, by their ids. What else an issuer publishes beside them is passed over."""
    keys = (key for key in published if isinstance(key, dict) and key.get("use", "sig") == "sig")
    return {key["kid"]: key for key in keys if isinstance(key.get("kid"), str)}


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """`scope` is a text with spaces (RFC 8693); some issuers send `scp`, a list or a text. Of anything else, none."""
    given = claims.get("scope", claims.get("scp", ""))
    if isinstance(given, str):
        return frozenset(given.split())
    return frozenset(scope for scope in given if isinstance(scope, str)) if isinstance(given, list) else frozenset()

"""Authenticate clients by an API key or a bearer token, and cache the result.

This module checks no scopes. The routes check those of the Principal.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from threading import Lock
from typing import Any, Literal, NamedTuple

from sluice.errors import Unauthenticated

CACHE_TTL = 60.0  # seconds: a revoked key is rejected within this time
CACHE_SIZE = 1_000  # credentials; also unknown ones, because each lookup costs a request


class Principal(NamedTuple):
    """An authenticated client. Its credentials are invalid from `expires_at` on (Unix time).

    tenants: those that the credentials list, each in its canonical text.
    """

    client_id: str
    scopes: frozenset[str]
    tier: str = "default"
    expires_at: float = float("inf")
    tenants: tuple[str, ...] = ()


# Returns the owner of the credentials, or None if they are invalid.
Lookup = Callable[[str], Principal | None]
# Returns the owner of the claims that API Gateway verified, or None if they are not acceptable.
ClaimsLookup = Callable[[Mapping[str, Any] | None], Principal | None]


class _CacheEntry(NamedTuple):
    principal: Principal | None
    expires_at: float


class Authenticator:
    """Identifies clients. A lookup may raise Unavailable; a failed lookup is not cached.

    Without `token_lookup`, bearer tokens are rejected. If `claims_lookup` is set, API Gateway has
    verified the tokens, and only its claims are used.
    """

    def __init__(
        self,
        key_lookup: Lookup,
        token_lookup: Lookup | None,
        claims_lookup: ClaimsLookup | None = None,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._lookups = {"key": key_lookup, "token": token_lookup}
        self._claims_lookup = claims_lookup
        self._clock = clock
        self._lock = Lock()
        self._cache: OrderedDict[bytes, _CacheEntry] = OrderedDict()

    def identify(
        self, key: str | None, authorization: str | None, claims: Mapping[str, Any] | None = None
    ) -> Principal:
        """Return the client of `X-API-Key` or, without that, of `Authorization: Bearer`.

        Raises Unauthenticated if the credentials are missing, unknown or expired.
        """
        if key is not None:
            return self._authenticate("key", key.strip())
        if self._claims_lookup is not None:
            principal = self._claims_lookup(claims)
            if principal is None or self._clock() >= principal.expires_at:
                raise Unauthenticated(
                    "Send an Authorization header with a Bearer token of this API's issuer"
                )
            return principal
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(
                "Send an X-API-Key header, or an Authorization header with a Bearer token"
            )
        return self._authenticate("token", token.strip())

    def _authenticate(self, kind: Literal["key", "token"], credentials: str) -> Principal:
        digest = sha256(f"{kind} {credentials}".encode("utf-8", "surrogatepass")).digest()
        now = self._clock()
        with self._lock:
            entry = self._cache.get(digest)
        # An entry that expires too far in the future was made before the clock was set back.
        if entry is None or not now < entry.expires_at <= now + CACHE_TTL:
            lookup = self._lookups[kind]
            principal = lookup(credentials) if lookup else None
            entry = _CacheEntry(principal, now + CACHE_TTL)
            self._store(digest, entry)
        if entry.principal is None or now >= entry.principal.expires_at:
            noun = "API key" if kind == "key" else "token"
            raise Unauthenticated(f"This {noun} is unknown, disabled or expired")
        return entry.principal

    def _store(self, digest: bytes, entry: _CacheEntry) -> None:
        with self._lock:
            self._cache[digest] = entry
            self._cache.move_to_end(digest)
            if len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)

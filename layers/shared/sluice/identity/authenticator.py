"""Who is asking, and what may they do? An API key or a token, each looked up once and then remembered for a while."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any, NamedTuple

from sluice.errors import Unauthenticated

CACHE_TTL = 60.0  # so what is revoked is refused within this
CACHE_SIZE = 1_000  # credentials, unknown ones too: asking about them is not free either

SCOPES = (
    *("catalog:read", "catalog:write", "users:read", "users:write", "orders:read", "orders:write"),
    *("analytics:read", "analytics:query", "imports:read", "imports:write"),
)


@dataclass(frozen=True, slots=True)
class Principal:
    """A known client. `expires_at`: seconds since the epoch, from when its credentials are none."""

    client_id: str
    scopes: frozenset[str]
    tier: str = "default"
    expires_at: float = float("inf")


Lookup = Callable[
    [str], Principal | None
]  # credentials → whose they are; None where they are nobody's


class _Remembered(NamedTuple):
    principal: Principal | None
    until: float


class Authenticator:
    """Tells callers apart by what they show. `lookup` may fail with an Unavailable; that is not remembered."""

    def __init__(
        self,
        keys: Lookup,
        tokens: Lookup | None,
        verified: Callable[[Mapping[str, Any] | None], Principal | None] | None = None,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._lookups = {"key": keys, "token": tokens}
        self._verified = verified  # claims that API Gateway has verified → whose they are; None: they are not trusted
        self._clock = clock
        self._lock = Lock()
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()

    def identify(
        self, key: str | None, authorization: str | None, claims: Mapping[str, Any] | None = None
    ) -> Principal:
        """Return the client of `X-API-Key` or, without one, of `Authorization: Bearer`. Raise Unauthenticated."""
        if key is not None:
            return self._known("key", key.strip())
        if self._verified is not None:
            principal = self._verified(claims)
            if principal is None or self._clock() >= principal.expires_at:
                raise Unauthenticated(
                    "Send Authorization: Bearer with a token of this API's issuer"
                )
            return principal
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send an X-API-Key, or Authorization: Bearer with a token")
        return self._known("token", token.strip())

    def _known(self, kind: str, credentials: str) -> Principal:
        digest = sha256(f"{kind} {credentials}".encode("utf-8", "surrogatepass")).digest()
        now = self._clock()
        with self._lock:
            remembered = self._remembered.get(digest)
        # A clock that was set back would make a memory last: from the future, it counts as old.
        if remembered is None or not now < remembered.until <= now + CACHE_TTL:
            lookup = self._lookups[kind]
            remembered = _Remembered(lookup(credentials) if lookup else None, now + CACHE_TTL)
            self._remember(digest, remembered)
        principal = remembered.principal
        if principal is None or now >= principal.expires_at:
            raise Unauthenticated(
                f"This {'API key' if kind == 'key' else 'token'} is unknown, disabled or expired"
            )
        return principal

    def _remember(self, digest: bytes, remembered: _Remembered) -> None:
        with self._lock:
            self._remembered[digest] = remembered
            self._remembered.move_to_end(digest)
            if len(self._remembered) > CACHE_SIZE:
                self._remembered.popitem(last=False)

"""Limit the requests of each client, over counts that all execution environments share.

A request costs at most one write to the counter store. The execution environment remembers a
rejection until the sliding window allows another request. Until then, requests cost no write.

For a busy client, an execution environment leases several requests with one write, and then admits
them without a write. Unused leases waste at most 10 % of a quota. For that, all leases of a client
together hold at most 5 % of its quota, and each environment gets its share of that.
See docs/decisions/0008-rate-limit.md.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import Literal, NamedTuple, Protocol

from sluice.limits import window
from sluice.limits.window import Policy

# The basis of a decision: the shared counts, a lease, a remembered rejection, or the counts of this
# execution environment alone.
DecisionSource = Literal["shared", "lease", "cache", "local"]

_log = logging.getLogger(__name__)

CACHE_SIZE = 10_000  # clients that one execution environment remembers
MAX_LEASE = 64  # requests
LEASE_QUOTA_DIVISOR = 20  # all leases of a client together are at most 1/20 of its quota
LEASE_TAKEN_DIVISOR = 4  # a lease is at most 1/4 of `taken_here`
STORE_BACKOFF_MS = 5_000  # after a failure of the store, until it is tried again


class CounterStoreUnavailable(Exception):
    """The shared counts cannot be reached, or do not respond in time."""


class IncrementResult(NamedTuple):
    """The result of an increment: whether the limit allowed it, and the count after it."""

    admitted: bool
    total: int


class CounterStore(Protocol):
    """Counts requests by key and window. Both methods raise CounterStoreUnavailable."""

    def increment(
        self, key: str, window: int, *, amount: int, limit: int, expires_at: int
    ) -> IncrementResult:
        """Add `amount` to the count atomically, unless the sum would exceed `limit`.

        The count may be deleted after `expires_at`, in seconds since the epoch.
        """
        ...

    def count(self, key: str, window: int) -> int:
        """Return the count of the window; 0 if nothing was counted."""
        ...


class Decision(NamedTuple):
    """Whether a request is allowed, and what the client may do next.

    `remaining` requests are allowed right after this one. `reset_after` and `retry_after` are
    whole seconds, rounded up.
    """

    allowed: bool
    policy: Policy
    remaining: int
    reset_after: int
    source: DecisionSource
    retry_after: int = 0

    def headers(self) -> dict[str, str]:
        """Return the fields of draft-ietf-httpapi-ratelimit-headers."""
        name = self.policy.name
        return {
            "RateLimit-Policy": f'"{name}";q={self.policy.quota};w={self.policy.seconds}',
            "RateLimit": f'"{name}";r={self.remaining};t={self.reset_after}',
        }


class _ClientWindow:
    """The counts of one client's current window, as this execution environment knows them."""

    __slots__ = (
        "count",
        "leased",
        "previous",
        "rejected_until",
        "taken_here",
        "unused_leased",
        "window",
    )

    def __init__(
        self, window: int = -1, *, unused_leased: int = 0, rejected_until: int = 0
    ) -> None:
        self.window = window
        self.previous = -1  # requests in the previous window; -1: not read yet
        self.count = 0  # requests in this window, at least
        self.taken_here = 0  # of these, requests that this environment has taken
        self.leased = 0  # of these, requests that are not used yet
        self.unused_leased = unused_leased  # of the previous window: leased, never used
        self.rejected_until = rejected_until


class Limiter:
    """Decides for each request whether its policy allows it. Each environment has one Limiter.

    If `store` fails, `fallback` counts instead. Then each environment grants the whole quota.
    """

    def __init__(
        self, store: CounterStore, fallback: CounterStore, *, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._fallback = fallback
        self._clock = clock
        self._lock = Lock()
        self._clients: OrderedDict[str, _ClientWindow] = OrderedDict()
        self._retry_store_at = 0
        self.failures = 0

    def hit(self, client_id: str, policy: Policy) -> Decision:
        """Count one request of the client if the policy allows it. Never raises."""
        identity = f"{policy.name}\0{policy.seconds}\0{client_id}"
        key = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
        with self._lock:
            now = int(self._clock() * 1000)
            client = self._client_window(key, window.index(policy, now))
            # A rejection further in the future was made before the clock was set back: ignore it.
            if now < client.rejected_until <= now + 2 * policy.length_ms:
                return self._rejected(client, policy, now, "cache")
            if client.leased:
                client.leased -= 1
                return self._allowed(client, policy, now, "lease")
            if not 0 <= self._retry_store_at - now <= STORE_BACKOFF_MS:
                try:
                    return self._take(self._store, key, client, policy, now, "shared")
                except CounterStoreUnavailable:
                    self.failures += 1
                    self._retry_store_at = now + STORE_BACKOFF_MS
                    _log.exception(
                        "the rate limit table is unavailable: this execution environment counts"
                        " alone for %g s",
                        STORE_BACKOFF_MS / 1000,
                    )
            local = _ClientWindow(client.window)
            return self._take(self._fallback, key, local, policy, now, "local")

    def is_available(self) -> bool:
        """Read from the store; return whether it responds."""
        try:
            self._store.count("readiness", 0)
        except CounterStoreUnavailable:
            return False
        return True

    def _take(
        self,
        store: CounterStore,
        key: str,
        client: _ClientWindow,
        policy: Policy,
        now: int,
        source: DecisionSource,
    ) -> Decision:
        """Take one request, or a lease of several, from the store."""
        if client.previous < 0:
            previous = store.count(key, client.window - 1)
            client.previous = max(0, previous - client.unused_leased)
        limit = window.max_count(policy, client.previous, now)
        left = limit - client.count
        if left > 0:
            amount = self._lease_size(client, policy, left)
            result = store.increment(
                key,
                client.window,
                amount=amount,
                limit=limit,
                expires_at=now // 1000 + 3 * policy.seconds,
            )
            client.count = result.total
            if result.admitted:
                client.taken_here += amount
                client.leased = amount - 1
                return self._allowed(client, policy, now, source)
        client.rejected_until = window.retry_at(policy, client.previous, client.count, now)
        return self._rejected(client, policy, now, source)

    def _lease_size(self, client: _ClientWindow, policy: Policy, left: int) -> int:
        """Return how many requests to take at once, including the current one."""
        total = max(client.taken_here, client.count, 1)
        share = policy.quota * client.taken_here // (LEASE_QUOTA_DIVISOR * total)
        busy = client.taken_here // LEASE_TAKEN_DIVISOR
        return max(1, min(busy, 1 + share, left // 2, MAX_LEASE))

    def _allowed(
        self, client: _ClientWindow, policy: Policy, now: int, source: DecisionSource
    ) -> Decision:
        limit = window.max_count(policy, max(0, client.previous), now)
        remaining = max(0, limit - client.count + client.leased)
        reset_after = _seconds(window.time_left(policy, now))
        return Decision(True, policy, remaining, reset_after, source)

    def _rejected(
        self, client: _ClientWindow, policy: Policy, now: int, source: DecisionSource
    ) -> Decision:
        retry_after = max(1, _seconds(client.rejected_until - now))
        reset_after = max(retry_after, _seconds(window.time_left(policy, now)))
        return Decision(False, policy, 0, reset_after, source, retry_after)

    def _client_window(self, key: str, current: int) -> _ClientWindow:
        """Return the state of the client, reset if a new window has begun."""
        client = self._clients.setdefault(key, _ClientWindow())
        self._clients.move_to_end(key)
        if len(self._clients) > CACHE_SIZE:
            self._clients.popitem(last=False)
        if client.window != current:
            unused = client.leased if client.window == current - 1 else 0
            client = self._clients[key] = _ClientWindow(
                current, unused_leased=unused, rejected_until=client.rejected_until
            )
        return client


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)

"""How often may a client ask, whatever environments answer it? Decides from shared counts, asked as rarely as can be.

A request costs at most one write of the shared count, and none where it is known to be over: a refusal holds until the
arithmetic frees a request. A busy client's environment takes several at a time, a lease, and gives them out itself. So
that leases which lapse cost a client that is spread over many environments no more than a tenth of its quota, each
takes at most its own share of a twentieth. See docs/decisions/0008-rate-limit.md.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Literal, NamedTuple, Protocol

from sluice.limits import window
from sluice.limits.window import Policy

# Who decided: the shared counts, a lease of them, a refusal that is remembered, or this environment alone.
DecisionSource = Literal["shared", "lease", "cache", "local"]

_log = logging.getLogger(__name__)

KEPT = 10_000  # clients remembered in one environment
MOST_LEASED = 64
LEASED_PART = 20  # of the quota may lapse, at most, as leases
BUSY_PART = 4  # of what was taken here so far is leased at once, at most: a client is as busy as it has been
STORE_BACKOFF_MS = 5_000  # ms without asking counts that have just failed


class CounterStoreUnavailable(Exception):
    """The shared counts cannot be reached, or do not answer in time."""


class IncrementResult(NamedTuple):
    """Was it within the bound? And how many there are now."""

    admitted: bool
    total: int


class CounterStore(Protocol):
    """Where requests are counted. Both raise CountsUnavailable."""

    def increment(
        self, key: str, window: int, *, amount: int, limit: int, expires_at: int
    ) -> IncrementResult:
        """Add `amount` to the window's count unless it would then be over `most`: in one step, whoever else does so."""
        ...

    def count(self, key: str, window: int) -> int: ...


@dataclass(frozen=True, slots=True)
class Decision:
    """May this request be answered? `remaining` requests may follow it at once; times are whole seconds."""

    allowed: bool
    policy: Policy
    remaining: int
    reset_after: int
    source: DecisionSource
    retry_after: int = 0

    def headers(self) -> dict[str, str]:
        """After draft-ietf-httpapi-ratelimit-headers."""
        name = self.policy.name
        return {
            "RateLimit-Policy": f'"{name}";q={self.policy.quota};w={self.policy.seconds}',
            "RateLimit": f'"{name}";r={self.remaining};t={self.reset_after}',
        }


@dataclass(slots=True)
class _Known:
    """What this environment knows of one client's window."""

    window: int = -1
    previous: int = -1  # requests in the window before, which is over; -1: not asked yet
    count: int = 0  # in this one, at least
    own: int = 0  # of them taken here
    leased: int = 0  # of those not yet given out
    lapsed: int = 0  # of the window before: taken here, and never given out
    refused_until: int = 0


class Limiter:
    """One for each environment. `fallback` counts where `counts` fails: each environment has its own quota then."""

    def __init__(
        self, counts: CounterStore, fallback: CounterStore, *, clock: Callable[[], float]
    ) -> None:
        self._counts = counts
        self._fallback = fallback
        self._clock = clock
        self._lock = Lock()
        self._clients: OrderedDict[str, _Known] = OrderedDict()
        self._shunned_until = 0
        self.failures = 0

    def hit(self, client: str, policy: Policy) -> Decision:
        """Count one request of this client, if it is within the policy. Never fails."""
        key = sha256(
            f"{policy.name}\0{policy.seconds}\0{client}".encode("utf-8", "surrogatepass")
        ).hexdigest()
        with self._lock:
            now = int(self._clock() * 1000)
            known = self._of(key, window.index(policy, now))
            if now < known.refused_until <= now + 2 * policy.length:
                return self._refused(known, policy, now, "cache")
            if known.leased:
                known.leased -= 1
                return self._allowed(known, policy, now, "lease")
            if not 0 <= self._shunned_until - now <= STORE_BACKOFF_MS:
                try:
                    return self._ask(self._counts, key, known, policy, now, "shared")
                except CounterStoreUnavailable:
                    self.failures += 1
                    self._shunned_until = now + STORE_BACKOFF_MS
                    _log.exception("requests are limited by this environment alone")
            return self._ask(self._fallback, key, _Known(known.window), policy, now, "local")

    def is_available(self) -> bool:
        """Do the shared counts answer? Asks them."""
        try:
            self._counts.count("nobody", 0)
        except CounterStoreUnavailable:
            return False
        return True

    def _ask(
        self,
        counts: CounterStore,
        key: str,
        known: _Known,
        policy: Policy,
        now: int,
        source: DecisionSource,
    ) -> Decision:
        if known.previous < 0:
            known.previous = max(0, counts.count(key, known.window - 1) - known.lapsed)
        limit = window.max_count(policy, known.previous, now)
        left = limit - known.count
        if left > 0:
            amount = self._lease(known, policy, left)
            expires_at = now // 1000 + 3 * policy.seconds
            taken = counts.increment(
                key, known.window, amount=amount, limit=limit, expires_at=expires_at
            )
            known.count = taken.total
            if taken.admitted:
                known.own += amount
                known.leased = amount - 1
                return self._allowed(known, policy, now, source)
        known.refused_until = window.retry_at(policy, known.previous, known.count, now)
        return self._refused(known, policy, now, source)

    def _lease(self, known: _Known, policy: Policy, left: int) -> int:
        share = policy.quota * known.own // (LEASED_PART * max(known.own, known.count, 1))
        return max(1, min(known.own // BUSY_PART, 1 + share, left // 2, MOST_LEASED))

    def _allowed(self, known: _Known, policy: Policy, now: int, source: DecisionSource) -> Decision:
        left = window.max_count(policy, max(0, known.previous), now) - known.count + known.leased
        return Decision(True, policy, max(0, left), _seconds(window.time_left(policy, now)), source)

    def _refused(self, known: _Known, policy: Policy, now: int, source: DecisionSource) -> Decision:
        retry_after = max(1, _seconds(known.refused_until - now))
        return Decision(
            False,
            policy,
            0,
            max(retry_after, _seconds(window.time_left(policy, now))),
            source,
            retry_after,
        )

    def _of(self, key: str, current: int) -> _Known:
        known = self._clients.setdefault(key, _Known())
        self._clients.move_to_end(key)
        if len(self._clients) > KEPT:
            self._clients.popitem(last=False)
        if known.window != current:
            lapsed = known.leased if known.window == current - 1 else 0
            known = self._clients[key] = _Known(
                current, lapsed=lapsed, refused_until=known.refused_until
            )
        return known


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)

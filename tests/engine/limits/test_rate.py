"""The limiter, with an injected clock and any number of execution environments."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.limits import window
from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import (
    STORE_BACKOFF_MS,
    CounterStoreUnavailable,
    Decision,
    IncrementResult,
    Limiter,
)
from sluice.limits.window import Policy
from tests.fixtures.examples import examples

START = 1_700_000_040.0  # the beginning of a window of 60 s


class Clock:
    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class CountingStore(MemoryCounterStore):
    """A store that counts its calls and can fail."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = self.reads = 0
        self.fails = False

    def increment(
        self, key: str, window: int, *, amount: int, limit: int, expires_at: int
    ) -> IncrementResult:
        self.writes += 1
        if self.fails:
            raise CounterStoreUnavailable
        return super().increment(key, window, amount=amount, limit=limit, expires_at=expires_at)

    def count(self, key: str, window: int) -> int:
        self.reads += 1
        if self.fails:
            raise CounterStoreUnavailable
        return super().count(key, window)


def simulate(
    policy: Policy, environments: int, requests: list[tuple[int, int]]
) -> tuple[Counter[int], int, CountingStore]:
    """Send requests to limiters that share a store; return the admitted ones by window, and in all.

    A request is the pause before it, in milliseconds, and the number of its environment.
    """
    clock, store = Clock(), CountingStore()
    limiters = [Limiter(store, MemoryCounterStore(), clock=clock) for _ in range(environments)]
    admitted: Counter[int] = Counter()
    now = int(START * 1000)
    for pause, environment in requests:
        now += pause
        clock.now = now / 1000
        before = store.writes
        if limiters[environment % environments].hit("ada", policy).allowed:
            moment = int(clock.now * 1000)
            current = window.index(policy, moment)
            admitted[current] += 1
            assert admitted[current] <= window.max_count(policy, admitted[current - 1], moment)
        assert store.writes - before <= 1
    return admitted, sum(admitted.values()), store


@settings(max_examples=examples(150), deadline=None)
@given(
    quota=st.integers(1, 300),
    seconds=st.sampled_from([1, 10, 60]),
    environments=st.integers(1, 50),
    requests=st.lists(
        st.tuples(st.sampled_from([0, 0, 1, 7, 100, 2_500]), st.integers(0, 49)), max_size=1_500
    ),
)
def test_no_window_admits_more_than_the_quota(
    quota: int, seconds: int, environments: int, requests: list[tuple[int, int]]
) -> None:
    admitted, _, _ = simulate(Policy(quota, seconds), environments, requests)

    assert all(count <= quota for count in admitted.values())


@pytest.mark.parametrize("quota", [5, 100, 1_000])
@pytest.mark.parametrize(
    ("environments", "min_share"), [(1, 1.0), (2, 0.9), (5, 0.9), (20, 0.9), (50, 0.9)]
)
@pytest.mark.parametrize("pressure", [0.8, 1.5, 5.0])
def test_client_gets_90_percent_on_many_environments(
    quota: int, environments: int, min_share: float, pressure: float
) -> None:
    """Three windows of evenly spaced requests, each to a random environment."""
    policy = Policy(quota, 60)
    generator = random.Random(7)
    pause = max(1, int(60_000 / quota / pressure))
    count = 3 * 60_000 // pause
    requests = [(pause, generator.randrange(environments)) for _ in range(count)]
    _, total, store = simulate(policy, environments, requests)
    _, exact, _ = simulate_exactly(policy, requests)

    assert total >= min_share * exact
    assert store.writes <= count


def simulate_exactly(
    policy: Policy, requests: list[tuple[int, int]]
) -> tuple[Counter[int], int, None]:
    """Admit requests by one exact count, without leases."""
    admitted: Counter[int] = Counter()
    now = int(START * 1000)
    for pause, _ in requests:
        now += pause
        current = window.index(policy, now)
        if admitted[current] < window.max_count(policy, admitted[current - 1], now):
            admitted[current] += 1
    return admitted, sum(admitted.values()), None


def test_busy_client_costs_few_writes() -> None:
    _, total, store = simulate(Policy(6_000, 60), 1, [(10, 0)] * 6_000)

    assert total == 6_000
    assert store.writes < 200


def test_rejections_cost_no_writes_until_retry_after() -> None:
    policy, clock, store = Policy(10, 60), Clock(), CountingStore()
    limiter = Limiter(store, MemoryCounterStore(), clock=clock)
    assert [limiter.hit("ada", policy).allowed for _ in range(11)] == [True] * 10 + [False]
    writes = store.writes
    retry_after = limiter.hit("ada", policy).retry_after
    for _ in range(1_000):
        clock.now += (retry_after - 1) / 1_001
        assert not limiter.hit("ada", policy).allowed
    assert store.writes == writes

    clock.now = START + retry_after
    assert limiter.hit("ada", policy).allowed


@settings(max_examples=examples(100), deadline=None)
@given(
    quota=st.integers(1, 50),
    seconds=st.sampled_from([1, 60]),
    pauses=st.lists(st.integers(0, 5_000), max_size=200),
)
def test_request_after_retry_after_is_allowed(quota: int, seconds: int, pauses: list[int]) -> None:
    policy, clock = Policy(quota, seconds), Clock()
    limiter = Limiter(MemoryCounterStore(), MemoryCounterStore(), clock=clock)
    for pause in pauses:
        clock.now += pause / 1000
        decision = limiter.hit("ada", policy)
        if not decision.allowed:
            clock.now += decision.retry_after
            assert limiter.hit("ada", policy).allowed


def test_clients_and_policies_have_separate_counts() -> None:
    limiter = Limiter(MemoryCounterStore(), MemoryCounterStore(), clock=Clock())
    policy = Policy(1, 60)
    assert [limiter.hit(name, policy).allowed for name in ("ada", "bob", "ada")] == [
        True,
        True,
        False,
    ]
    assert limiter.hit("ada", Policy(1, 60, "other")).allowed


def test_headers_follow_the_ietf_draft() -> None:
    decision = Limiter(MemoryCounterStore(), MemoryCounterStore(), clock=Clock(START + 0.5)).hit(
        "ada", Policy(100, 60)
    )

    assert decision.headers() == {
        "RateLimit-Policy": '"default";q=100;w=60',
        "RateLimit": '"default";r=99;t=60',
    }


def test_limiter_counts_locally_if_the_store_fails() -> None:
    policy, clock, store = Policy(10, 60), Clock(), CountingStore()
    limiter = Limiter(store, MemoryCounterStore(), clock=clock)
    store.fails = True

    decisions: list[Decision] = [limiter.hit("ada", policy) for _ in range(15)]

    assert [decision.allowed for decision in decisions] == [True] * 10 + [False] * 5
    assert (limiter.failures, store.writes + store.reads) == (1, 1)
    store.fails = False
    clock.now += STORE_BACKOFF_MS / 1000 + 0.001
    assert limiter.hit("bob", policy).allowed
    assert store.writes == 1


def test_clock_skew_does_not_exceed_the_quota() -> None:
    store, policy = MemoryCounterStore(), Policy(100, 60)
    early = Limiter(store, MemoryCounterStore(), clock=Clock(START + 28))
    late = Limiter(store, MemoryCounterStore(), clock=Clock(START + 32))

    decisions = [limiter.hit("ada", policy) for _ in range(100) for limiter in (early, late)]

    assert sum(decision.allowed for decision in decisions) == 100

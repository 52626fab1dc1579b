"""The limiter, driven by an injected clock: exact in every window, with any number of environments in any order."""

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

START = 1_700_000_040.0  # a window of 60 s begins


class Clock:
    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Counted(MemoryCounterStore):
    """Counts, and how often they were asked."""

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
) -> tuple[Counter[int], int, Counted]:
    """Requests, each (ms after the one before, which environment); what each window admitted, and how many in all."""
    clock, counts = Clock(), Counted()
    limiters = [Limiter(counts, MemoryCounterStore(), clock=clock) for _ in range(environments)]
    admitted: Counter[int] = Counter()
    now = int(START * 1000)
    for pause, environment in requests:
        now += pause
        clock.now = now / 1000
        before = counts.writes
        if limiters[environment % environments].hit("ada", policy).allowed:
            current, moment = window.index(policy, int(clock.now * 1000)), int(clock.now * 1000)
            admitted[current] += 1
            assert admitted[current] <= window.max_count(policy, admitted[current - 1], moment)
        assert counts.writes - before <= 1
    return admitted, sum(admitted.values()), counts


@settings(max_examples=150, deadline=None)
@given(
    quota=st.integers(1, 300),
    seconds=st.sampled_from([1, 10, 60]),
    environments=st.integers(1, 50),
    requests=st.lists(
        st.tuples(st.sampled_from([0, 0, 1, 7, 100, 2_500]), st.integers(0, 49)), max_size=1_500
    ),
)
def test_no_window_holds_more_than_the_quota_nor_its_edge_more_than_the_share(
    quota: int, seconds: int, environments: int, requests: list[tuple[int, int]]
) -> None:
    admitted, _, _ = simulate(Policy(quota, seconds), environments, requests)

    assert all(count <= quota for count in admitted.values())


@pytest.mark.parametrize("quota", [5, 100, 1_000])
@pytest.mark.parametrize(
    ("environments", "least"), [(1, 1.0), (2, 0.9), (5, 0.9), (20, 0.9), (50, 0.9)]
)
@pytest.mark.parametrize("pressure", [0.8, 1.5, 5.0])
def test_a_client_gets_its_quota_on_one_environment_and_nine_tenths_on_many(
    quota: int, environments: int, least: float, pressure: float
) -> None:
    """Three windows of requests that come evenly, and go where chance sends them."""
    policy, chance = Policy(quota, 60), random.Random(7)
    pause = max(1, int(60_000 / quota / pressure))
    wanted = 3 * 60_000 // pause
    requests = [(pause, chance.randrange(environments)) for _ in range(wanted)]
    _, total, counts = simulate(policy, environments, requests)
    _, exact, _ = simulate_exactly(policy, requests)

    assert total >= least * exact
    assert counts.writes <= wanted


def simulate_exactly(
    policy: Policy, requests: list[tuple[int, int]]
) -> tuple[Counter[int], int, None]:
    """The arithmetic alone: one count, asked for each request."""
    admitted: Counter[int] = Counter()
    now = int(START * 1000)
    for pause, _ in requests:
        now += pause
        current = window.index(policy, now)
        if admitted[current] < window.max_count(policy, admitted[current - 1], now):
            admitted[current] += 1
    return admitted, sum(admitted.values()), None


def test_a_busy_client_costs_far_fewer_writes_than_requests() -> None:
    _, total, counts = simulate(Policy(6_000, 60), 1, [(10, 0)] * 6_000)

    assert total == 6_000
    assert counts.writes < 200


def test_one_who_is_over_costs_nothing_and_is_let_in_at_the_moment_it_was_told() -> None:
    policy, clock, counts = Policy(10, 60), Clock(), Counted()
    limiter = Limiter(counts, MemoryCounterStore(), clock=clock)
    assert [limiter.hit("ada", policy).allowed for _ in range(11)] == [True] * 10 + [False]
    writes, told = counts.writes, limiter.hit("ada", policy).retry_after
    for _ in range(1_000):
        clock.now += (told - 1) / 1_001
        assert not limiter.hit("ada", policy).allowed
    assert counts.writes == writes

    clock.now = START + told
    assert limiter.hit("ada", policy).allowed


@settings(max_examples=100, deadline=None)
@given(
    quota=st.integers(1, 50),
    seconds=st.sampled_from([1, 60]),
    pauses=st.lists(st.integers(0, 5_000), max_size=200),
)
def test_whoever_waits_as_long_as_told_is_let_in(
    quota: int, seconds: int, pauses: list[int]
) -> None:
    policy, clock = Policy(quota, seconds), Clock()
    limiter = Limiter(MemoryCounterStore(), MemoryCounterStore(), clock=clock)
    for pause in pauses:
        clock.now += pause / 1000
        decision = limiter.hit("ada", policy)
        if not decision.allowed:
            clock.now += decision.retry_after
            assert limiter.hit("ada", policy).allowed


def test_clients_and_policies_do_not_share() -> None:
    limiter = Limiter(MemoryCounterStore(), MemoryCounterStore(), clock=Clock())
    policy = Policy(1, 60)
    assert [limiter.hit(name, policy).allowed for name in ("ada", "bob", "ada")] == [
        True,
        True,
        False,
    ]
    assert limiter.hit("ada", Policy(1, 60, "other")).allowed


def test_headers_are_the_drafts() -> None:
    decision = Limiter(MemoryCounterStore(), MemoryCounterStore(), clock=Clock(START + 0.5)).hit(
        "ada", Policy(100, 60)
    )

    assert decision.headers() == {
        "RateLimit-Policy": '"default";q=100;w=60',
        "RateLimit": '"default";r=99;t=60',
    }


def test_where_counts_fail_requests_go_through_with_a_bound_of_this_environment() -> None:
    policy, clock, counts = Policy(10, 60), Clock(), Counted()
    limiter = Limiter(counts, MemoryCounterStore(), clock=clock)
    counts.fails = True

    decisions: list[Decision] = [limiter.hit("ada", policy) for _ in range(15)]

    assert [decision.allowed for decision in decisions] == [True] * 10 + [False] * 5
    assert (limiter.failures, counts.writes + counts.reads) == (1, 1)
    counts.fails = False
    clock.now += STORE_BACKOFF_MS / 1000 + 0.001
    assert limiter.hit("bob", policy).allowed
    assert counts.writes == 1


def test_clocks_that_differ_admit_no_more_than_the_quota_in_a_window_of_either() -> None:
    counts, policy = MemoryCounterStore(), Policy(100, 60)
    early, late = (
        Limiter(counts, MemoryCounterStore(), clock=Clock(START + 30 + skew)) for skew in (-2, 2)
    )

    assert (
        sum(limiter.hit("ada", policy).allowed for _ in range(100) for limiter in (early, late))
        == 100
    )

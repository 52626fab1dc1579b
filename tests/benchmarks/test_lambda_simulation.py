"""Compare the simulation with queueing theory, and with itself."""

import math
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.studies.lambda_simulation import (
    RequestType,
    SimulationConfig,
    SimulationResult,
    simulate,
)
from benchmarks.studies.scale import PRICES, acus, monthly_cost

DEPLOY = Path(__file__).parents[2] / "docs/deploy.md"

# One function without cold starts, whose requests all take 20 ms on one CPU.
PLAIN = SimulationConfig(
    rate=300, seconds=60, settle=5, cpu=1, spread=0, cold=0, limited=False,
    mix=(RequestType("products", 1.0, handler=20, server=1),),
)  # fmt: skip
OFFERED = 300 * 0.020  # environments, on average: rate x service time


def changed(**changes: object) -> SimulationResult:
    return simulate(SimulationConfig(**{**vars(PLAIN), **changes}))  # type: ignore[arg-type]


def poisson_quantile(mean: float, share: float) -> int:
    n, term = 0, math.exp(-mean)
    total = term
    while total < share:
        n += 1
        term *= mean / n
        total += term
    return n


def erlang_b(servers: int, offered: float) -> float:
    """Return the share of requests that find all servers busy."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_busy_environments_follow_littles_law(spread: float) -> None:
    """The spread of service times does not matter, only their mean, because there is no queue."""
    out = changed(spread=spread)
    assert out.mean_busy == pytest.approx(OFFERED, rel=0.05)
    assert out.served / out.seconds == pytest.approx(OFFERED, rel=0.05)
    assert out.in_database / out.seconds == pytest.approx(300 * 0.002, rel=0.05)
    assert abs(out.busy_at(0.99) - poisson_quantile(OFFERED, 0.99)) <= 1
    assert out.throttled == out.limited == 0


def test_throttling_follows_erlang_b() -> None:
    out = changed(max_environments=6, scaling=(10_000, 10_000.0))
    assert out.throttled / out.requests == pytest.approx(erlang_b(6, OFFERED), rel=0.06)
    assert out.alive == 6


def test_new_environments_are_rate_limited() -> None:
    out = changed(settle=0, seconds=1, cold=5.0, scaling=(50, 10.0))
    assert 58 <= out.alive <= 60
    assert out.cold == out.alive
    assert out.throttled == out.requests - out.cold


def test_idle_environments_are_removed() -> None:
    assert changed(rate=0.01, seconds=100_000, idle=1.0).cold > 900
    assert changed(rate=0.01, seconds=100_000, idle=100_000.0).cold <= 1


def test_rejected_clients_cost_no_writes() -> None:
    """All clients have the default quota of 100 a minute, and make 600 requests."""
    out = changed(limited=True, hot_share=0.0, cold_clients=30, settle=0, seconds=60)
    assert out.requests - out.limited <= 30 * 100 * 2  # two windows of the clock, at most
    assert out.writes < out.requests / 2


def test_bursts_and_seeds() -> None:
    calm, bursts = changed(settle=0), changed(settle=0, burst=3.0)
    assert bursts.requests == pytest.approx(calm.requests * 1.2, rel=0.03)
    assert (bursts, calm.busy == Counter(bursts.busy)) == (changed(settle=0, burst=3.0), False)


def test_cost_is_requests_times_prices() -> None:
    out = changed()
    month = out.requests / out.seconds * 730 * 3600 / 1e6
    bills = monthly_cost(PLAIN, out)
    assert bills.gateway == pytest.approx(month)
    assert bills.functions == pytest.approx(
        month * (0.20 + 1e6 * 0.020 * PRICES["Lambda, a GB and second"]), rel=0.05
    )
    assert acus(1) == 1
    for price in ("1.00", "0.20", "0.50", "0.12", "0.015", "0.63"):
        assert price in DEPLOY.read_text()

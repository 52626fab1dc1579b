"""Compute environments, connections, DynamoDB writes and costs for given rates of requests.

    PYTHONPATH=.:layers/shared python -m benchmarks.studies.scale [--rates 100 1000] [--seed 7]

Prints the tables of docs/scale.md, from the simulation in lambda_simulation.py. That page explains
the sources of the numbers and the conclusions.
"""

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from benchmarks.report import header, row
from benchmarks.studies.lambda_simulation import (
    BURST_EVERY,
    BURST_SECONDS,
    MIX,
    SimulationConfig,
    SimulationResult,
    simulate,
)
from scripts.connection_budget import MAX_CONNECTIONS_PERCENT

# US dollars: list prices of us-east-1 for arm64, as in docs/deploy.md. Check AWS's current prices.
PRICES: Mapping[str, float] = {
    "API Gateway, a million requests": 1.00,
    "Lambda, a million requests": 0.20,
    "Lambda, a GB and second": 0.0000133334,
    "DynamoDB, a million writes": 0.625,
    "DynamoDB, a million reads": 0.125,
    "Logs, a GB": 0.50,
    "Aurora, an ACU and hour": 0.12,
    "RDS Proxy, an ACU and hour": 0.015,
}
HOURS = 730.0  # a month
LOG_BYTES_PER_REQUEST = 1_235  # of GET one: costs.py measures it
MEMORY_GB = 1.0  # of a function
ACU_CPUS = 0.25  # assumed: an ACU is 2 GiB, and an r-class instance has a CPU for each 8 GiB
MAX_CPU_UTILISATION = 0.6  # of the database
INSTANCES = 2  # a writer, and a standby for failover
MIN_PROXY_ACUS = 8.0  # the minimum that RDS Proxy charges
CONNECTIONS_PER_ENVIRONMENT = 2  # at most: PoolSize and PoolOverflow
SIMULATED_SECONDS = {  # by rate
    1: 20_000.0,
    10: 6_000.0,
    100: 1_200.0,
    1_000: 150.0,
    10_000: 45.0,
}


class MonthlyCost(NamedTuple):
    """US dollars a month, at a constant rate."""

    gateway: float
    functions: float
    dynamodb: float
    logs: float
    database: float
    proxy: float


def server_cpus(rate: float) -> float:
    """Return the number of busy CPUs of the database."""
    return rate * sum(kind.share * kind.server for kind in MIX) / 1000


def acus(rate: float) -> float:
    """Return the ACUs that one instance needs, in steps of 0.5."""
    return max(1.0, math.ceil(2 * server_cpus(rate) / MAX_CPU_UTILISATION / ACU_CPUS) / 2)


def monthly_cost(config: SimulationConfig, out: SimulationResult) -> MonthlyCost:
    def millions(counted: float) -> float:
        return counted / out.seconds * HOURS * 3600 / 1e6

    requests, instances = millions(out.requests), INSTANCES * acus(config.rate)
    gb_seconds = 1e6 * millions(out.served) * MEMORY_GB
    return MonthlyCost(
        requests * PRICES["API Gateway, a million requests"],
        requests * PRICES["Lambda, a million requests"]
        + gb_seconds * PRICES["Lambda, a GB and second"],
        millions(out.writes) * PRICES["DynamoDB, a million writes"]
        + millions(out.reads) * PRICES["DynamoDB, a million reads"],
        1e6 * requests * LOG_BYTES_PER_REQUEST / 1e9 * PRICES["Logs, a GB"],
        instances * HOURS * PRICES["Aurora, an ACU and hour"],
        max(MIN_PROXY_ACUS, instances) * HOURS * PRICES["RDS Proxy, an ACU and hour"],
    )


def steady(rate: int) -> SimulationConfig:
    """Return a simulation that reaches the rate slowly and counts from then on."""
    seconds = SIMULATED_SECONDS.get(rate, max(45.0, min(20_000.0, 100_000 / rate)))
    settle = seconds / (2 if rate > 100 else 4)
    return SimulationConfig(rate, seconds, settle, ramp=0.8 * settle)


def page(rates: Sequence[int], seed: int) -> Iterator[str]:
    configs = [steady(rate) for rate in rates]
    results = [(config, simulate(config, seed)) for config in configs]
    yield from _capacity(results)
    bursts = [simulate(replace(config, burst=3.0), seed) for config in configs]
    yield from _bursts(
        rates, bursts, [simulate(SimulationConfig(rate, seconds=10.0), seed) for rate in rates]
    )
    yield from _money(results)


def _capacity(results: Sequence[tuple[SimulationConfig, SimulationResult]]) -> Iterator[str]:
    yield from ("### A steady rate", "")
    yield from header(
        "requests a second",
        "busy environments, mean",
        "p99",
        "environments kept",
        "connections in use, mean",
        "MaxConnections that fits",
        "cold starts",
        "DynamoDB writes a request",
        "a second",
        "to one key",
        "CPUs of the database",
    )
    for config, out in results:
        connections = out.alive * CONNECTIONS_PER_ENVIRONMENT
        yield row(
            f"{config.rate:,}",
            f"{out.mean_busy:,.2f}",
            f"{out.busy_at(0.99):,}",
            f"{out.alive:,}",
            f"{out.in_database / out.seconds:,.2f}",
            f"{math.ceil(connections * 100 / MAX_CONNECTIONS_PERCENT):,}",
            _percent(out.cold, out.requests, 2),
            f"{out.writes / out.requests:.2f}",
            f"{out.writes / out.seconds:,.0f}",
            f"{out.hottest:,}",
            f"{server_cpus(config.rate):,.2f}",
        )


def _bursts(
    rates: Sequence[int], bursts: Sequence[SimulationResult], sudden: Sequence[SimulationResult]
) -> Iterator[str]:
    title = (
        f"Three times the rate in {BURST_SECONDS:g} s of every {BURST_EVERY:g}; and from nothing"
    )
    yield from ("", f"### {title}", "")
    yield from header(
        "requests a second",
        "busy environments, p99",
        "environments kept",
        "of one function",
        "throttled",
        "from nothing: environments kept",
        "cold starts in 10 s",
        "throttled in 10 s",
    )
    for rate, often, once in zip(rates, bursts, sudden, strict=True):
        yield row(
            f"{rate:,}",
            f"{often.busy_at(0.99):,}",
            f"{often.alive:,}",
            f"{often.largest:,}",
            _percent(often.throttled, often.requests, 2),
            f"{once.alive:,}",
            _percent(once.cold, once.requests, 1),
            _percent(once.throttled, once.requests, 1),
        )


def _money(results: Sequence[tuple[SimulationConfig, SimulationResult]]) -> Iterator[str]:
    yield from ("", "### Dollars a month, at a steady rate all day", "")
    yield from header(
        "requests a second",
        "API Gateway",
        "Lambda",
        "DynamoDB",
        "logs",
        "Aurora",
        "at ACU each",
        "RDS Proxy",
        "together",
        "a million requests",
    )
    for config, out in results:
        dollars = monthly_cost(config, out)
        yield row(
            f"{config.rate:,}",
            *[f"{each:,.0f}" for each in dollars[:5]],
            f"{acus(config.rate):g}",
            f"{dollars.proxy:,.0f}",
            f"{sum(dollars):,.0f}",
            f"{sum(dollars) / dollars.gateway:,.2f}",
        )


def _percent(part: int, whole: int, digits: int) -> str:
    return f"{100 * part / max(1, whole):.{digits}f} %"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studies.scale", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--rates", type=int, nargs="+", default=list(SIMULATED_SECONDS), help="requests a second"
    )
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    for line in page(options.rates, options.seed):
        print(line)


if __name__ == "__main__":
    main()

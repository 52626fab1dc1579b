"""How many environments, connections and writes, and how much money, do so many requests a second take?

    PYTHONPATH=.:layers/shared python -m benchmarks.scale [--rates 100 1000] [--seed 7]

The tables of docs/scale.md, by the simulation in fleet.py. That page says where numbers come from, and what follows.
"""

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from benchmarks.lambda_simulation import BURST_EVERY, BURST_SECONDS, MIX, Outcome, World, simulate
from benchmarks.report import header, row
from scripts.connection_budget import MAX_CONNECTIONS_PERCENT

# In US dollars: list prices of us-east-1 for arm64, those of docs/deploy.md. Look them up before you count on them.
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
LOGGED = 1_140  # bytes a request
MEMORY = 1.0  # GB of a function
ACU_CPUS = 0.25  # assumed: an ACU is 2 GiB, and an r-class instance has a CPU for each 8 GiB
UTILISED = 0.6  # of the database's CPU, at most
INSTANCES = 2  # one writes, one is there to take over
PROXY_ACUS = 8.0  # are paid at least
CONNECTIONS = 2  # that an environment may hold: PoolSize and PoolOverflow
LENGTHS = {
    1: 20_000.0,
    10: 6_000.0,
    100: 1_200.0,
    1_000: 150.0,
    10_000: 45.0,
}  # seconds to simulate, for each rate


class Bill(NamedTuple):
    """Dollars a month, at this rate all day."""

    gateway: float
    functions: float
    dynamodb: float
    logs: float
    database: float
    proxy: float


def server_cpus(rate: float) -> float:
    """CPUs of the database that are busy."""
    return rate * sum(kind.part * kind.server for kind in MIX) / 1000


def acus(rate: float) -> float:
    """Of one instance, in halves."""
    return max(1.0, math.ceil(2 * server_cpus(rate) / UTILISED / ACU_CPUS) / 2)


def bill(world: World, out: Outcome) -> Bill:
    def millions(counted: float) -> float:
        return counted / out.seconds * HOURS * 3600 / 1e6

    requests, instances = millions(out.requests), INSTANCES * acus(world.rate)
    gb_seconds = 1e6 * millions(out.served) * MEMORY
    return Bill(
        requests * PRICES["API Gateway, a million requests"],
        requests * PRICES["Lambda, a million requests"]
        + gb_seconds * PRICES["Lambda, a GB and second"],
        millions(out.writes) * PRICES["DynamoDB, a million writes"]
        + millions(out.reads) * PRICES["DynamoDB, a million reads"],
        1e6 * requests * LOGGED / 1e9 * PRICES["Logs, a GB"],
        instances * HOURS * PRICES["Aurora, an ACU and hour"],
        max(PROXY_ACUS, instances) * HOURS * PRICES["RDS Proxy, an ACU and hour"],
    )


def steady(rate: int) -> World:
    """It came slowly, and is counted once it is there."""
    seconds = LENGTHS.get(rate, max(45.0, min(20_000.0, 100_000 / rate)))
    settle = seconds / (2 if rate > 100 else 4)
    return World(rate, seconds, settle, ramp=0.8 * settle)


def page(rates: Sequence[int], seed: int) -> Iterator[str]:
    worlds = [steady(rate) for rate in rates]
    outcomes = [(world, simulate(world, seed)) for world in worlds]
    yield from _capacity(outcomes)
    bursts = [simulate(replace(world, burst=3.0), seed) for world in worlds]
    yield from _bursts(rates, bursts, [simulate(World(rate, seconds=10.0), seed) for rate in rates])
    yield from _money(outcomes)


def _capacity(outcomes: Sequence[tuple[World, Outcome]]) -> Iterator[str]:
    yield from ("### A steady rate", "")
    yield from header(
        "requests a second", "busy environments, mean", "p99", "environments kept", "connections in use, mean",
        "MaxConnections that fits", "cold starts", "DynamoDB writes a request", "a second", "to one key",
        "CPUs of the database",
    )  # fmt: skip
    for world, out in outcomes:
        yield row(
            f"{world.rate:,}", f"{out.mean_busy:,.2f}", f"{out.busy_at(0.99):,}", f"{out.alive:,}",
            f"{out.in_database / out.seconds:,.2f}", f"{math.ceil(out.alive * CONNECTIONS * 100 / MAX_CONNECTIONS_PERCENT):,}",
            _percent(out.cold, out.requests, 2), f"{out.writes / out.requests:.2f}",
            f"{out.writes / out.seconds:,.0f}", f"{out.hottest:,}", f"{server_cpus(world.rate):,.2f}",
        )  # fmt: skip


def _bursts(
    rates: Sequence[int], bursts: Sequence[Outcome], sudden: Sequence[Outcome]
) -> Iterator[str]:
    yield from (
        "",
        f"### Three times the rate in {BURST_SECONDS:g} s of every {BURST_EVERY:g}; and from nothing",
        "",
    )
    yield from header(
        "requests a second", "busy environments, p99", "environments kept", "of one function", "refused",
        "from nothing: environments kept", "cold starts in 10 s", "refused in 10 s",
    )  # fmt: skip
    for rate, often, once in zip(rates, bursts, sudden, strict=True):
        yield row(
            f"{rate:,}", f"{often.busy_at(0.99):,}", f"{often.alive:,}", f"{often.largest:,}",
            _percent(often.refused, often.requests, 2), f"{once.alive:,}", _percent(once.cold, once.requests, 1),
            _percent(once.refused, once.requests, 1),
        )  # fmt: skip


def _money(outcomes: Sequence[tuple[World, Outcome]]) -> Iterator[str]:
    yield from ("", "### Dollars a month, at a steady rate all day", "")
    yield from header(
        "requests a second", "API Gateway", "Lambda", "DynamoDB", "logs", "Aurora", "at ACU each", "RDS Proxy",
        "together", "a million requests",
    )  # fmt: skip
    for world, out in outcomes:
        dollars = bill(world, out)
        yield row(
            f"{world.rate:,}", *[f"{each:,.0f}" for each in dollars[:5]], f"{acus(world.rate):g}",
            f"{dollars.proxy:,.0f}", f"{sum(dollars):,.0f}", f"{sum(dollars) / dollars.gateway:,.2f}",
        )  # fmt: skip


def _percent(part: int, whole: int, digits: int) -> str:
    return f"{100 * part / max(1, whole):.{digits}f} %"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--rates", type=int, nargs="+", default=list(LENGTHS), help="requests a second"
    )
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    for line in page(options.rates, options.seed):
        print(line)


if __name__ == "__main__":
    main()

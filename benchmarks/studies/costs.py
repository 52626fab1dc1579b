"""Compute what a million requests cost on AWS, for four shapes of traffic.

    PYTHONPATH=.:layers/shared python -m benchmarks.studies.costs [--write]

Measures each kind of request (request_kinds.py), simulates each shape (lambda_simulation.py) and
multiplies by the prices of scale.py. With --write it writes its section of docs/scale.md.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks import cold, page
from benchmarks.contenders import ROOT
from benchmarks.database import benchmark_database
from benchmarks.keys import emulated_keys
from benchmarks.report import header, row
from benchmarks.studies import request_kinds
from benchmarks.studies.lambda_simulation import (
    DAY,
    ROUND_TRIP,
    RequestType,
    SimulationConfig,
    SimulationResult,
    simulate,
)
from benchmarks.studies.request_kinds import EVENT_BYTES, FunctionMeasurement, KindMeasurement
from benchmarks.studies.scale import MEMORY_GB, PRICES
from testing.realistic_shop import ShopSize

DOCUMENT = ROOT / "docs/scale.md"
SECTION = "cost-by-shape"
SHOP = ShopSize(20_000)


class TrafficShape(NamedTuple):
    """Traffic: its share of each kind of request, and the other parameters of the simulation."""

    text: str
    shares: Mapping[str, float]
    config: SimulationConfig


SHAPES: Mapping[str, TrafficShape] = {
    "catalogue": TrafficShape(
        "5 busy clients read products, 50 requests a second",
        {"GET one": 0.6, "list 20": 0.3, "list 100": 0.1},
        SimulationConfig(50, 1_800, 600, ramp=500, hot=5, hot_share=1.0, api_keys=True),
    ),
    "shop": TrafficShape(
        "2 requests a second on average, from 0.2 at night to 3.8 in the evening; 10 clients make"
        " 80 % of them, 2,000 the rest",
        {"GET one": 0.5, "list 20": 0.3, "POST order": 0.1, "GraphQL, 100 products": 0.1},
        SimulationConfig(2, DAY, wave=0.9, api_keys=True),
    ),
    "internal tool": TrafficShape(
        "one request in 10 minutes, of 5 clients and for four functions",
        {"GET one": 0.3, "list of orders": 0.3, "list of users": 0.2, "sales of a month": 0.2},
        SimulationConfig(
            1 / 600, 20 * DAY, hot_share=0.0, cold_clients=5, api_keys=True
        ),
    ),
    "many clients": TrafficShape(
        "5,000 clients with a quota of 20 a minute, 50 requests a second",
        {"GET one": 0.7, "list 20": 0.3},
        SimulationConfig(
            50, 1_200, 600, ramp=500, hot_share=0.0, cold_clients=5_000, quota=20, api_keys=True
        ),
    ),
}  # fmt: skip


class MillionRequests(NamedTuple):
    """What a million requests of one shape use."""

    cold: float  # the share of cold starts
    gb_seconds: float
    requests: float  # of Lambda
    writes: float  # write units of DynamoDB: no item has over 1 KB
    reads: float  # read units: strongly consistent, and no item has over 4 KB
    log_bytes: float

    def dollars(self) -> dict[str, float]:
        """Return the cost by service."""
        return {
            "API Gateway": PRICES["API Gateway, a million requests"],
            "Lambda": self.requests / 1e6 * PRICES["Lambda, a million requests"]
            + self.gb_seconds * PRICES["Lambda, a GB and second"],
            "DynamoDB": self.writes / 1e6 * PRICES["DynamoDB, a million writes"]
            + self.reads / 1e6 * PRICES["DynamoDB, a million reads"],
            "logs": self.log_bytes / 1e9 * PRICES["Logs, a GB"],
        }


def configured(
    shape: TrafficShape,
    kinds: Mapping[str, KindMeasurement],
    functions: Mapping[str, FunctionMeasurement],
) -> SimulationConfig:
    """Return the shape's simulation with the measured times."""
    mix = tuple(_request_type(kinds[kind], share) for kind, share in shape.shares.items())
    starts = sum(functions[kind.function].cold * kind.share for kind in mix)
    return SimulationConfig(**{**vars(shape.config), "mix": mix, "cold": starts / 1000})


def _request_type(kind: KindMeasurement, share: float) -> RequestType:
    """Return the simulation's request, each of whose round trips takes ROUND_TRIP."""
    server = kind.server + (kind.round_trips - 1) * ROUND_TRIP
    return RequestType(kind.function, share, kind.handler + server + ROUND_TRIP, server)


def million(
    shape: TrafficShape,
    result: SimulationResult,
    kinds: Mapping[str, KindMeasurement],
    functions: Mapping[str, FunctionMeasurement],
) -> MillionRequests:
    """Scale the result of a simulation to a million requests."""
    factor = 1e6 / result.requests
    log_bytes = 0.0
    for name, share in shape.shares.items():
        kind = kinds[name]
        warm, cold_lines = (_lambda_bytes(is_cold=is_cold) for is_cold in (False, True))
        metrics = functions[kind.function].metrics_log + EVENT_BYTES
        log_bytes += share * (
            (result.requests - result.cold) * warm
            + result.cold * cold_lines
            + result.requests * (kind.function_log + kind.gateway_log + EVENT_BYTES * kind.events)
            + result.metric_lines * metrics
        )
    return MillionRequests(
        cold=result.cold / result.requests,
        gb_seconds=factor * result.served * MEMORY_GB,
        requests=factor * (result.requests - result.throttled),
        writes=factor * result.writes,
        reads=factor * (result.reads + result.key_reads),
        log_bytes=factor * log_bytes,
    )


def _lambda_bytes(*, is_cold: bool) -> int:
    lines = request_kinds.lambda_lines(is_cold=is_cold)
    return sum(len(line) + EVENT_BYTES for line in lines)


def section(
    kinds: Mapping[str, KindMeasurement],
    functions: Mapping[str, FunctionMeasurement],
    totals: Mapping[str, MillionRequests],
) -> Iterator[str]:
    """Yield the lines of the section."""
    yield from ("| shape | traffic | kinds of requests |", "| --- | --- | --- |")
    for name, shape in SHAPES.items():
        mix = ", ".join(f"{100 * share:.0f} % {kind}" for kind, share in shape.shares.items())
        yield row(name, shape.text, mix)
    yield from ("", "A million requests of each use:", "")
    yield from header(
        "", "cold starts", "Lambda GB-seconds", "Lambda requests", "DynamoDB write units",
        "DynamoDB read units", "log MB",
    )  # fmt: skip
    for name, total in totals.items():
        yield row(name, f"{100 * total.cold:.2f} %", *_rounded(total))
    yield from ("", "and cost, in dollars, without the database:", "")
    services = list(next(iter(totals.values())).dollars())
    yield from header("", *services, "together")
    for name, total in totals.items():
        dollars = total.dollars()
        yield row(name, *[f"{each:.2f}" for each in dollars.values()], f"{_sum(dollars):.2f}")
    yield from ("", "The requests, as measured, in ms of CPU and in bytes of the log:", "")
    yield from header(
        "", "warm, the function", "warm, the database", "round trips", "the function's log lines",
        "API Gateway's line", "cold start of its function",
    )  # fmt: skip
    for name, kind in kinds.items():
        yield row(
            name, f"{kind.handler:.2f}", f"{kind.server:.2f}", f"{kind.round_trips:.0f}",
            f"{kind.function_log:.0f}", f"{kind.gateway_log:.0f}",
            f"{functions[kind.function].cold:.0f}",
        )  # fmt: skip


def _rounded(total: MillionRequests) -> list[str]:
    counts = (total.gb_seconds, total.requests, total.writes, total.reads, total.log_bytes / 1e6)
    return [f"{count:,.0f}" for count in counts]


def _sum(dollars: Mapping[str, float]) -> float:
    return sum(dollars.values())


def measure(*, shop: ShopSize, calls: int, cold_samples: int) -> tuple[
    dict[str, KindMeasurement], dict[str, FunctionMeasurement]
]:  # fmt: skip
    """Measure the kinds of requests with a shop of its own."""
    with emulated_keys(), benchmark_database(shop) as database:
        return request_kinds.measure(database, calls=calls, cold_samples=cold_samples)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studies.costs", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--write", action="store_true", help="write the section of docs/scale.md")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    cold.compile_everything()
    kinds, functions = measure(
        shop=SHOP, calls=request_kinds.CALLS, cold_samples=request_kinds.COLD_SAMPLES
    )
    totals = {}
    for name, shape in SHAPES.items():
        result = simulate(configured(shape, kinds, functions), options.seed)
        totals[name] = million(shape, result, kinds, functions)
    lines = list(section(kinds, functions, totals))
    print("\n".join(lines))
    if options.write:
        page.write(DOCUMENT, {SECTION: ["", *lines, ""]})


if __name__ == "__main__":
    main(sys.argv[1:])

"""Compare Sluice with its peers in one run, on one temporary PostgreSQL.

Compared: warm requests, cold starts, GraphQL and concurrent orders. Measured for Sluice alone: the
cost of its limiter and of TLS to AWS, memory, and the whole system under load.

    make bench                                    # half an hour; writes benchmarks/results.md
    PYTHONPATH=.:layers/shared python -m benchmarks [--quick] [--deep] [--imports] [--output FILE]

No benchmark asserts a time: a run on a busy machine is a bad measurement, not a failure.
"""

import argparse
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks import (
    aws_tls,
    cold,
    deep,
    graphql,
    hot_row,
    imports,
    limiter,
    memory,
    report,
    scenarios,
    system_load,
    warm,
)
from benchmarks.contenders import BUILD, CONTENDERS, HEALTH, PEERS, SLUICE_ORDERS, built
from benchmarks.database import BenchmarkDatabase, benchmark_database
from benchmarks.keys import emulated_keys
from testing.tcp_proxy import TcpProxy

RESULTS = Path(__file__).with_name("results.md")
PRODUCTS = 20_000
QUICK_PRODUCTS = 500
DEEP_PRODUCTS = 1_000_000
COLD_SAMPLES = 15
ROUNDS = 40
ORDER_ROUNDS = 9


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--quick",
        action="store_true",
        help="smoke test: run everything once or twice, write nothing",
    )
    parser.add_argument(
        "--deep", action="store_true", help=f"also page 10,000 of {DEEP_PRODUCTS:,} products"
    )
    parser.add_argument(
        "--imports", action="store_true", help=f"also import {imports.ROWS:,} products"
    )
    parser.add_argument(
        "--output", type=Path, help=f"page to write (default: {RESULTS}; none with --quick)"
    )
    options = parser.parse_args(arguments)

    with emulated_keys():
        page = run(quick=options.quick, with_depth=options.deep, with_imports=options.imports)
    print(page)
    output = options.output or (None if options.quick else RESULTS)
    if output:
        output.write_text(page, encoding="utf-8")
        _progress(f"written to {output}")


def run(*, quick: bool, with_depth: bool, with_imports: bool) -> str:
    """Run all benchmarks and return the page of results."""
    cold.compile_everything()
    optional = _optional(with_depth=with_depth, with_imports=with_imports)
    products = QUICK_PRODUCTS if quick else PRODUCTS
    _progress(f"a database of {products:,} products")
    with (
        benchmark_database(products) as database,
        TcpProxy("127.0.0.1", database.server.port) as proxy,
    ):
        rounds, samples = (2, 1) if quick else (ROUNDS, COLD_SAMPLES)
        _progress("warm requests")
        warm_results = _warm(database, proxy, rounds)
        _progress("cold starts")
        cold_results, function_results = _cold(database, samples)
        _progress("concurrent orders")
        orders = hot_row.measure(database, proxy, quick=quick, rounds=1 if quick else ORDER_ROUNDS)
        _progress("GraphQL")
        graph, graph_ratios = graphql.measure(database, proxy, quick=quick, rounds=rounds)
        _progress("the limiter")
        get_one = scenarios.scenarios(database.products)["GET one"]
        limits = limiter.measure(database, get_one, rounds=rounds)
        _progress("TLS to AWS")
        encrypted = aws_tls.table(aws_tls.measure(1 if quick else aws_tls.SAMPLES))
        _progress("memory")
        weights = memory.measure(database, requests=200 if quick else memory.REQUESTS)
    _progress("the whole system")
    load = list(system_load.measure(0.05 if quick else system_load.MINUTES))
    return report.render(
        cold_results,
        warm_results,
        function_results,
        report.goals(cold_results, warm_results, graph_ratios),
        products=database.products,
        postgres=database.version,
        more=[*graph, *orders, *limits, *encrypted, *weights, *load, *optional],
    )


def _optional(*, with_depth: bool, with_imports: bool) -> list[str]:
    lines: list[str] = []
    if with_depth:
        _progress(f"depth: {DEEP_PRODUCTS:,} products")
        with benchmark_database(DEEP_PRODUCTS) as database:
            lines += deep.measure(database)
    if with_imports:
        _progress("imports")
        lines += imports.measure(imports.ROWS)
    return lines


def _warm(database: BenchmarkDatabase, proxy: TcpProxy, rounds: int) -> dict[str, warm.WarmTimings]:
    """Measure warm requests of products and orders, and return both by the contender's name."""
    measure = partial(
        warm.measure,
        near_url=database.url,
        far_url=database.url_at(proxy.port),
        proxy=proxy,
        rounds=rounds,
    )
    results = measure(CONTENDERS, scenarios.scenarios(database.products))
    orders = measure((SLUICE_ORDERS, *PEERS), scenarios.orders(database.products))
    for name, ordered in orders.items():
        results[name].rounds |= ordered.rounds
        results[name].round_trips |= ordered.round_trips
    return results


def _cold(
    database: BenchmarkDatabase, samples: int
) -> tuple[dict[str, cold.ColdSamples], dict[str, cold.ColdSamples]]:
    """Measure cold starts of the contenders, and of the functions that `sam build` has built."""
    entries = [(contender, scenarios.get_one(1)) for contender in CONTENDERS]
    entries.append((HEALTH, scenarios.health()))
    functions = []
    if _is_built():
        functions = [(built(name), scenarios.first(name)) for name in scenarios.FIRST]
    return (
        cold.measure(entries, database.url, samples=samples),
        cold.measure(functions, database.url, samples=samples),
    )


def _is_built() -> bool:
    """Return whether `sam build` has built the functions for this version of Python."""
    layer = BUILD / "SharedLayer/python/sluice/__pycache__"
    return (
        any(layer.glob(f"*.{sys.implementation.cache_tag}.pyc"))
        and (BUILD / "GraphqlFunction").exists()
    )


def _progress(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

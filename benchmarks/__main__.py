"""Sluice beside its peers, in one run on one throw-away PostgreSQL: warm requests, cold starts, GraphQL, orders at
once; and alone: what its limiter and TLS to AWS cost, memory, and the whole system under load.

    make bench                                    # half an hour; writes benchmarks/results.md
    PYTHONPATH=.:layers/shared python -m benchmarks [--quick] [--deep] [--imports] [--output FILE]

Nothing here asserts a time: a run on a busy machine is a bad measurement and not a failure.
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
from benchmarks.database import open_shop
from benchmarks.keys import emulated_keys
from tests.fixtures.tcp_proxy import TcpProxy

RESULTS = Path(__file__).with_name("results.md")
PRODUCTS, QUICK_PRODUCTS, DEEP_PRODUCTS = 20_000, 500, 1_000_000
COLD_SAMPLES, ROUNDS, ORDER_ROUNDS = 15, 40, 9


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a smoke run: everything once or twice, nothing written",
    )
    parser.add_argument(
        "--deep", action="store_true", help=f"page 10,000 too, of {DEEP_PRODUCTS:,} products"
    )
    parser.add_argument(
        "--imports", action="store_true", help=f"a file of {imports.ROWS:,} products too"
    )
    parser.add_argument(
        "--output", type=Path, help=f"the page to write (default: {RESULTS}; with --quick none)"
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
    """The page of results."""
    cold.compile_everything()
    depth: list[str] = []
    if with_depth:
        _progress(f"depth: {DEEP_PRODUCTS:,} products")
        with open_shop(DEEP_PRODUCTS) as shop:
            depth += deep.measure(shop)
    if with_imports:
        _progress("imports")
        depth += imports.measure(imports.ROWS)
    products = QUICK_PRODUCTS if quick else PRODUCTS
    _progress(f"a database of {products:,} products")
    with open_shop(products) as shop, TcpProxy("127.0.0.1", shop.server.port) as proxy:
        _progress("warm requests")
        calls = scenarios.scenarios(shop.products)
        rounds, samples = (2, 1) if quick else (ROUNDS, COLD_SAMPLES)
        measure = partial(
            warm.measure,
            near_url=shop.url,
            far_url=shop.url_at(proxy.port),
            proxy=proxy,
            rounds=rounds,
        )
        warm_results = measure(CONTENDERS, calls)
        for name, ordered in measure(
            (SLUICE_ORDERS, *PEERS), scenarios.orders(shop.products)
        ).items():
            warm_results[name].rounds |= ordered.rounds
            warm_results[name].round_trips |= ordered.round_trips
        _progress("cold starts")
        entries = [(contender, scenarios.get_one(1)) for contender in CONTENDERS] + [
            (HEALTH, scenarios.health())
        ]
        cold_results = cold.measure(entries, shop.url, samples=samples)
        functions = (
            [(built(name), scenarios.first(name)) for name in scenarios.FIRST]
            if _is_built()
            else []
        )
        function_results = cold.measure(functions, shop.url, samples=samples)
        _progress("orders at once")
        orders = hot_row.measure(shop, proxy, quick=quick, rounds=1 if quick else ORDER_ROUNDS)
        _progress("GraphQL")
        graph, of_graph = graphql.measure(shop, proxy, quick=quick, rounds=rounds)
        _progress("the limiter")
        limits = limiter.measure(shop, calls["GET one"], rounds=rounds)
        _progress("TLS to AWS")
        encrypted = aws_tls.table(aws_tls.measure(1 if quick else aws_tls.SAMPLES))
        _progress("memory")
        weights = memory.measure(shop, requests=200 if quick else memory.REQUESTS)
    _progress("the whole system")
    load = list(system_load.measure(0.05 if quick else system_load.MINUTES))
    return report.render(
        cold_results,
        warm_results,
        function_results,
        report.aims(cold_results, warm_results, of_graph),
        products=shop.products,
        postgres=shop.version,
        more=[*graph, *orders, *limits, *encrypted, *weights, *load, *depth],
    )


def _is_built() -> bool:
    """Has `sam build` run, for this Python?"""
    layer = BUILD / "SharedLayer/python/sluice/__pycache__"
    return (
        any(layer.glob(f"*.{sys.implementation.cache_tag}.pyc"))
        and (BUILD / "GraphqlFunction").exists()
    )


def _progress(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

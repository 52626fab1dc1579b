"""Sluice beside its peers, in one run on one throw-away PostgreSQL: warm requests, cold starts, GraphQL, and
orders at once.

    make bench                                    # about six minutes; writes benchmarks/results.md
    PYTHONPATH=.:layers/shared python -m benchmarks [--quick] [--deep] [--output FILE]

Nothing here asserts a time: a run on a busy machine is a bad measurement and not a failure.
"""

import argparse
import sys
import time
from pathlib import Path

from benchmarks import calls, cold, deep, graphql, hot_row, limiter, report, warm
from benchmarks.contenders import CONTENDERS, HEALTH
from benchmarks.database import open_shop
from benchmarks.keys import emulated_keys
from tests.fixtures.relay import Relay

RESULTS = Path(__file__).with_name("results.md")
PRODUCTS, QUICK_PRODUCTS, DEEP_PRODUCTS = 20_000, 500, 1_000_000
COLD_SAMPLES, ROUNDS, ORDER_ROUNDS = 15, 40, 9


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a smoke run: everything once or twice, nothing written")
    parser.add_argument("--deep", action="store_true", help=f"page 10,000 too, of {DEEP_PRODUCTS:,} products")
    parser.add_argument("--output", type=Path, help=f"the page to write (default: {RESULTS}; with --quick none)")
    options = parser.parse_args(arguments)

    with emulated_keys():
        page = run(quick=options.quick, with_depth=options.deep)
    print(page)
    output = options.output or (None if options.quick else RESULTS)
    if output:
        output.write_text(page, encoding="utf-8")
        _progress(f"written to {output}")


def run(*, quick: bool, with_depth: bool) -> str:
    """The page of results."""
    cold.compile_everything()
    depth: list[str] = []
    if with_depth:
        _progress(f"depth: {DEEP_PRODUCTS:,} products")
        with open_shop(DEEP_PRODUCTS) as shop:
            depth = deep.measure(shop)
    products = QUICK_PRODUCTS if quick else PRODUCTS
    _progress(f"a database of {products:,} products")
    with open_shop(products) as shop, Relay("127.0.0.1", shop.server.port) as relay:
        _progress("warm requests")
        scenarios = calls.scenarios(shop.products)
        warm_results = warm.measure(
            CONTENDERS,
            scenarios,
            near_url=shop.url,
            far_url=shop.url_at(relay.port),
            relay=relay,
            rounds=2 if quick else ROUNDS,
        )
        _progress("cold starts")
        entries = [(contender, calls.get_one(1)) for contender in CONTENDERS] + [(HEALTH, calls.health())]
        cold_results = cold.measure(entries, shop.url, samples=1 if quick else COLD_SAMPLES)
        _progress("orders at once")
        orders = hot_row.measure(shop, relay, quick=quick, rounds=1 if quick else ORDER_ROUNDS)
        _progress("GraphQL")
        graph = list(graphql.measure(shop, relay, quick=quick, rounds=2 if quick else ROUNDS))
        _progress("the limiter")
        limits = limiter.measure(shop, scenarios["GET one"], rounds=2 if quick else ROUNDS)
        return report.render(
            cold_results,
            warm_results,
            products=shop.products,
            postgres=shop.version,
            more=[*graph, *orders, *limits, *depth],
        )


def _progress(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Compare Sluice with its peers in one run, on one temporary PostgreSQL.

Compared: warm requests at several distances, cold starts, TLS, GraphQL, concurrent orders, adopted
tables and tenants. It writes its sections of benchmarks/results.md, and keeps the others.

    make bench                                   # half an hour on two quiet cores
    make bench QUICK=1                           # a look in five minutes; writes nothing
    PYTHONPATH=.:layers/shared python -m benchmarks [--quick | --smoke] [--output FILE]

benchmarks/studies/ has further measurements. No benchmark asserts a time: a run on a busy machine
is a bad measurement, not a failure.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import (
    adopted,
    adopted_scenarios,
    cold,
    encrypted,
    graphql,
    hot_row,
    page,
    report,
    scenarios,
    tenants,
    warm,
)
from benchmarks.contenders import (
    BUILD,
    CONTENDERS,
    GRAPHQL,
    HEALTH,
    PEERS,
    SLUICE_ORDERS,
    STRAWBERRY,
    built,
)
from benchmarks.database import BenchmarkDatabase, benchmark_database
from benchmarks.keys import add_key, emulated_keys
from benchmarks.modes import FAR, Mode, all_modes
from benchmarks.sizes import FULL, QUICK, SMOKE, Sizes
from local.aws import AwsServer
from testing.copied_repository import copy_of_repository

Cold = dict[str, cold.ColdSamples]


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    sizes = parser.add_mutually_exclusive_group()
    for each, text in ((QUICK, "less data and few rounds"), (SMOKE, "everything once or twice")):
        name = "--quick" if each is QUICK else "--smoke"
        sizes.add_argument(name, dest="sizes", action="store_const", const=each, help=text)
    parser.add_argument(
        "--output", type=Path, help=f"page to write (default: {page.RESULTS} after a full run)"
    )
    options = parser.parse_args(arguments)
    chosen = options.sizes or FULL

    with emulated_keys() as aws:
        sections = run(chosen, aws)
    for lines in sections.values():
        print("\n".join(lines), end="\n\n")
    written = options.output or (page.RESULTS if chosen is FULL else None)
    if written:
        page.write(written, sections)
        _progress(f"written to {written}")
    if chosen is FULL and not options.output:
        figures = {"products": sections["products"]}
        page.write(adopted.PAGES[1], figures)
    if chosen.note:
        print(chosen.note)


def run(sizes: Sizes, aws: AwsServer) -> report.Sections:
    """Run all benchmarks and return the sections of the page, by name."""
    cold.compile_everything()
    _progress("tenants")
    tenants_section, more = tenants.measure(sizes.tenant_rows, sizes.tenant_reads)
    _progress("TLS")
    with_tls = encrypted.measure(aws, sizes)
    _progress(f"a database of {sizes.shop.products:,} products")
    with benchmark_database(sizes.shop) as database, all_modes(database) as modes:
        _progress("warm requests")
        warm_results = _warm(database, modes, sizes)
        _progress("cold starts")
        cold_results, functions = _cold(database, sizes)
        near_and_far = [mode for mode in modes if mode.name != modes[-1].name]
        _progress("GraphQL")
        graph, graph_ratios = graphql.measure(
            near_and_far, installs=sizes.installs, rounds=sizes.rounds
        )
        _progress("concurrent orders")
        orders = hot_row.measure(database, near_and_far, sizes)
        _progress("adopted tables")
        groups, copied = _adopted(database, sizes)
    ours = copied[adopted.BY_HAND]
    figures = report.Figures(
        cold=cold_results | groups,
        warm=warm_results,
        graphql=graph_ratios,
        hot_product=hot_row.rate_ratio(
            orders[hot_row.PIPELINE].rounds[hot_row.HOT, FAR],
            orders[hot_row.OURS].rounds[hot_row.HOT, FAR],
        ),
        adopted={
            name: report.ratio(timings.passed, ours[name].passed)
            for name, timings in copied[adopted.ADOPTED].items()
            if name in report.READS
        },
        tenants=more,
    )
    about = report.Run(
        sizes.note,
        sizes.shop,
        database.version,
        sizes.rounds,
        sizes.cold_samples,
        report.libraries(),
    )
    return {
        **report.sections(figures, functions, about),
        "tls": encrypted.section(with_tls),
        "graphql": graph,
        "orders": hot_row.section(orders, sizes),
        "products": adopted.table(copied, adopted.BY_HAND),
        "tenants": tenants_section,
    }


def _warm(
    database: BenchmarkDatabase, modes: list[Mode], sizes: Sizes
) -> dict[str, warm.WarmTimings]:
    """Measure warm requests of products and orders, and return both by the contender's name."""
    events = scenarios.scenarios(database.products)
    results = warm.measure(CONTENDERS, events, modes, rounds=sizes.rounds)
    placing = scenarios.orders(database.products)
    orders = warm.measure((SLUICE_ORDERS, *PEERS), placing, modes, rounds=sizes.rounds)
    for name, ordered in orders.items():
        results[name].rounds |= ordered.rounds
        results[name].round_trips |= ordered.round_trips
    return results


def _cold(database: BenchmarkDatabase, sizes: Sizes) -> tuple[Cold, Cold]:
    """Measure cold starts of the contenders, and of the functions that `sam build` has built."""
    entries = [(contender, scenarios.get_one(1)) for contender in CONTENDERS]
    entries.append((HEALTH, scenarios.health()))
    query = graphql.query_event(graphql.QUERY)
    entries += [(GRAPHQL, query), (STRAWBERRY, query)]
    functions = []
    if sizes is FULL and _is_built():
        functions = [(built(name), scenarios.first(name)) for name in scenarios.FIRST]
    return (
        cold.measure(entries, database.url, sizes.cold_samples),
        cold.measure(functions, database.url, sizes.cold_samples),
    )


def _adopted(database: BenchmarkDatabase, sizes: Sizes) -> tuple[Cold, adopted.Results]:
    """Measure adopted tables: cold starts of groups, and products beside the shop's."""
    add_key(adopted_scenarios.KEY, *adopted_scenarios.SCOPES)
    with copy_of_repository() as copy:
        groups = adopted.groups(database, copy, sizes.cold_samples)
        return groups, adopted.products(database, copy, sizes.rounds)


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

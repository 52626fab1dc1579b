"""Run studies, and write their sections of benchmarks/results.md.

    PYTHONPATH=.:layers/shared python -m benchmarks.studies limiter memory [--write]

README.md in this folder lists the studies.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from benchmarks import cold, page, scenarios
from benchmarks.database import benchmark_database
from benchmarks.keys import emulated_keys
from benchmarks.sizes import FULL
from benchmarks.studies import aws_tls, depth, imports, limiter, memory, system_load
from testing.realistic_shop import ShopSize

SHOP = ShopSize(20_000)
DEEP_SHOP = ShopSize(1_000_000)


def study_limiter() -> list[str]:
    with emulated_keys(), benchmark_database(SHOP) as database:
        get_one = scenarios.scenarios(database.products)["GET one"]
        return limiter.measure(database, get_one, rounds=FULL.rounds)


def study_memory() -> list[str]:
    with emulated_keys(), benchmark_database(SHOP) as database:
        return memory.measure(database, requests=memory.REQUESTS)


def study_depth() -> list[str]:
    with emulated_keys(), benchmark_database(DEEP_SHOP) as database:
        return depth.measure(database)


STUDIES: Mapping[str, Callable[[], Sequence[str]]] = {
    "limiter": study_limiter,
    "memory": study_memory,
    "system-load": lambda: list(system_load.measure()),
    "aws-tls": lambda: aws_tls.table(aws_tls.measure(aws_tls.SAMPLES)),
    "depth": study_depth,
    "imports": lambda: imports.measure(imports.ROWS),
}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studies", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="+", choices=STUDIES, metavar="STUDY")
    parser.add_argument("--write", action="store_true", help="write the sections of results.md")
    options = parser.parse_args(arguments)
    cold.compile_everything()
    for name in options.names:
        lines = "\n".join(STUDIES[name]()).strip("\n").splitlines()
        print("\n".join(lines), end="\n\n")
        if options.write:
            page.write(page.RESULTS, {name: lines})


if __name__ == "__main__":
    main(sys.argv[1:])

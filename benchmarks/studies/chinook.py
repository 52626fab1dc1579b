"""Compare Chinook, adopted without a change, with PostGraphile on the same database.

    PYTHONPATH=.:layers/shared python -m benchmarks.studies.chinook --chinook FILE [--write]

FILE is Chinook's script for PostgreSQL (github.com/lerocha/chinook-database). The tables are
adopted into a copy of the repository, and served from there. `--write` puts the table into
benchmarks/results.md and docs/comparison.md.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks import adopted_scenarios as scenarios
from benchmarks import cold, page
from benchmarks.adopted import PAGES, adopt, measure, served, table
from benchmarks.database import BenchmarkDatabase, benchmark_database, connect
from benchmarks.graphql import POSTGRAPHILE, postgraphile
from benchmarks.keys import add_key, emulated_keys
from benchmarks.sizes import FULL
from benchmarks.warm import Worker
from local.binaries import find_bindir
from local.libpq import psql_variables
from testing.copied_repository import copy_of_repository
from testing.realistic_shop import ShopSize


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studies.chinook")
    parser.add_argument("--chinook", type=Path, required=True, help="Chinook's script")
    parser.add_argument("--rounds", type=int, default=FULL.rounds)
    parser.add_argument("--write", action="store_true", help="write the table into the pages")
    options = parser.parse_args(arguments)
    cold.compile_everything()
    with (
        emulated_keys(),
        benchmark_database(ShopSize(100)) as database,
        copy_of_repository() as copy,
    ):
        add_key(scenarios.KEY, *scenarios.SCOPES)
        load_chinook(database, options.chinook)
        lines = chinook(database, copy, options.rounds)
    print("\n".join(lines))
    if options.write:
        for each in PAGES:
            page.write(each, {"chinook": lines})


def load_chinook(database: BenchmarkDatabase, script: Path) -> None:
    """Run the script, which creates the database chinook, and allow the functions' role to log in.

    The script creates the database itself, so psql begins in another one.
    """
    command = [str(find_bindir() / "psql"), "--quiet", "--no-psqlrc", "--file", str(script)]
    environment = {**os.environ, **psql_variables(database.server.url())}  # noqa: TID251
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    with closing(connect(database.server.url(database="chinook"))) as owner:
        if not owner.run("SELECT count(*) FROM track")[0][0]:
            raise SystemExit(f"{script} made no rows: {done.stderr[-2000:]}")
        owner.run("VACUUM ANALYZE")


def chinook(database: BenchmarkDatabase, copy: Path, rounds: int) -> list[str]:
    """Compare REST and GraphQL of Sluice with PostGraphile's GraphQL."""
    adopt(copy, database.server.url(database="chinook"), "chinook", "public.*")
    folder = postgraphile(install=True)
    if folder is None:
        raise SystemExit("PostGraphile needs npm")
    app_url = database.url.rpartition("/")[0] + "/chinook"
    owner_url = database.server.url(database="chinook")
    rest = served("Sluice, REST", "functions.chinook.chinook.handler", copy, "chinook")
    graphql = served("Sluice, GraphQL", "functions.graphql.handler", copy, "chinook")
    with ExitStack() as stack:
        workers = {
            rest.name: stack.enter_context(Worker(rest, app_url)),
            graphql.name: stack.enter_context(Worker(graphql, app_url)),
            POSTGRAPHILE.name: stack.enter_context(
                Worker(POSTGRAPHILE, owner_url, POSTGRAPHILE=str(folder))
            ),
        }
        events = {
            rest.name: scenarios.chinook_rest(),
            graphql.name: scenarios.chinook_graphql(),
            POSTGRAPHILE.name: scenarios.chinook_postgraphile(),
        }
        results = measure(workers, events, rounds)
    return table(results, rest.name)


if __name__ == "__main__":
    main(sys.argv[1:])

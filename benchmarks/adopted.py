"""Measure adopted tables: Chinook beside PostGraphile, and products beside the shop's by hand.

    PYTHONPATH=.:layers/shared python -m benchmarks.adopted [--chinook FILE] [--rounds 40] [--write]

FILE is Chinook's script for PostgreSQL (github.com/lerocha/chinook-database); without it only the
products are compared. The tables are adopted into a copy of the repository, and served from there.
`--write` puts the tables into benchmarks/results.md and docs/comparison.md.

All contenders alternate in short rounds. A ratio is the median of the ratios within a round. CPU is
that of the contender's process, without PostgreSQL's and without the client of a server. It depends
less on what else the machine does than the time that passes.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import adopted_scenarios as scenarios
from benchmarks import cold, report
from benchmarks.contenders import ROOT, SLUICE, Contender
from benchmarks.database import BenchmarkDatabase, benchmark_database, connect
from benchmarks.graphql import POSTGRAPHILE, postgraphile
from benchmarks.keys import add_key, emulated_keys
from benchmarks.scenarios import Event
from benchmarks.warm import Worker
from local.binaries import find_bindir
from local.libpq import psql_variables
from testing.copied_repository import copy_of_repository, run

PRODUCTS = 20_000
ROUNDS = 40
CALLS = 10  # of each scenario in a round
PAGES = (ROOT / "benchmarks/results.md", ROOT / "docs/comparison.md")
COPY_OF_PRODUCTS = (
    "CREATE SCHEMA copied",
    """
    CREATE TABLE copied.products (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name varchar(200) NOT NULL UNIQUE,
        description varchar(10000),
        price numeric(12, 2) NOT NULL CHECK (price >= 0),
        category_id integer NOT NULL,
        inventory integer NOT NULL DEFAULT 0 CHECK (inventory >= 0),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        version integer NOT NULL DEFAULT 1
    )
    """,
    """
    INSERT INTO copied.products (name, description, price, category_id, inventory)
    SELECT name, description, price, category_id, quantity
    FROM products JOIN inventory ON product_id = id ORDER BY id
    """,
    "VACUUM ANALYZE copied.products",
)


@dataclass
class Timings:
    """The median time and the CPU of a call, in ms, of each round."""

    passed: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


Results = Mapping[str, Mapping[str, Timings]]  # by contender, then by scenario


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adopted")
    parser.add_argument("--chinook", type=Path, help="Chinook's script")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true", help="write the tables into the pages")
    options = parser.parse_args(arguments)
    cold.compile_everything()
    with (
        emulated_keys(),
        benchmark_database(PRODUCTS) as database,
        copy_of_repository() as copy,
    ):
        add_key(scenarios.KEY, *scenarios.SCOPES)
        tables = {"products": products(database, copy, options.rounds)}
        if options.chinook:
            load_chinook(database, options.chinook)
            tables["chinook"] = chinook(database, copy, options.rounds)
    for name, lines in tables.items():
        print("\n".join(lines))
        if options.write:
            for page in PAGES:
                replace(page, name, lines)


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


def adopt(copy: Path, url: str, app: str, tables: str) -> None:
    """Adopt the tables as an application of the copy, and grant them to the functions' role."""
    command = [sys.executable, "-m", "catalog", "adopt", "--write", "--app", app]
    run(copy, *command, "--tables", tables, FROM=url)
    run(copy, sys.executable, "-m", "local", "migrate", DATABASE_URL=url, SLUICE_APP=app, APP=app)


@contextmanager
def served(copy: Path, app: str, contender: Contender, url: str) -> Iterator[Worker]:
    """Run a handler of the application in the copy."""
    path = f"{copy}:{copy / 'layers/shared'}"
    with Worker(contender, url, PYTHONPATH=path, SLUICE_APP=app) as worker:
        yield worker


def chinook(database: BenchmarkDatabase, copy: Path, rounds: int) -> list[str]:
    """Compare REST and GraphQL of Sluice with PostGraphile's GraphQL."""
    adopt(copy, database.server.url(database="chinook"), "chinook", "public.*")
    folder = postgraphile(install=True)
    if folder is None:
        raise SystemExit("PostGraphile needs npm")
    app_url = database.url.rpartition("/")[0] + "/chinook"
    owner_url = database.server.url(database="chinook")
    rest = Contender("Sluice, REST", "functions.chinook.chinook.handler")
    graphql = Contender("Sluice, GraphQL", "functions.graphql.handler")
    with ExitStack() as stack:
        workers = {
            rest.name: stack.enter_context(served(copy, "chinook", rest, app_url)),
            graphql.name: stack.enter_context(served(copy, "chinook", graphql, app_url)),
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


def products(database: BenchmarkDatabase, copy: Path, rounds: int) -> list[str]:
    """Compare an adopted table of products with the shop's products, which have SQL by hand."""
    with closing(connect(database.server.url())) as owner:
        for statement in COPY_OF_PRODUCTS:
            owner.run(statement)
    adopt(copy, database.server.url(), "copied", "copied.*")
    by_hand = Contender("the shop's products", SLUICE.module)
    adopted = Contender("the adopted products", "functions.copied.copied.handler")
    with (
        served(copy, "shop", by_hand, database.url) as shop,
        served(copy, "copied", adopted, database.url) as copied,
    ):
        events = {
            by_hand.name: scenarios.products("category", "stationery", database.products),
            adopted.name: scenarios.products("category_id", 1, database.products),
        }
        results = measure({by_hand.name: shop, adopted.name: copied}, events, rounds)
    return table(results, by_hand.name)


def measure(
    workers: Mapping[str, Worker], events: Mapping[str, Mapping[str, list[Event]]], rounds: int
) -> Results:
    """Return the timings. Raise RuntimeError if the contenders return other names."""
    names = list(next(iter(events.values())))
    for scenario in names:
        first = {
            name: scenarios.names_in(worker.set_events(scenario, events[name][scenario]))
            for name, worker in workers.items()
        }
        if len({*map(tuple, first.values())}) > 1 and not scenario.startswith("POST"):
            raise RuntimeError(f"{scenario}: the contenders return different rows: {first}")
        for worker in workers.values():
            worker.call(scenario, 20 * CALLS)  # warms up
    results = {name: {scenario: Timings() for scenario in names} for name in workers}
    for number in range(rounds):
        order = list(workers.items())
        turn = number % len(order)
        for scenario in names:
            for name, worker in order[turn:] + order[:turn]:
                before = worker.cpu_ms()
                times = worker.call(scenario, CALLS)
                timings = results[name][scenario]
                timings.passed.append(median(times))
                timings.cpu.append((worker.cpu_ms() - before) / CALLS)
    return results


def table(results: Results, ours: str) -> list[str]:
    """Return the table: for each scenario the time and the CPU, and the ratio to `ours`."""
    names = list(results[ours])
    titles = [f"{name}, {kind}" for name in names for kind in ("p50", "CPU")]
    lines = list(report.header("ms", *titles))
    for contender, timings in results.items():
        cells = []
        for name in names:
            mine, base = timings[name], results[ours][name]
            cells.append(report.cell(mine.passed, base.passed, digits=2))
            cells.append(report.cell(mine.cpu, base.cpu, digits=2))
        lines.append(report.row(contender, *cells))
    return lines


def replace(page: Path, name: str, lines: Sequence[str]) -> None:
    """Put the lines between the page's markers of this name."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    table = "\n".join((begin, *lines, end))
    page.write_text(pattern.sub(lambda _: table, text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

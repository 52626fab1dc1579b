"""Measure adopted tables: products beside the shop's by hand, and groups of one and twenty tables.

`make bench` runs it. The tables are adopted into a copy of the repository, and served from there.

All contenders alternate in short rounds. A ratio is the median of the ratios within a round. CPU is
that of the contender's process, without PostgreSQL's and without the client of a server. It depends
less on what else the machine does than the time that passes.
"""

import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import adopted_scenarios as scenarios
from benchmarks import cold, report
from benchmarks.contenders import ROOT, SLUICE, Contender
from benchmarks.database import BenchmarkDatabase, connect
from benchmarks.page import RESULTS
from benchmarks.scenarios import Event
from benchmarks.warm import Worker
from testing.copied_repository import run

CALLS = 10  # of each scenario in a round
PAGES = (RESULTS, ROOT / "docs/comparison.md")
GROUPS = {"single": 1, "twenty": 20}  # schemas, each of which is one function, and their tables
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


TABLE = """
    CREATE TABLE {schema}.things_{n} (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name varchar(200) NOT NULL UNIQUE,
        note text,
        price numeric(12, 2) NOT NULL DEFAULT 0 CHECK (price >= 0),
        parent_id integer REFERENCES {schema}.things_{parent},
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        version integer NOT NULL DEFAULT 1
    )
"""


@dataclass
class Timings:
    """The median time and the CPU of a call, in ms, of each round."""

    passed: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


BY_HAND = "the shop's products"
ADOPTED = "the adopted products"
Results = Mapping[str, Mapping[str, Timings]]  # by contender, then by scenario


def adopt(copy: Path, url: str, app: str, tables: str) -> None:
    """Adopt the tables as an application of the copy, and grant them to the functions' role."""
    command = [sys.executable, "-m", "catalog", "adopt", "--write", "--app", app]
    run(copy, *command, "--tables", tables, FROM=url)
    run(copy, sys.executable, "-m", "local", "migrate", DATABASE_URL=url, SLUICE_APP=app, APP=app)


def served(name: str, module: str, copy: Path, app: str) -> Contender:
    """Return the contender for a handler of an application in the copy."""
    return Contender(name, module, variables=(("SLUICE_APP", app),), root=copy)


def products(database: BenchmarkDatabase, copy: Path, rounds: int) -> Results:
    """Compare an adopted table of products with the shop's products, which have SQL by hand."""
    with closing(connect(database.server.url())) as owner:
        for statement in COPY_OF_PRODUCTS:
            owner.run(statement)
    adopt(copy, database.server.url(), "copied", "copied.*")
    by_hand = served(BY_HAND, SLUICE.module, copy, "shop")
    adopted = served(ADOPTED, "functions.copied.copied.handler", copy, "copied")
    with Worker(by_hand, database.url) as shop, Worker(adopted, database.url) as copied:
        events = {
            BY_HAND: scenarios.products("category", "category-7", database.products),
            ADOPTED: scenarios.products("category_id", 7, database.products),
        }
        return measure({BY_HAND: shop, ADOPTED: copied}, events, rounds)


def groups(database: BenchmarkDatabase, copy: Path, samples: int) -> dict[str, cold.ColdSamples]:
    """Measure cold starts of a function with one resource, and of one with twenty."""
    with closing(connect(database.server.url())) as owner:
        owner.run("CREATE DATABASE groups")
    url = database.server.url(database="groups")
    with closing(connect(url)) as owner:
        for schema, count in GROUPS.items():
            owner.run(f"CREATE SCHEMA {schema}")
            for n in range(1, count + 1):
                owner.run(TABLE.format(schema=schema, n=n, parent=max(1, n - 1)))
                owner.run(f"INSERT INTO {schema}.things_{n} (name) VALUES ('a thing')")
    entries = []
    for name, schema in zip(report.GROUPS, GROUPS, strict=True):
        adopt(copy, url, schema, f"{schema}.*")
        module = f"functions.{schema}.{schema}.handler"
        entries.append((served(name, module, copy, schema), scenarios.first_thing()))
    cold.compile_everything(copy)
    app_url = database.url.rpartition("/")[0] + "/groups"
    return cold.measure(entries, app_url, samples)


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

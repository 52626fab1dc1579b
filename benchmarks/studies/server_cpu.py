"""Measure the CPU time of a request in PostgreSQL's backend process.

    PYTHONPATH=.:layers/shared python -m benchmarks.studies.server_cpu

The kernel counts the CPU of the process, so other load on the machine disturbs it little.
Background work of the server (WAL, checkpoints, vacuum) is not included. Linux only.
"""

import random
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from benchmarks import cold, graphql, scenarios
from benchmarks.contenders import GRAPHQL, SLUICE
from benchmarks.database import BenchmarkDatabase, benchmark_database, connect
from benchmarks.keys import emulated_keys
from benchmarks.order_client import sluice as buyer
from benchmarks.report import header, row
from benchmarks.warm import Worker
from testing.realistic_shop import ShopSize

SHOP = ShopSize(20_000)
WARM = 200
CALLS = 1_500
CLIENT = (
    "SELECT pid FROM pg_stat_activity WHERE usename = 'sluice_app' AND datname = current_database()"
)


def main() -> None:
    cold.compile_everything()
    with (
        emulated_keys(),
        benchmark_database(SHOP) as database,
        closing(connect(database.server.url())) as owner,
    ):
        lines = [
            row(name, f"{1000 * measured(owner, run):.0f}")
            for name, run in requests(database, owner)
        ]
    print("\n".join([*header("", "µs of CPU"), *lines]))


def requests(
    database: BenchmarkDatabase, owner: Any
) -> list[tuple[str, Callable[[ExitStack], Callable[[int], object]]]]:
    """Return each request's name with a function that opens a connection for this request.

    That function returns another one, `make(n)`, which sends the request n times.
    """

    def worker(
        contender: Any, name: str, events: list[Any]
    ) -> Callable[[ExitStack], Callable[[int], object]]:
        def run(stack: ExitStack) -> Callable[[int], object]:
            process = stack.enter_context(Worker(contender, database.url))
            process.set_events(name, events)
            return lambda times: process.call(name, times)

        return run

    def orders(stack: ExitStack) -> Callable[[int], object]:
        user = owner.run(
            "INSERT INTO users (email, name) VALUES ('a@example.com', 'A') RETURNING id"
        )[0][0]
        owner.run("UPDATE inventory SET quantity = 1000")
        place, rng = buyer(database.url), random.Random(7)
        return lambda times: [
            place(user, [(rng.randint(1, database.products), 1)]) for _ in range(times)
        ]

    calls = scenarios.scenarios(database.products)
    return [
        *[(name, worker(SLUICE, name, calls[name])) for name in ("GET one", "list 20", "list 100")],
        ("an order of one item", orders),
        (
            "GraphQL, 100 products",
            worker(GRAPHQL, "graphql", [graphql.query_event(graphql.QUERY)]),
        ),
    ]


def measured(owner: Any, run: Callable[[ExitStack], Callable[[int], object]]) -> float:
    """Return the server's CPU per request, in ms."""
    there = {pid for (pid,) in owner.run(CLIENT)}
    with ExitStack() as stack:
        make = run(stack)
        make(WARM)
        (pid,) = {pid for (pid,) in owner.run(CLIENT)} - there
        before = on_cpu(pid)
        make(CALLS)
        return (on_cpu(pid) - before) / CALLS


def on_cpu(pid: int) -> float:
    """Return the CPU time of a process so far, in ms."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


if __name__ == "__main__":
    main()

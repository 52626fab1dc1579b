"""What does a request cost the database? CPU of the server's process that answers one connection.

    PYTHONPATH=.:layers/shared python -m benchmarks.server_cpu

By the kernel's own account of that process, so a busy machine disturbs it little. What the server writes in the
background (the log, checkpoints, vacuum) comes on top of it. Linux only.
"""

import random
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from benchmarks import cold, graphql, scenarios
from benchmarks.contenders import SLUICE
from benchmarks.database import Shop, connect, open_shop
from benchmarks.keys import emulated_keys
from benchmarks.order_client import sluice as buyer
from benchmarks.report import header, row
from benchmarks.warm import Worker

PRODUCTS, WARM, CALLS = 20_000, 200, 1_500
CLIENT = (
    "SELECT pid FROM pg_stat_activity WHERE usename = 'sluice_app' AND datname = current_database()"
)


def main() -> None:
    cold.compile_everything()
    with emulated_keys(), open_shop(PRODUCTS) as shop, closing(connect(shop.server.url())) as owner:
        lines = [
            row(name, f"{1000 * measured(owner, run):.0f}") for name, run in requests(shop, owner)
        ]
    print("\n".join([*header("", "µs of CPU"), *lines]))


def requests(
    shop: Shop, owner: Any
) -> list[tuple[str, Callable[[ExitStack], Callable[[int], object]]]]:
    """Each kind's name, and what opens a connection and gives a function that makes so many."""

    def worker(
        contender: Any, name: str, events: list[Any]
    ) -> Callable[[ExitStack], Callable[[int], object]]:
        def run(stack: ExitStack) -> Callable[[int], object]:
            process = stack.enter_context(Worker(contender, shop.url))
            process.teach(name, events)
            return lambda times: process.call(name, times)

        return run

    def orders(stack: ExitStack) -> Callable[[int], object]:
        user = owner.run(
            "INSERT INTO users (email, name) VALUES ('a@example.com', 'A') RETURNING id"
        )[0][0]
        owner.run("UPDATE inventory SET quantity = 1000")
        place, chance = buyer(shop.url), random.Random(7)
        return lambda times: [
            place(user, [(chance.randint(1, shop.products), 1)]) for _ in range(times)
        ]

    calls = scenarios.scenarios(shop.products)
    return [
        *[(name, worker(SLUICE, name, calls[name])) for name in ("GET one", "list 20", "list 100")],
        ("an order of one item", orders),
        (
            "GraphQL, 100 products",
            worker(graphql.SLUICE, "graphql", [graphql._event(graphql.QUERY)]),
        ),
    ]


def measured(owner: Any, run: Callable[[ExitStack], Callable[[int], object]]) -> float:
    """CPU of the server for each, in ms."""
    there = {pid for (pid,) in owner.run(CLIENT)}
    with ExitStack() as stack:
        make = run(stack)
        make(WARM)
        (pid,) = {pid for (pid,) in owner.run(CLIENT)} - there
        before = _on_cpu(pid)
        make(CALLS)
        return (_on_cpu(pid) - before) / CALLS


def _on_cpu(pid: int) -> float:
    """ms so far."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


if __name__ == "__main__":
    main()

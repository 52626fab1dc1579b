"""The whole local system under load: `make run`'s gateway, sandboxes, limiter and PostgreSQL, with 16 clients.

    PYTHONPATH=.:layers/shared python -m benchmarks.system_load [--minutes 5]

All of it shares the machine, the clients too, so this tells that it holds and what becomes of the waiting, rather than
what Lambda would do: there is an environment for every request there, and here a few for each function.
"""

import argparse
import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from statistics import quantiles
from typing import Any

from benchmarks.clients import LOADS
from benchmarks.contenders import command
from benchmarks.database import connect
from benchmarks.report import header, machine, row
from scripts.seed import seed_more
from tests.fixtures.local_system import temporary_system

CLIENTS = 16
MINUTES = 5.0
PRODUCTS = 20_000
STOCK = "UPDATE inventory SET quantity = 1000000"
BOOKS = """
    SELECT count(*), coalesce(sum(total), 0) = (SELECT coalesce(sum(quantity * unit_price), 0) FROM order_items)
    FROM orders
"""


def measure(minutes: float = MINUTES) -> Iterator[str]:
    """Lines for the report. RuntimeError where an order was lost, or one was made that nobody placed."""
    with temporary_system() as system:
        told = system.start().local_json
        owner, netloc = told["database_url"], told["base_url"].partition("//")[2]
        seed_more(owner, products=PRODUCTS)
        with closing(connect(owner)) as connection:
            connection.run(STOCK)
            connection.run(
                "INSERT INTO users (email, name) VALUES ('clients@example.com', 'Clients')"
            )
            connection.run("VACUUM ANALYZE")
            categories = [
                slug
                for (slug,) in connection.run("SELECT slug FROM categories ORDER BY id LIMIT 20")
            ]
            what = {"clients": CLIENTS, "products": PRODUCTS, "categories": categories}
            yield from (
                "",
                f"## The whole system ({CLIENTS} clients, {minutes:g} minutes each)",
                "",
            )
            yield "    PYTHONPATH=.:layers/shared python -m benchmarks.system_load"
            yield ""
            yield "By way of `make run`'s gateway; clients, gateway, sandboxes and PostgreSQL share the machine. Times"
            yield "are in ms. Statements and round trips are those of one request, as its Server-Timing tells."
            for load in LOADS:
                yield from _one(load, netloc, what | {"load": load, "seconds": minutes * 60})
            orders, balanced = connection.run(BOOKS)[0]
            yield from (
                "",
                f"{orders:,} orders were placed; what they cost is what their items cost.",
            )
            if not balanced:
                raise RuntimeError("the orders' totals are not what their items cost")


def _one(load: str, netloc: str, what: dict[str, Any]) -> Iterator[str]:
    done = subprocess.run(
        command("clients", netloc, json.dumps(what)), check=True, stdout=subprocess.PIPE, text=True
    )
    told = json.loads(done.stdout)
    kinds: dict[str, dict[str, Any]] = told["kinds"]
    times = [time for kind in kinds.values() for time in kind["times"]]
    errors = [error for kind in kinds.values() for error in kind["errors"]]
    yield from (
        "",
        *header(load, "requests", "a second", "p50", "p99", "errors", "statements", "round trips"),
    )
    for name, kind in kinds.items():
        yield _row(name, kind["times"], told["seconds"], len(kind["errors"]), kind)
    yield _row("**all**", times, told["seconds"], len(errors), None)
    for error in errors[:5]:
        yield from ("", f"    {error}")


def _row(
    name: str, times: list[float], seconds: float, errors: int, kind: dict[str, Any] | None
) -> str:
    cuts = quantiles(times, n=100) if len(times) > 1 else times * 99
    each = ["", ""]
    if kind is not None:
        each = [f"{kind[what] / max(1, len(times)):.2f}" for what in ("statements", "round_trips")]
    return row(
        name,
        f"{len(times):,}",
        f"{len(times) / seconds:.0f}",
        f"{cuts[49]:.1f}",
        f"{cuts[98]:.1f}",
        str(errors),
        *each,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The whole local system under load.")
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help="of each load (default: %(default)s)"
    )
    print(machine(), *measure(parser.parse_args().minutes), sep="\n")

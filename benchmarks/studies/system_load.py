"""Put the whole local system under load: gateway, sandboxes, limiter and PostgreSQL, with 16
clients.

    PYTHONPATH=.:layers/shared python -m benchmarks.studies.system_load [--minutes 5]

System and clients share the machine, so this shows stability and queueing, not Lambda's
performance. Lambda has an environment for every request; the local system has a few for each
function.
"""

import argparse
import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from statistics import quantiles
from typing import Any

from benchmarks.contenders import command
from benchmarks.database import connect
from benchmarks.report import header, machine, row
from benchmarks.studies.load_clients import LOADS
from scripts.seed import seed_more
from testing.local_system import temporary_system

CLIENTS = 16
MINUTES = 5.0
PRODUCTS = 20_000
STOCK = "UPDATE inventory SET quantity = 1000000"
TOTALS = """
    SELECT count(*),
           coalesce(sum(total), 0)
               = (SELECT coalesce(sum(quantity * unit_price), 0) FROM order_items)
    FROM orders
"""


def measure(minutes: float = MINUTES) -> Iterator[str]:
    """Run each load and return the lines of the report.

    Raises RuntimeError if the orders' totals do not match their items.
    """
    with temporary_system() as system:
        local_json = system.start().local_json
        owner, netloc = local_json["database_url"], local_json["base_url"].partition("//")[2]
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
                f"## The whole system ({CLIENTS} clients, {minutes:g} minutes each)",
                "",
            )
            yield "    PYTHONPATH=.:layers/shared python -m benchmarks.studies.system_load --write"
            yield ""
            yield "Through `make run`'s gateway; clients, gateway, sandboxes and PostgreSQL share"
            yield "the machine. Times are in ms. Statements and round trips per request come from"
            yield "its Server-Timing header."
            for load in LOADS:
                yield from _one(load, netloc, what | {"load": load, "seconds": minutes * 60})
            orders, balanced = connection.run(TOTALS)[0]
            yield from (
                "",
                f"{orders:,} orders were placed; their totals match their items.",
            )
            if not balanced:
                raise RuntimeError("the orders' totals do not match their items")


def _one(load: str, netloc: str, what: dict[str, Any]) -> Iterator[str]:
    done = subprocess.run(
        command("studies/load_clients", netloc, json.dumps(what)),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    result = json.loads(done.stdout)
    kinds: dict[str, dict[str, Any]] = result["kinds"]
    times = [time for kind in kinds.values() for time in kind["times"]]
    errors = [error for kind in kinds.values() for error in kind["errors"]]
    yield from (
        "",
        *header(load, "requests", "a second", "p50", "p99", "errors", "statements", "round trips"),
    )
    for name, kind in kinds.items():
        yield _row(name, kind["times"], result["seconds"], len(kind["errors"]), kind)
    yield _row("**all**", times, result["seconds"], len(errors), None)
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

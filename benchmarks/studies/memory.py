"""Measure the memory of an execution environment while it serves 100,000 varied requests."""

import random

from benchmarks.contenders import SLUICE
from benchmarks.database import BenchmarkDatabase
from benchmarks.report import header, row
from benchmarks.scenarios import Event, get_one, list_products
from benchmarks.warm import Worker

REQUESTS = 100_000
STEPS = 10


def events(products: int) -> list[Event]:
    """Return requests that fill the caches: various rows, sorts, filters, searches and sets of
    fields.
    """
    rng = random.Random(11)
    fields = ("id", "name", "price", "category", "inventory", "created_at", "version")
    found = [get_one(rng.randint(1, products)) for _ in range(300)]
    for _ in range(300):
        query = {
            "limit": str(rng.randint(1, 30)),
            "sort": f"{rng.choice(('id', 'name', 'price'))}:desc",
        }
        if rng.random() < 0.5:
            query["fields"] = ",".join(sorted(rng.sample(fields, 3)))
        if rng.random() < 0.3:
            query["price_min"] = f"{rng.randint(1, 50)}"
        if rng.random() < 0.2:
            query["search"] = f"number {rng.randint(1, 1_000)}"
        found.append(list_products(**query))
    rng.shuffle(found)
    return found


def measure(database: BenchmarkDatabase, *, requests: int) -> list[str]:
    """Measure the memory after each tenth of the requests and return the lines of the report."""
    weights: list[tuple[int, float]] = []
    with Worker(SLUICE, database.url) as worker:
        worker.set_events("all", events(database.products))
        step = requests // STEPS
        worker.call("all", step // 10)
        weights.append((step // 10, worker.resident_mib()))
        for n in range(1, STEPS + 1):
            worker.call("all", step - (step // 10 if n == 1 else 0))
            weights.append((n * step, worker.resident_mib()))
    return [
        f"## Memory of one environment ({requests:,} requests of 600 shapes)",
        "",
        *header("requests", *[f"{n:,}" for n, _ in weights]),
        row("resident, MiB", *[f"{mib:.1f}" for _, mib in weights]),
    ]

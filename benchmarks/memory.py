"""Does an execution environment grow? One answers 100,000 requests, of many shapes, and is weighed meanwhile."""

import random

from benchmarks.contenders import SLUICE
from benchmarks.database import Shop
from benchmarks.report import header, row
from benchmarks.scenarios import Event, get_one, list_products
from benchmarks.warm import Worker

REQUESTS, STEPS = 100_000, 10


def events(products: int) -> list[Event]:
    """What fills the caches: other rows, sorts, filters, words, cursors' predecessors, and sets of fields."""
    chance = random.Random(11)
    fields = ("id", "name", "price", "category", "inventory", "created_at", "version")
    found = [get_one(chance.randint(1, products)) for _ in range(300)]
    for _ in range(300):
        query = {
            "limit": str(chance.randint(1, 30)),
            "sort": f"{chance.choice(('id', 'name', 'price'))}:desc",
        }
        if chance.random() < 0.5:
            query["fields"] = ",".join(sorted(chance.sample(fields, 3)))
        if chance.random() < 0.3:
            query["price_min"] = f"{chance.randint(1, 50)}"
        if chance.random() < 0.2:
            query["search"] = f"number {chance.randint(1, 1_000)}"
        found.append(list_products(**query))
    chance.shuffle(found)
    return found


def measure(shop: Shop, *, requests: int) -> list[str]:
    """Lines for the report."""
    weights: list[tuple[int, float]] = []
    with Worker(SLUICE, shop.url) as worker:
        worker.teach("all", events(shop.products))
        step = requests // STEPS
        worker.call("all", step // 10)
        weights.append((step // 10, worker.resident()))
        for n in range(1, STEPS + 1):
            worker.call("all", step - (step // 10 if n == 1 else 0))
            weights.append((n * step, worker.resident()))
    return [
        "",
        f"## Memory of one environment ({requests:,} requests of 600 shapes)",
        "",
        *header("requests", *[f"{n:,}" for n, _ in weights]),
        row("resident, MiB", *[f"{mib:.1f}" for _, mib in weights]),
    ]

"""Compare page 1 and page 10,000 of a large table, in Sluice, by cursor and by OFFSET.

The benchmark reaches page 10,000 as a client does: it follows `next_cursor`, in large steps at
first. For OFFSET, only the SQL of the same page is measured, without HTTP and JSON.
"""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from statistics import median

from benchmarks.contenders import SLUICE
from benchmarks.database import BenchmarkDatabase, connect
from benchmarks.report import cell, header, row
from benchmarks.scenarios import list_products
from benchmarks.warm import Worker

LIMIT = 20
STEP = 100
PAGE = 10_000
ROUNDS = 200
BY_OFFSET = """
    SELECT p.*, c.slug, i.quantity
    FROM products p
    JOIN categories c ON c.id = p.category_id
    JOIN inventory i ON i.product_id = p.id
    ORDER BY {order} LIMIT :limit OFFSET :offset
"""
SORTS = {
    "id:asc": "p.id",
    "name:asc": "p.name",
    "price:desc": "p.price DESC, p.id DESC",
    "created_at:desc": "p.created_at DESC, p.id DESC",
    "updated_at:asc": "p.updated_at, p.id",
    "inventory:desc": "i.quantity DESC, p.id DESC",
}


def measure(database: BenchmarkDatabase) -> list[str]:
    """Measure all sorts and return the lines of the report."""
    lines = [
        f"## Depth ({database.products:,} products, pages of {LIMIT}, {ROUNDS} rounds)",
        "",
        f"In brackets: the ratio to page 1. OFFSET is the bare SQL of page {PAGE:,}.",
        "",
        *header("sort", "page 1", f"page {PAGE:,} by cursor", f"page {PAGE:,} by OFFSET"),
    ]
    with Worker(SLUICE, database.url) as worker, closing(connect(database.url)) as connection:
        for sort, order in SORTS.items():
            skipped = (PAGE - 1) * LIMIT
            worker.set_events("first", [list_products(limit=str(LIMIT), sort=sort)])
            worker.set_events(
                "deep",
                [list_products(limit=str(LIMIT), sort=sort, cursor=_walk(worker, sort, skipped))],
            )
            read_by_offset = partial(
                connection.run, BY_OFFSET.format(order=order), limit=LIMIT, offset=skipped
            )
            first: list[float] = []
            deep: list[float] = []
            for _ in range(ROUNDS):
                first += worker.call("first", 1)
                deep += worker.call("deep", 1)
            offset = [_timed(read_by_offset) for _ in range(5)]
            times = f"{median(first):.2f}", cell(deep, first, digits=2), f"{median(offset):.0f}"
            lines.append(row(f"`{sort}`", *times))
    return lines


def _walk(worker: Worker, sort: str, rows: int) -> str:
    """Return the cursor after that many rows."""
    cursor: dict[str, str] = {}
    for limit in [STEP] * (rows // STEP) + [LIMIT] * (rows % STEP // LIMIT):
        body = worker.set_events(
            "walk", [list_products(limit=str(limit), sort=sort, fields="id", **cursor)]
        )[0]
        cursor = {"cursor": body["pagination"]["next_cursor"]}
    return cursor["cursor"]


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000

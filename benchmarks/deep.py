"""Does page 10,000 of a large table cost what page 1 costs? Sluice only; and beside it the OFFSET it does without.

Sluice gets to page 10,000 as a client would: by following `next_cursor`, in large steps at first. The reading of
OFFSET is the plain SQL of the same page, with nothing of HTTP or JSON around it.
"""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from statistics import median

from benchmarks.contenders import SLUICE
from benchmarks.database import Shop, connect
from benchmarks.report import cell, header, row
from benchmarks.scenarios import list_products
from benchmarks.warm import Worker

LIMIT, STEP = 20, 100
PAGE = 10_000
ROUNDS = 200
BY_OFFSET = """
    SELECT p.*, c.slug, i.quantity
    FROM products p JOIN categories c ON c.id = p.category_id JOIN inventory i ON i.product_id = p.id
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


def measure(shop: Shop) -> list[str]:
    """Lines for the report."""
    lines = [
        "",
        f"## Depth ({shop.products:,} products, pages of {LIMIT}, {ROUNDS} rounds)",
        "",
        f"In brackets: how many times page 1. OFFSET is the bare SQL of page {PAGE:,}, without an API around it.",
        "",
        *header("sort", "page 1", f"page {PAGE:,} by cursor", f"page {PAGE:,} by OFFSET"),
    ]
    with Worker(SLUICE, shop.url) as worker, closing(connect(shop.url)) as connection:
        for sort, order in SORTS.items():
            skipped = (PAGE - 1) * LIMIT
            worker.teach("first", [list_products(limit=str(LIMIT), sort=sort)])
            worker.teach(
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
    """The cursor that stands behind that many rows."""
    cursor: dict[str, str] = {}
    for limit in [STEP] * (rows // STEP) + [LIMIT] * (rows % STEP // LIMIT):
        body = worker.teach(
            "walk", [list_products(limit=str(limit), sort=sort, fields="id", **cursor)]
        )[0]
        cursor = {"cursor": body["pagination"]["next_cursor"]}
    return cursor["cursor"]


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000

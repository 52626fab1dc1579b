"""How many orders a second can be placed where everybody wants the same product?

The row of its stock is locked from when an order takes it until that order is committed, and meanwhile everybody else
waits: so what counts is how much of an order happens under the lock, and above all how many round trips.

Clients are processes, for threads would wait for the interpreter's lock as well and measure that. They place orders in
short windows of time, in which the contenders take turns; after each, every order and unit of stock is accounted for.
"""

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from statistics import median
from types import TracebackType
from typing import Any, Self

from benchmarks.contenders import ROOT, command
from benchmarks.database import Shop, connect
from benchmarks.report import header, row
from benchmarks.warm import FAR, NEAR, calibrate
from tests.fixtures.tcp_proxy import TcpProxy

CLIENTS = 8
WINDOW, QUICK_WINDOW = 0.5, 0.1  # s
CONTENDERS = {
    "Sluice": ("benchmarks.order_client", "sluice"),
    "Sluice, with an Idempotency-Key": ("benchmarks.order_client", "sluice_with_keys"),
    "SQLAlchemy ORM + pg8000": ("benchmarks.peers.orders", "orm_over_pg8000"),
    "SQLAlchemy ORM + psycopg 3": ("benchmarks.peers.orders", "orm_over_psycopg"),
    "by hand: psycopg 3, a transaction": ("benchmarks.peers.orders", "psycopg_by_hand"),
    "by hand: psycopg 3, a pipeline": ("benchmarks.peers.orders", "psycopg_pipeline"),
}
OURS = next(iter(CONTENDERS))
# Name → among how many products, and how many of them in an order.
SCENARIOS = {"one hot product": (1, 1), "3 of 20 products": (20, 3)}
STOCK = 2_000_000_000

# Orders, items, what all of them cost and what their items do, and the stock that is left.
BOOKS = """
    SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_items), (SELECT sum(total) FROM orders),
           (SELECT sum(quantity * unit_price) FROM order_items), (SELECT sum(quantity) FROM inventory)
"""


class Buyers:
    """One contender's clients, each a process with a user of its own, and a connection at each distance."""

    def __init__(self, contender: str, users: Sequence[int]) -> None:
        self._processes = [
            subprocess.Popen(
                command("buyer", *CONTENDERS[contender], str(user)),
                cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'shared'}"},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for user in users
        ]  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.communicate()  # closes its stdin, which is how it ends

    def place(
        self, url: str, seconds: float, products: Sequence[int], items: int, *, alone: bool = False
    ) -> int:
        """How many orders they, or one of them, placed meanwhile."""
        order = {
            "url": url,
            "until": time.monotonic() + seconds,
            "products": products,
            "items": items,
        }
        busy = self._processes[:1] if alone else self._processes
        for process in busy:
            assert process.stdin is not None
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
        return sum(self._told(process) for process in busy)

    def _told(self, process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a client ended with {process.wait()}")
        return int(line)


@dataclass
class Sold:
    """By scenario and distance: the orders a second of each round; and the round trips of one order of one item."""

    rounds: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    round_trips: float = 0.0


def measure(shop: Shop, proxy: TcpProxy, *, quick: bool, rounds: int) -> list[str]:
    """Lines for the report. RuntimeError where orders and stock do not add up."""
    window, clients = (QUICK_WINDOW, 2) if quick else (WINDOW, CLIENTS)
    results = {contender: Sold() for contender in CONTENDERS}
    urls = {NEAR: shop.url, FAR: shop.url_at(proxy.port)}
    calibrate(proxy, urls[NEAR], urls[FAR])
    with closing(connect(shop.server.url())) as owner, ExitStack() as stack:
        users, products = _stock_up(owner, clients)
        buyers = {
            contender: stack.enter_context(Buyers(contender, users)) for contender in CONTENDERS
        }
        for contender, theirs in buyers.items():
            for url in urls.values():
                theirs.place(url, 0.0, products, 1)  # connects
                _accounted(
                    owner, partial(theirs.place, url, window, products[:1], 1), 1
                )  # warms up
            before = proxy.round_trips
            placed = theirs.place(urls[FAR], window, products[:1], 1, alone=True)
            results[contender].round_trips = (proxy.round_trips - before) / max(placed, 1)
        for n in range(rounds):
            owner.run(
                "VACUUM inventory"
            )  # of the versions that the round before left of a few rows
            order = list(buyers.items())
            for contender, theirs in order[n % len(order) :] + order[: n % len(order)]:
                for (scenario, (among, items)), (distance, url) in product(
                    SCENARIOS.items(), urls.items()
                ):
                    placed = _accounted(
                        owner, partial(theirs.place, url, window, products[:among], items), items
                    )
                    results[contender].rounds.setdefault((scenario, distance), []).append(
                        placed / window
                    )
    return _page(results, f"{clients} clients, {rounds} rounds of {window} s")


def _stock_up(owner: Any, clients: int) -> tuple[list[int], list[int]]:
    """A user for each client, and products that nobody can sell out."""
    users = "INSERT INTO users (email, name) SELECT n || '@example.com', 'B' FROM generate_series(1, :n) n RETURNING id"
    most = max(among for among, _ in SCENARIOS.values())
    products = [
        id for (id,) in owner.run("SELECT id FROM products ORDER BY id LIMIT :most", most=most)
    ]
    owner.run(
        "UPDATE inventory SET quantity = :stock WHERE product_id = ANY (:ids)",
        stock=STOCK,
        ids=products,
    )
    return [id for (id,) in owner.run(users, n=clients)], products


def _accounted(owner: Any, place: Callable[[], int], items: int) -> int:
    """How many orders, each of so many items, were placed: as is said, and as orders and stock have it."""
    orders, lines, _, _, stock = owner.run(BOOKS)[0]
    placed = place()
    orders_after, lines_after, totals, prices, stock_after = owner.run(BOOKS)[0]
    changes = (orders_after - orders, lines_after - lines, stock - stock_after)
    if changes != (placed, placed * items, placed * items) or totals != prices:
        raise RuntimeError(
            f"{placed} orders of {items} items were placed: {changes}, {totals} for {prices}"
        )
    return placed


def _page(results: Mapping[str, Sold], how: str) -> list[str]:
    columns = [(scenario, distance) for distance in (FAR, NEAR) for scenario in SCENARIOS]
    lines = [
        "",
        f"## Orders a second ({how})",
        "",
        "Clients are processes that place one order after the other, of one item each, all of the same product; or of",
        "3 items each, drawn from 20 products; not over HTTP, but as a handler would. After each round every order and",
        "unit of stock is accounted for. More is better. In brackets: how many times as many Sluice placed, as the",
        "median of the ratios within each round. Round trips are those of an order of one item.",
        "",
        *header("", *[f"{scenario}, {distance}" for scenario, distance in columns], "round trips"),
    ]
    ours = results[OURS].rounds
    for contender, sold in results.items():
        cells = [_cell(sold.rounds[column], ours[column]) for column in columns]
        lines.append(row(contender, *cells, f"{sold.round_trips:.0f}"))
    return lines


def _cell(theirs: Sequence[float], ours: Sequence[float]) -> str:
    if theirs is ours:
        return f"{median(ours):.0f}"
    ratio = median(our / max(their, 1e-9) for their, our in zip(theirs, ours, strict=True))
    return f"{median(theirs):.0f} ({ratio:.2f}x)"

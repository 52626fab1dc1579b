"""Measure how many orders a second can be placed if all of them are for the same product.

An order locks the row of the product's stock until it is committed, and the other orders wait. The
number of round trips under the lock therefore decides the result.

Clients are processes, because threads would also wait for the interpreter's lock. The contenders
alternate in short windows of time. After each window, orders and stock are compared with the counts
that the clients report.
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
from benchmarks.database import BenchmarkDatabase, connect
from benchmarks.modes import FAR, NEAR, Mode, calibrate
from benchmarks.report import header, row
from benchmarks.sizes import Sizes

PIPELINE = "by hand: psycopg 3, a pipeline"
HOT = "one hot product"
CONTENDERS = {
    "Sluice": ("benchmarks.order_client", "sluice"),
    "Sluice, with an Idempotency-Key": ("benchmarks.order_client", "sluice_with_keys"),
    "SQLAlchemy ORM + pg8000": ("benchmarks.peers.orders", "orm_over_pg8000"),
    "SQLAlchemy ORM + psycopg 3": ("benchmarks.peers.orders", "orm_over_psycopg"),
    "by hand: psycopg 3, a transaction": ("benchmarks.peers.orders", "psycopg_by_hand"),
    PIPELINE: ("benchmarks.peers.orders", "psycopg_pipeline"),
}
OURS = next(iter(CONTENDERS))
# Name → number of products to choose from, number of items of an order.
SCENARIOS = {HOT: (1, 1), "3 of 20 products": (20, 3)}
STOCK = 2_000_000_000

# Of the orders that this benchmark has placed: the number of orders and items, the sum of the
# orders' totals, and the sum of the items' prices. Then the remaining stock of its products.
TOTALS = """
    SELECT (SELECT count(*) FROM orders WHERE id > :since),
           (SELECT count(*) FROM order_items WHERE order_id > :since),
           (SELECT sum(total) FROM orders WHERE id > :since),
           (SELECT sum(quantity * unit_price) FROM order_items WHERE order_id > :since),
           (SELECT sum(quantity) FROM inventory WHERE product_id = ANY (:products))
"""


class OrderClients:
    """The clients of one contender.

    Each client is a process with its own user and one connection per URL (near and far).
    """

    def __init__(self, contender: str, users: Sequence[int]) -> None:
        self._processes = [
            subprocess.Popen(
                command("order_client", *CONTENDERS[contender], str(user)),
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
            process.communicate()  # closes stdin, on which the process ends

    def place(
        self, url: str, seconds: float, products: Sequence[int], items: int, *, alone: bool = False
    ) -> int:
        """Place orders for this many seconds and return their number.

        With `alone`, only the first client places orders.
        """
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
        return sum(self._read_count(process) for process in busy)

    def _read_count(self, process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a client ended with {process.wait()}")
        return int(line)


@dataclass
class OrderRates:
    """The results of one contender.

    `rounds` has the orders a second of each round, by scenario and distance (near or far).
    `round_trips` is the number for an order of one item.
    """

    rounds: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    round_trips: float = 0.0


@dataclass
class Ledger:
    """Compares orders and stock with the counts that clients report."""

    owner: Any
    products: list[int]
    since: int = 0  # the id of the last order before the first of the benchmark

    def totals(self) -> Any:
        return self.owner.run(TOTALS, since=self.since, products=self.products)[0]

    def verify(self, place: Callable[[], int], items: int) -> int:
        """Place orders, each of this many items; return the number of orders.

        Raises RuntimeError if the number that `place` returns does not match the tables.
        """
        orders, lines, _, _, stock = self.totals()
        placed = place()
        orders_after, lines_after, totals, prices, stock_after = self.totals()
        changes = (orders_after - orders, lines_after - lines, stock - stock_after)
        if changes != (placed, placed * items, placed * items) or totals != prices:
            raise RuntimeError(
                f"{placed} orders of {items} items were placed: {changes}, {totals} for {prices}"
            )
        return placed


def measure(database: BenchmarkDatabase, modes: list[Mode], sizes: Sizes) -> dict[str, OrderRates]:
    """Measure all contenders, by name. `modes` are a direct way and one through a proxy.

    Raises RuntimeError if orders and stock do not match the reported counts.
    """
    window, clients = sizes.order_window, sizes.order_clients
    results = {contender: OrderRates() for contender in CONTENDERS}
    calibrate(modes)
    with closing(connect(database.server.url())) as owner, ExitStack() as stack:
        users, products = _prepare_stock(owner, clients)
        since = owner.run("SELECT coalesce(max(id), 0) FROM orders")[0][0]
        ledger = Ledger(owner, products, since)
        started = {
            contender: stack.enter_context(OrderClients(contender, users))
            for contender in CONTENDERS
        }
        for contender, order_clients in started.items():
            _warm_up(ledger, order_clients, modes, window)
            results[contender].round_trips = _round_trips(order_clients, modes, window, products)
        for n in range(sizes.order_rounds):
            owner.run("VACUUM inventory")  # removes the row versions of the previous round
            order = list(started.items())
            for contender, order_clients in order[n % len(order) :] + order[: n % len(order)]:
                for (scenario, (among, items)), mode in product(SCENARIOS.items(), modes):
                    place = partial(order_clients.place, mode.url, window, products[:among], items)
                    placed = ledger.verify(place, items)
                    rates = results[contender].rounds.setdefault((scenario, mode.name), [])
                    rates.append(placed / window)
    return results


def _warm_up(ledger: Ledger, order_clients: OrderClients, modes: list[Mode], window: float) -> None:
    for mode in modes:
        order_clients.place(mode.url, 0.0, ledger.products, 1)  # connects
        ledger.verify(partial(order_clients.place, mode.url, window, ledger.products[:1], 1), 1)


def _round_trips(
    order_clients: OrderClients, modes: list[Mode], window: float, products: Sequence[int]
) -> float:
    """Return the number of round trips of an order of one item."""
    mode = modes[-1]
    assert mode.proxy is not None
    before = mode.proxy.round_trips
    placed = order_clients.place(mode.url, window, products[:1], 1, alone=True)
    return (mode.proxy.round_trips - before) / max(placed, 1)


def _prepare_stock(owner: Any, clients: int) -> tuple[list[int], list[int]]:
    """Insert a user for each client and give the products a stock that never runs out."""
    users = """
        INSERT INTO users (email, name)
        SELECT n || '@example.com', 'B' FROM generate_series(1, :n) n
        RETURNING id
    """
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


def section(results: Mapping[str, OrderRates], sizes: Sizes) -> list[str]:
    """Return the section of the page."""
    how = f"{sizes.order_clients} clients, {sizes.order_rounds} rounds of {sizes.order_window} s"
    columns = [(scenario, distance) for distance in (FAR, NEAR) for scenario in SCENARIOS]
    lines = [
        f"## Orders a second ({how})",
        "",
        "Clients are processes that place one order after the other, of one item each, all of the",
        "same product; or of 3 items each, drawn from 20 products; not over HTTP, but as a",
        "handler does. After each round orders and stock are checked. More is better. In",
        "brackets: how many times as many Sluice placed, as the median of the ratios within each",
        "round. Round trips are those of an order of one item.",
        "",
        *header("", *[f"{scenario}, {distance}" for scenario, distance in columns], "round trips"),
    ]
    ours = results[OURS].rounds
    for contender, rates in results.items():
        cells = [_cell(rates.rounds[column], ours[column]) for column in columns]
        lines.append(row(contender, *cells, f"{rates.round_trips:.0f}"))
    return lines


def rate_ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Return how many times as many orders Sluice placed: the median of the rounds' ratios."""
    return median(our / max(their, 1e-9) for their, our in zip(theirs, ours, strict=True))


def _cell(theirs: Sequence[float], ours: Sequence[float]) -> str:
    if theirs is ours:
        return f"{median(ours):.0f}"
    return f"{median(theirs):.0f} ({rate_ratio(theirs, ours):.2f}x)"

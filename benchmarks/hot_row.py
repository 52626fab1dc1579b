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
from benchmarks.report import header, row
from benchmarks.warm import FAR, NEAR, calibrate
from testing.tcp_proxy import TcpProxy

CLIENTS = 8
WINDOW = 0.5  # seconds
QUICK_WINDOW = 0.1
CONTENDERS = {
    "Sluice": ("benchmarks.order_client", "sluice"),
    "Sluice, with an Idempotency-Key": ("benchmarks.order_client", "sluice_with_keys"),
    "SQLAlchemy ORM + pg8000": ("benchmarks.peers.orders", "orm_over_pg8000"),
    "SQLAlchemy ORM + psycopg 3": ("benchmarks.peers.orders", "orm_over_psycopg"),
    "by hand: psycopg 3, a transaction": ("benchmarks.peers.orders", "psycopg_by_hand"),
    "by hand: psycopg 3, a pipeline": ("benchmarks.peers.orders", "psycopg_pipeline"),
}
OURS = next(iter(CONTENDERS))
# Name → number of products to choose from, number of items of an order.
SCENARIOS = {"one hot product": (1, 1), "3 of 20 products": (20, 3)}
STOCK = 2_000_000_000

# Number of orders and items, sum of the orders' totals, sum of the items' prices, remaining stock.
TOTALS = """
    SELECT (SELECT count(*) FROM orders),
           (SELECT count(*) FROM order_items),
           (SELECT sum(total) FROM orders),
           (SELECT sum(quantity * unit_price) FROM order_items),
           (SELECT sum(quantity) FROM inventory)
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


def measure(database: BenchmarkDatabase, proxy: TcpProxy, *, quick: bool, rounds: int) -> list[str]:
    """Measure all contenders and return the lines of the report.

    Raises RuntimeError if orders and stock do not match the reported counts.
    """
    window, clients = (QUICK_WINDOW, 2) if quick else (WINDOW, CLIENTS)
    results = {contender: OrderRates() for contender in CONTENDERS}
    urls = {NEAR: database.url, FAR: database.url_at(proxy.port)}
    calibrate(proxy, urls[NEAR], urls[FAR])
    with closing(connect(database.server.url())) as owner, ExitStack() as stack:
        users, products = _prepare_stock(owner, clients)
        clients_by_contender = {
            contender: stack.enter_context(OrderClients(contender, users))
            for contender in CONTENDERS
        }
        for contender, order_clients in clients_by_contender.items():
            for url in urls.values():
                order_clients.place(url, 0.0, products, 1)  # connects
                _place_and_verify(
                    owner, partial(order_clients.place, url, window, products[:1], 1), 1
                )  # warms up
            before = proxy.round_trips
            placed = order_clients.place(urls[FAR], window, products[:1], 1, alone=True)
            results[contender].round_trips = (proxy.round_trips - before) / max(placed, 1)
        for n in range(rounds):
            owner.run("VACUUM inventory")  # removes the row versions of the previous round
            order = list(clients_by_contender.items())
            for contender, order_clients in order[n % len(order) :] + order[: n % len(order)]:
                for (scenario, (among, items)), (distance, url) in product(
                    SCENARIOS.items(), urls.items()
                ):
                    placed = _place_and_verify(
                        owner,
                        partial(order_clients.place, url, window, products[:among], items),
                        items,
                    )
                    results[contender].rounds.setdefault((scenario, distance), []).append(
                        placed / window
                    )
    return _section(results, f"{clients} clients, {rounds} rounds of {window} s")


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


def _place_and_verify(owner: Any, place: Callable[[], int], items: int) -> int:
    """Place orders, each of this many items; return the number of orders.

    Raises RuntimeError if the number that `place` returns does not match the tables.
    """
    orders, lines, _, _, stock = owner.run(TOTALS)[0]
    placed = place()
    orders_after, lines_after, totals, prices, stock_after = owner.run(TOTALS)[0]
    changes = (orders_after - orders, lines_after - lines, stock - stock_after)
    if changes != (placed, placed * items, placed * items) or totals != prices:
        raise RuntimeError(
            f"{placed} orders of {items} items were placed: {changes}, {totals} for {prices}"
        )
    return placed


def _section(results: Mapping[str, OrderRates], how: str) -> list[str]:
    columns = [(scenario, distance) for distance in (FAR, NEAR) for scenario in SCENARIOS]
    lines = [
        "",
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


def _cell(order_clients: Sequence[float], ours: Sequence[float]) -> str:
    if order_clients is ours:
        return f"{median(ours):.0f}"
    ratio = median(our / max(their, 1e-9) for their, our in zip(order_clients, ours, strict=True))
    return f"{median(order_clients):.0f} ({ratio:.2f}x)"

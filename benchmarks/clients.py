"""Clients of the whole system, each with a connection of its own, one request after the other. Run as a script.

    python benchmarks/clients.py <host:port> '{"seconds": …, "clients": n, "load": …, "products": n, "categories": […]}'

Prints what each kind of request took, in ms, and what its answers' Server-Timing said of the database.
"""

import http.client
import json
import random
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

COUNTS = re.compile(r"(\d+) statements, (\d+) round trips")
GRAPHQL = "{ products(first: 20) { edges { node { name price inventory category { name } } } } }"


class Ask(NamedTuple):
    method: str
    path: str
    body: object = None


Kind = Callable[[random.Random, dict[str, Any]], Ask]

KINDS: dict[str, Kind] = {
    "GET one": lambda chance, shop: Ask(
        "GET", f"/api/products/{chance.randint(1, shop['products'])}"
    ),
    "list 20": lambda chance, shop: Ask(
        "GET", f"/api/products?limit=20&sort={chance.choice(('id', 'name', 'price'))}"
    ),
    "list 20 of a category by price": lambda chance, shop: Ask(
        "GET", f"/api/products?limit=20&sort=price&category={chance.choice(shop['categories'])}"
    ),
    "GraphQL, 20 with categories": lambda chance, shop: Ask(
        "POST", "/api/graphql", {"query": GRAPHQL}
    ),
    "POST order of 2 products": lambda chance, shop: Ask(
        "POST",
        "/api/orders",
        {
            "user_id": 1,
            "items": [
                {"product_id": id, "quantity": 1}
                for id in chance.sample(range(1, shop["products"] + 1), 2)
            ],
        },
    ),
    "PATCH stock": lambda chance, shop: Ask(
        "PATCH", f"/api/inventory/{chance.randint(1, shop['products'])}", {"delta": 1}
    ),
}
# Name → kind: its share of 100.
LOADS = {
    "reads": {"GET one": 60, "list 20": 30, "list 20 of a category by price": 10},
    "mixed": {
        "GET one": 50,
        "list 20": 20,
        "list 20 of a category by price": 10,
        "GraphQL, 20 with categories": 8,
        "POST order of 2 products": 8,
        "PATCH stock": 4,
    },
}


class Told:
    """What came of one kind of request."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.errors: list[str] = []
        self.statements = self.round_trips = 0


def client(
    netloc: str, order: dict[str, Any], seed: int, told: dict[str, Told], lock: threading.Lock
) -> None:
    chance, until = random.Random(seed), time.monotonic() + order["seconds"]
    kinds, shares = zip(*LOADS[order["load"]].items(), strict=True)
    headers = {"X-API-Key": "local-admin", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection(netloc, timeout=30)) as connection:
        while time.monotonic() < until:
            kind = chance.choices(kinds, shares)[0]
            ask = KINDS[kind](chance, order)
            body = None if ask.body is None else json.dumps(ask.body)
            began = time.perf_counter()
            connection.request(ask.method, ask.path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            took = (time.perf_counter() - began) * 1000
            counts = COUNTS.search(answer.getheader("Server-Timing") or "")
            with lock:
                told[kind].times.append(took)
                if counts is not None:
                    told[kind].statements += int(counts[1])
                    told[kind].round_trips += int(counts[2])
                if answer.status not in (200, 201) or text.startswith(b'{"errors"'):
                    told[kind].errors.append(f"{answer.status} {text[:200]!r}")


def main(netloc: str, order: str) -> None:
    what = json.loads(order)
    told = {kind: Told() for kind in LOADS[what["load"]]}
    lock = threading.Lock()
    threads = [
        threading.Thread(target=client, args=(netloc, what, seed, told, lock))
        for seed in range(what["clients"])
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(
        json.dumps(
            {
                "seconds": time.monotonic() - began,
                "kinds": {kind: vars(told[kind]) for kind in told},
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

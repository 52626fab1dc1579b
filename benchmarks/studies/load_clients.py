"""Send requests to the whole system from several clients. Run as a script.

    python benchmarks/studies/load_clients.py <host:port> <options as JSON>

The options are `seconds`, `clients`, `load` (a name of LOADS), `products` and `categories`. Each
client has one connection and sends one request after the other. Prints the times of each type of
request in ms, and the database counts from the Server-Timing headers of its responses.
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


class ApiCall(NamedTuple):
    method: str
    path: str
    body: object = None


CallFactory = Callable[[random.Random, dict[str, Any]], ApiCall]

CALL_FACTORIES: dict[str, CallFactory] = {
    "GET one": lambda rng, shop: ApiCall(
        "GET", f"/api/products/{rng.randint(1, shop['products'])}"
    ),
    "list 20": lambda rng, shop: ApiCall(
        "GET", f"/api/products?limit=20&sort={rng.choice(('id', 'name', 'price'))}"
    ),
    "list 20 of a category by price": lambda rng, shop: ApiCall(
        "GET", f"/api/products?limit=20&sort=price&category={rng.choice(shop['categories'])}"
    ),
    "GraphQL, 20 with categories": lambda rng, shop: ApiCall(
        "POST", "/api/graphql", {"query": GRAPHQL}
    ),
    "POST order of 2 products": lambda rng, shop: ApiCall(
        "POST",
        "/api/orders",
        {
            "user_id": 1,
            "items": [
                {"product_id": id, "quantity": 1}
                for id in rng.sample(range(1, shop["products"] + 1), 2)
            ],
        },
    ),
    "PATCH stock": lambda rng, shop: ApiCall(
        "PATCH", f"/api/inventory/{rng.randint(1, shop['products'])}", {"delta": 1}
    ),
}
# Name of the load → type of request → its percentage.
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


class CallStats:
    """The measurements of one type of request; `times` are in ms."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.errors: list[str] = []
        self.statements = self.round_trips = 0


def client(
    netloc: str,
    options: dict[str, Any],
    seed: int,
    stats: dict[str, CallStats],
    lock: threading.Lock,
) -> None:
    rng, until = random.Random(seed), time.monotonic() + options["seconds"]
    kinds, shares = zip(*LOADS[options["load"]].items(), strict=True)
    headers = {"X-API-Key": "local-admin", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection(netloc, timeout=30)) as connection:
        while time.monotonic() < until:
            kind = rng.choices(kinds, shares)[0]
            ask = CALL_FACTORIES[kind](rng, options)
            body = None if ask.body is None else json.dumps(ask.body)
            began = time.perf_counter()
            connection.request(ask.method, ask.path, body, headers)
            response = connection.getresponse()
            text = response.read()
            took = (time.perf_counter() - began) * 1000
            counts = COUNTS.search(response.getheader("Server-Timing") or "")
            with lock:
                stats[kind].times.append(took)
                if counts is not None:
                    stats[kind].statements += int(counts[1])
                    stats[kind].round_trips += int(counts[2])
                if response.status not in (200, 201) or text.startswith(b'{"errors"'):
                    stats[kind].errors.append(f"{response.status} {text[:200]!r}")


def main(netloc: str, options_json: str) -> None:
    options = json.loads(options_json)
    stats = {kind: CallStats() for kind in LOADS[options["load"]]}
    lock = threading.Lock()
    threads = [
        threading.Thread(target=client, args=(netloc, options, seed, stats, lock))
        for seed in range(options["clients"])
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
                "kinds": {kind: vars(stats[kind]) for kind in stats},
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

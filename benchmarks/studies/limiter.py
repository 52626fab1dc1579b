"""Measure the cost of the rate limiter: DynamoDB writes per request, and time.

The writes are simulated: the real limiter over counters in memory, with a simulated clock. The time
is the difference of GET one with and without the limiter. DynamoDB is a stub that responds at once,
so that only Sluice's part of the time remains.
"""

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from typing import NamedTuple

from benchmarks.contenders import SLUICE
from benchmarks.database import BenchmarkDatabase
from benchmarks.report import header, row
from benchmarks.scenarios import Event
from benchmarks.warm import Worker
from sluice.aws.client import AwsClient
from sluice.limits.dynamo import DynamoCounterStore
from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import IncrementResult, Limiter
from sluice.limits.window import Policy
from sluice.settings import AwsSettings

MINUTES = 5
CALLS = 40  # in each round
UNLIMITED = replace(
    SLUICE, name="Sluice without its limiter", module="benchmarks.studies.unlimited"
)


class LoadCase(NamedTuple):
    """A client's load: its quota a minute, its rate as a share of the quota, and the environments
    it hits.
    """

    text: str
    quota: int
    share: float
    environments: int


LOADS = (
    LoadCase("a client at half its quota of 100", 100, 0.5, 1),
    LoadCase("the same, on 5 environments", 100, 0.5, 5),
    LoadCase("the same, on 50", 100, 0.5, 50),
    LoadCase("a hot client at 0.9 of 6,000", 6_000, 0.9, 1),
    LoadCase("the same, on 3 environments", 6_000, 0.9, 3),
    LoadCase("the same, on 20", 6_000, 0.9, 20),
    LoadCase("a client at 20 times its quota of 100", 100, 20, 1),
    LoadCase("the same, on 5 environments", 100, 20, 5),
)


class MeasuredCounterStore(MemoryCounterStore):
    """A counter store that counts its reads and writes."""

    writes = reads = 0

    def increment(
        self, key: str, window: int, *, amount: int, limit: int, expires_at: int
    ) -> IncrementResult:
        self.writes += 1
        return super().increment(key, window, amount=amount, limit=limit, expires_at=expires_at)

    def count(self, key: str, window: int) -> int:
        self.reads += 1
        return super().count(key, window)


class RequestCost(NamedTuple):
    """Reads and writes of DynamoDB per request, and the share of requests that were admitted."""

    writes: float
    reads: float
    admitted: float


def simulate(load: LoadCase) -> RequestCost:
    """Simulate MINUTES of requests at random times, each in a random environment."""
    rng, counts, now = random.Random(7), MeasuredCounterStore(), [1_800_000_000.0]
    policy = Policy(load.quota, 60)
    limiters = [
        Limiter(counts, MemoryCounterStore(), clock=lambda: now[0])
        for _ in range(load.environments)
    ]
    requests = int(load.quota * load.share * MINUTES)
    admitted = 0
    for _ in range(requests):
        now[0] += rng.expovariate(requests / (60 * MINUTES))
        admitted += rng.choice(limiters).hit("client", policy).allowed
    return RequestCost(counts.writes / requests, counts.reads / requests, admitted / requests)


def measure(database: BenchmarkDatabase, events: Sequence[Event], *, rounds: int) -> list[str]:
    """Simulate and measure the limiter and return the lines of the report."""
    costs = [(load.text, simulate(load)) for load in LOADS]
    with _stub_dynamodb() as endpoint:
        times = _times(database.url, events, endpoint, rounds)
        write = _time_of_a_write(endpoint, 20 * rounds)
    on, off = (times[name] for name in (SLUICE.name, UNLIMITED.name))
    difference = median([ours - bare for ours, bare in zip(on, off, strict=True)])
    return [
        "## The limiter",
        "",
        "DynamoDB requests per client request, simulated: at random times, in random environments.",
        "",
        *header("", "writes", "reads", "admitted"),
        *[row(text, *(f"{value:.2f}" for value in cost)) for text, cost in costs],
        "",
        f"GET one takes {median(on):.2f} ms with the limiter and {median(off):.2f} without,",
        f"{difference:+.2f} ms, with a stub of DynamoDB ({rounds} rounds, one busy client). A",
        f"write takes {write:.2f} ms there; requests of a client that is not busy need one each.",
    ]


def _times(
    url: str, events: Sequence[Event], endpoint: str, rounds: int
) -> Mapping[str, list[float]]:
    """Return the median of each round in ms, by the contender's name."""
    contenders = (SLUICE, UNLIMITED)
    results: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    workers = {c.name: Worker(c, url, AWS_ENDPOINT_URL_DYNAMODB=endpoint) for c in contenders}
    try:
        for worker in workers.values():
            worker.set_events("GET one", events)
            worker.call("GET one", CALLS)
        for n in range(rounds):
            for name in list(workers)[:: 1 if n % 2 else -1]:
                results[name].append(median(workers[name].call("GET one", CALLS)))
    finally:
        for worker in workers.values():
            worker.end()
    return results


def _time_of_a_write(endpoint: str, times: int) -> float:
    client = AwsClient(
        AwsSettings("us-east-1", "local", "local"), "dynamodb", endpoint=endpoint, version="1.0"
    )
    counts, taken = DynamoCounterStore(client, "counts"), []
    for _ in range(times):
        begun = time.perf_counter()
        counts.increment("client", 1, amount=1, limit=100, expires_at=1)
        taken.append(1000 * (time.perf_counter() - begun))
    client.close()
    return median(taken)


class _StubDynamoDb(BaseHTTPRequestHandler):
    """A stub of DynamoDB: every API key has the tier `unlimited`, and every count is 1."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # send a response in one packet

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = (
            UPDATE_ITEM_RESPONSE
            if self.headers["X-Amz-Target"].endswith("UpdateItem")
            else GET_ITEM_RESPONSE
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


UPDATE_ITEM_RESPONSE = json.dumps({"Attributes": {"n": {"N": "1"}}}).encode()
GET_ITEM_RESPONSE = json.dumps(
    {
        "Item": {
            "client": {"S": "c"},
            "scopes": {"SS": ["catalog:read"]},
            "tier": {"S": "unlimited"},
            "n": {"N": "0"},
        }
    }
).encode()


@contextmanager
def _stub_dynamodb() -> Iterator[str]:
    """Run the stub while the block runs, and return its endpoint."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _StubDynamoDb)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

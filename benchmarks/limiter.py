"""What does it cost to know how often a client has asked? Writes to DynamoDB for each request, and time.

Writes are counted, not timed: the limiter itself, over counts in memory and a clock of the simulation's. Time is that
of GET one beside a Sluice without its limiter, where DynamoDB is a stub that answers at once: what remains is ours.
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
from benchmarks.database import Shop
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
UNLIMITED = replace(SLUICE, name="Sluice without its limiter", module="benchmarks.unlimited")


class Load(NamedTuple):
    """A client that asks so many times its quota, of so many requests a minute, on so many environments."""

    text: str
    quota: int
    share: float
    environments: int


LOADS = (
    Load("a client at half its quota of 100", 100, 0.5, 1),
    Load("the same, on 5 environments", 100, 0.5, 5),
    Load("the same, on 50", 100, 0.5, 50),
    Load("a hot client at 0.9 of 6,000", 6_000, 0.9, 1),
    Load("the same, on 3 environments", 6_000, 0.9, 3),
    Load("the same, on 20", 6_000, 0.9, 20),
    Load("a client at 20 times its quota of 100", 100, 20, 1),
    Load("the same, on 5 environments", 100, 20, 5),
)


class Counted(MemoryCounterStore):
    """Counts, and how often they were asked."""

    writes = reads = 0

    def increment(
        self, key: str, window: int, *, amount: int, limit: int, expires_at: int
    ) -> IncrementResult:
        self.writes += 1
        return super().increment(key, window, amount=amount, limit=limit, expires_at=expires_at)

    def count(self, key: str, window: int) -> int:
        self.reads += 1
        return super().count(key, window)


class Cost(NamedTuple):
    """Of each request: writes and reads of DynamoDB. And what of the requests was admitted, of 1."""

    writes: float
    reads: float
    admitted: float


def simulate(load: Load) -> Cost:
    """MINUTES of requests at random moments, each answered by an environment taken at random."""
    chance, counts, now = random.Random(7), Counted(), [1_800_000_000.0]
    policy = Policy(load.quota, 60)
    limiters = [
        Limiter(counts, MemoryCounterStore(), clock=lambda: now[0])
        for _ in range(load.environments)
    ]
    requests = int(load.quota * load.share * MINUTES)
    admitted = 0
    for _ in range(requests):
        now[0] += chance.expovariate(requests / (60 * MINUTES))
        admitted += chance.choice(limiters).hit("client", policy).allowed
    return Cost(counts.writes / requests, counts.reads / requests, admitted / requests)


def measure(shop: Shop, events: Sequence[Event], *, rounds: int) -> list[str]:
    """The page's lines."""
    costs = [(load.text, simulate(load)) for load in LOADS]
    with _instant_dynamodb() as endpoint:
        times = _times(shop.url, events, endpoint, rounds)
        write = _time_of_a_write(endpoint, 20 * rounds)
    on, off = (times[name] for name in (SLUICE.name, UNLIMITED.name))
    difference = median([ours - bare for ours, bare in zip(on, off, strict=True)])
    return [
        "",
        "## The limiter",
        "",
        "Requests to DynamoDB for each request of a client, simulated: at random moments, on environments at random.",
        "",
        *header("", "writes", "reads", "admitted"),
        *[row(text, *(f"{value:.2f}" for value in cost)) for text, cost in costs],
        "",
        f"GET one takes {median(on):.2f} ms with the limiter and {median(off):.2f} without, {difference:+.2f} ms,",
        f"where DynamoDB is a stub that answers at once ({rounds} rounds, one client that is busy). A write alone,",
        f"which a client that is not busy pays each time, takes {write:.2f} ms there.",
    ]


def _times(
    url: str, events: Sequence[Event], endpoint: str, rounds: int
) -> Mapping[str, list[float]]:
    """By contender's name, the median of each round, in ms."""
    contenders = (SLUICE, UNLIMITED)
    results: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    workers = {c.name: Worker(c, url, AWS_ENDPOINT_URL_DYNAMODB=endpoint) for c in contenders}
    try:
        for worker in workers.values():
            worker.teach("GET one", events)
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


class _Instant(BaseHTTPRequestHandler):
    """A DynamoDB in which every key is an administrator's, and every count 1."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = WRITTEN if self.headers["X-Amz-Target"].endswith("UpdateItem") else KNOWN
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


WRITTEN = json.dumps({"Attributes": {"n": {"N": "1"}}}).encode()
KNOWN = json.dumps(
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
def _instant_dynamodb() -> Iterator[str]:
    """Its endpoint, until left."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Instant)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""How long does a warm environment take for a request, near the database and a millisecond away from it?

One process for each contender and distance lives through the whole measurement. They take turns in many short
rounds; a ratio is taken within each round, and its median over all rounds is what counts. Distance is a relay in the
parent's process that holds each answer of the server back, so that a round trip takes a millisecond more than it does
without the relay; the same relay counts the round trips.
"""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

from benchmarks.contenders import ROOT, Contender, command
from benchmarks.database import connect
from benchmarks.response_check import require_same
from benchmarks.scenarios import Event
from tests.fixtures.tcp_proxy import TcpProxy

DISTANCE = 0.001  # s, added to each round trip
NEAR, FAR = "0 ms", "1 ms"
CALLS = {
    "GET one": 20,
    "list 20": 12,
    "list 100": 6,
    "POST product": 8,
    "POST order": 8,
}  # in each round


def calibrate(proxy: TcpProxy, near_url: str, far_url: str) -> None:
    """Let the relay hold answers back for as long as makes a round trip through it DISTANCE longer than without."""
    proxy.latency = DISTANCE
    with closing(connect(near_url)) as near, closing(connect(far_url)) as far:
        excess = median([_ping(far) - _ping(near) for _ in range(300)]) - DISTANCE
    proxy.latency = max(0.0, DISTANCE - excess)


def _ping(connection: Any) -> float:
    start = time.perf_counter()
    connection.run("SELECT 1")  # without parameters: one round trip
    return time.perf_counter() - start


class Worker:
    """A contender's process, which answers until it is left."""

    def __init__(self, contender: Contender, url: str, **environ: str) -> None:
        self._process = subprocess.Popen(
            command("worker", contender.module),
            cwd=ROOT, env=contender.environment(url) | environ,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        self._process.communicate()  # closes its stdin, which is how it ends

    def teach(self, scenario: str, events: Sequence[Event]) -> list[Any]:
        """The bodies that the scenario's first events are answered with."""
        return self._ask({"scenario": scenario, "events": events})

    def call(self, scenario: str, calls: int) -> list[float]:
        """The time of each call in ms."""
        return [
            nanoseconds / 1e6 for nanoseconds in self._ask({"scenario": scenario, "calls": calls})
        ]

    def resident(self) -> float:
        """Its memory now, in MiB; 0 where there is no /proc."""
        status = Path(f"/proc/{self._process.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next(
            (int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0
        )

    def _ask(self, order: Mapping[str, object]) -> list[Any]:
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in is not None
        assert pipe_out is not None
        pipe_in.write(json.dumps(order) + "\n")
        pipe_in.flush()
        line = pipe_out.readline()
        if not line:
            raise RuntimeError(f"a contender's process ended with {self._process.wait()}")
        told: list[Any] = json.loads(line)
        return told


@dataclass
class Warm:
    """By scenario and distance: the median of each round, in ms, and the round trips of one request."""

    rounds: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    round_trips: dict[str, float] = field(default_factory=dict)


def measure(
    contenders: Sequence[Contender],
    scenarios: Mapping[str, Sequence[Event]],
    *,
    near_url: str,
    far_url: str,
    proxy: TcpProxy,
    rounds: int,
) -> dict[str, Warm]:
    """By contender's name. `far_url` leads through `relay`. RuntimeError where the answers are not the same."""
    results = {contender.name: Warm() for contender in contenders}
    with ExitStack() as stack:
        workers = {
            (contender.name, distance): stack.enter_context(Worker(contender, url))
            for contender in contenders
            for distance, url in ((NEAR, near_url), (FAR, far_url))
        }
        for scenario, events in scenarios.items():
            require_same(
                scenario, {name: worker.teach(scenario, events) for name, worker in workers.items()}
            )
            for worker in workers.values():
                worker.call(scenario, CALLS[scenario])  # warms up
        for name, result in results.items():
            for scenario in scenarios:
                before = proxy.round_trips
                workers[name, FAR].call(scenario, 10)
                result.round_trips[scenario] = (proxy.round_trips - before) / 10
        calibrate(proxy, near_url, far_url)
        for n in range(rounds):
            order = list(workers.items())
            for (name, distance), worker in order[n % len(order) :] + order[: n % len(order)]:
                for scenario in scenarios:
                    times = worker.call(scenario, CALLS[scenario])
                    results[name].rounds.setdefault((scenario, distance), []).append(median(times))
    return results

"""Measure warm requests, at several distances from the database.

Each contender has one process per distance for the whole measurement. The contenders alternate in
many short rounds; the result is the median over all rounds of the ratio within a round.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

from benchmarks.contenders import ROOT, Contender, command
from benchmarks.modes import Mode, calibrate
from benchmarks.response_check import require_same
from benchmarks.scenarios import Event

CALLS = {
    "GET one": 20,
    "list 20": 12,
    "list 100": 6,
    "POST product": 8,
    "POST order": 8,
}  # in each round


class Worker:
    """A contender's process, which runs benchmarks/worker.py while the block runs."""

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
        self._process.communicate()  # closes stdin, on which the process ends

    def set_events(self, scenario: str, events: Sequence[Event]) -> list[Any]:
        """Set the scenario's events and return the bodies of the first five responses."""
        return self._request({"scenario": scenario, "events": events})

    def call(self, scenario: str, calls: int) -> list[float]:
        """Call the handler and return the time of each call in ms."""
        return [
            nanoseconds / 1e6
            for nanoseconds in self._request({"scenario": scenario, "calls": calls})
        ]

    def cpu_ms(self) -> float:
        """Return the CPU time so far of what it measures, in ms: of its child if it has one."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        threads = Path(f"/proc/{children[0] if children else pid}/task").iterdir()
        return sum(int((each / "schedstat").read_text().split()[0]) for each in threads) / 1e6

    def resident_mib(self) -> float:
        """Return the process's resident memory in MiB, or 0 if there is no /proc."""
        status = Path(f"/proc/{self._process.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next(
            (int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0
        )

    def _request(self, order: Mapping[str, object]) -> list[Any]:
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in is not None
        assert pipe_out is not None
        pipe_in.write(json.dumps(order) + "\n")
        pipe_in.flush()
        line = pipe_out.readline()
        if not line:
            raise RuntimeError(f"a contender's process ended with {self._process.wait()}")
        result: list[Any] = json.loads(line)
        return result


@dataclass
class WarmTimings:
    """The results of one contender.

    `rounds`: the median of each round in ms, by scenario and distance. `round_trips`: of one
    request, by scenario.
    """

    rounds: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    round_trips: dict[str, float] = field(default_factory=dict)


def measure(
    contenders: Sequence[Contender],
    scenarios: Mapping[str, Sequence[Event]],
    modes: list[Mode],
    *,
    rounds: int,
) -> dict[str, WarmTimings]:
    """Return the timings by the contender's name.

    Raises RuntimeError if the contenders' responses differ.
    """
    results = {contender.name: WarmTimings() for contender in contenders}
    with ExitStack() as stack:
        workers = {
            (contender.name, mode): stack.enter_context(Worker(contender, mode.url, **mode.environ))
            for contender in contenders
            for mode in modes
        }
        for scenario, events in scenarios.items():
            named = {(name, mode.name): worker for (name, mode), worker in workers.items()}
            require_same(
                scenario,
                {name: worker.set_events(scenario, events) for name, worker in named.items()},
            )
            for worker in workers.values():
                worker.call(scenario, CALLS[scenario])  # warms up
        _count_round_trips(workers, scenarios, results)
        calibrate(modes)
        for n in range(rounds):
            order = list(workers.items())
            for (name, mode), worker in order[n % len(order) :] + order[: n % len(order)]:
                for scenario in scenarios:
                    calls = max(2, round(CALLS[scenario] * mode.share_of_calls))
                    times = worker.call(scenario, calls)
                    results[name].rounds.setdefault((scenario, mode.name), []).append(median(times))
    return results


def _count_round_trips(
    workers: Mapping[tuple[str, Mode], Worker],
    scenarios: Mapping[str, Sequence[Event]],
    results: Mapping[str, WarmTimings],
) -> None:
    for (name, mode), worker in workers.items():
        if mode.proxy is None or results[name].round_trips:
            continue
        for scenario in scenarios:
            before = mode.proxy.round_trips
            worker.call(scenario, 10)
            results[name].round_trips[scenario] = (mode.proxy.round_trips - before) / 10

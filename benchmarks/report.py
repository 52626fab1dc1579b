"""Render the results as one Markdown page: medians, and their ratios to Sluice's."""

import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.cold import ColdSamples
from benchmarks.contenders import CONTENDERS, HEALTH, PEERS, SLUICE
from benchmarks.warm import FAR, NEAR, WarmTimings

REPEAT = (
    "make bench    # or, with requirements/bench.txt installed:"
    " PYTHONPATH=.:layers/shared python -m benchmarks"
)


class Goal(NamedTuple):
    """A goal of the project: the ratio `figure` is `at_most` or `at_least` a number."""

    text: str
    figure: float
    at_most: float | None = None
    at_least: float | None = None

    def row(self) -> str:
        reached = (
            self.figure <= self.at_most
            if self.at_most is not None
            else self.figure >= (self.at_least or 0.0)
        )
        goal = (
            f"at most {self.at_most}" if self.at_most is not None else f"at least {self.at_least}"
        )
        return row(self.text, f"{self.figure:.2f}", goal, "yes" if reached else "**no**")


def goals(
    cold: Mapping[str, ColdSamples], warm: Mapping[str, WarmTimings], graph: Mapping[str, float]
) -> Iterator[Goal]:
    """Yield the project's goals with the measured ratios to the peers of the same run."""
    by_hand, fastapi, *_ = PEERS
    start, of_fastapi = cold[SLUICE.name].first_response, cold[fastapi.name].first_response
    yield Goal("cold start of a GET, of FastAPI's", ratio(start, of_fastapi), at_most=0.6)
    yield Goal(
        "cold start of /health, of FastAPI's",
        ratio(cold[HEALTH.name].first_response, of_fastapi),
        at_most=0.35,
    )
    ours = warm[SLUICE.name].rounds
    for scenario, at_most in (("GET one", 0.8), ("list 100", 0.7)):
        for distance in (NEAR, FAR):
            theirs = warm[by_hand.name].rounds[scenario, distance]
            yield Goal(
                f"{scenario} at {distance}, of pg8000's by hand",
                ratio(ours[scenario, distance], theirs),
                at_most,
            )
    for scenario, distance in ours:
        times = ratio(warm[fastapi.name].rounds[scenario, distance], ours[scenario, distance])
        yield Goal(f"{scenario} at {distance}, times as fast as FastAPI", times, at_least=3)
    for peer, times in graph.items():
        at_least = 1 if "PostGraphile" in peer else 3
        yield Goal(f"GraphQL, times as fast as {peer.partition(',')[0]}", times, at_least=at_least)


def render(
    cold: Mapping[str, ColdSamples],
    warm: Mapping[str, WarmTimings],
    functions: Mapping[str, ColdSamples],
    reached: Iterable[Goal],
    *,
    products: int,
    postgres: str,
    more: Sequence[str] = (),
) -> str:
    """Return the page. `functions` are the cold starts of functions that `sam build` has built, if
    any.
    """
    samples = len(cold[SLUICE.name].first_response)
    rounds = len(next(iter(warm[SLUICE.name].rounds.values())))
    lines = [
        "# Sluice beside its peers",
        "",
        f"    {REPEAT}",
        "",
        f"One run on one machine: {machine()}; PostgreSQL {postgres} on loopback without TLS,",
        f"{products:,} products.",
        f"{libraries()}.",
        "",
        "Every contender is a Lambda handler that receives the same API Gateway events and",
        "returns the same products (compared before anything is timed). In brackets: the ratio to",
        "Sluice's time, as the median of the ratios within each round, which other load disturbs",
        "least. Times are medians, in ms.",
        "",
        "## Goals",
        "",
        *header("ratio", "measured", "goal", "reached"),
        *[goal.row() for goal in reached],
        "",
        f"## Warm ({rounds} rounds)",
        "",
        "`0 ms`: the database on loopback. `1 ms`: each round trip to it takes 1 ms longer.",
        "",
        *warm_table(warm),
        "",
        f"## Cold ({samples} fresh processes each)",
        "",
        "From the start of the process to its first response to GET one, including the connection",
        "to the database. `import` is the time that loads the function, `CPU` that of the",
        "process, `memory` its peak.",
        "",
        *cold_table(cold),
        *functions_table(functions),
        *more,
        "",
    ]
    return "\n".join(lines)


def warm_table(warm: Mapping[str, WarmTimings]) -> Iterator[str]:
    scenarios = list(warm[SLUICE.name].round_trips)
    columns = [(scenario, distance) for distance in (NEAR, FAR) for scenario in scenarios]
    yield from header(
        "", *[f"{scenario}, {distance}" for scenario, distance in columns], "round trips"
    )
    ours = warm[SLUICE.name].rounds
    for name, result in warm.items():
        cells = [cell(result.rounds[column], ours[column], digits=2) for column in columns]
        trips = sorted({round(count) for count in result.round_trips.values()})
        yield row(name, *cells, " to ".join(str(count) for count in {trips[0]: 0, trips[-1]: 0}))


def cold_table(cold: Mapping[str, ColdSamples]) -> Iterator[str]:
    yield from header("", "first answer", "import", "CPU", "memory (MiB)")
    ours = cold[SLUICE.name]
    for name, result in cold.items():
        yield row(
            name,
            cell(result.first_response, ours.first_response),
            cell(result.importing, ours.importing),
            cell(result.cpu, ours.cpu),
            f"{median(result.memory):.0f}",
        )


def functions_table(functions: Mapping[str, ColdSamples]) -> Iterator[str]:
    if functions:
        yield from (
            "",
            "Each function as `sam build` left it, its libraries those of the layer:",
            "",
        )
        yield from header("", "first answer", "import", "CPU", "memory (MiB)")
    for name, result in functions.items():
        figures = (result.first_response, result.importing, result.cpu, result.memory)
        yield row(name, *[f"{median(figure):.0f}" for figure in figures])


def cell(theirs: Sequence[float], ours: Sequence[float], *, digits: int = 0) -> str:
    """Return the median and, except for Sluice's column, the ratio to Sluice's."""
    return f"{median(theirs):.{digits}f}" + (
        "" if theirs is ours else f" ({ratio(theirs, ours):.2f}x)"
    )


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Return the median of the ratios within each round."""
    return median(their / our for their, our in zip(theirs, ours, strict=True))


def header(*titles: str) -> Iterator[str]:
    yield row(*titles)
    yield row("---", *["---:" for _ in titles[1:]])


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), ""
    )
    cpu = f"{os.cpu_count()} CPUs ({model or platform.processor() or platform.machine()})"
    return f"{cpu}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def libraries() -> str:
    names = sorted(
        {name for contender in CONTENDERS for name in contender.version_of}, key=str.lower
    )
    return ", ".join(f"{name} {version(name)}" for name in names)

"""The results as one readable page: medians, and how many times Sluice's each of them is."""

import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.cold import Cold
from benchmarks.contenders import CONTENDERS, HEALTH, PEERS, SLUICE
from benchmarks.warm import FAR, NEAR, Warm

REPEAT = "make bench    # or, where requirements/bench.txt is installed: PYTHONPATH=.:layers/shared python -m benchmarks"


class Aim(NamedTuple):
    """`figure` is a ratio; it is reached where it is `most` at most, or `least` at least."""

    text: str
    figure: float
    most: float | None = None
    least: float | None = None

    def row(self) -> str:
        reached = (
            self.figure <= self.most
            if self.most is not None
            else self.figure >= (self.least or 0.0)
        )
        aim = f"at most {self.most}" if self.most is not None else f"at least {self.least}"
        return row(self.text, f"{self.figure:.2f}", aim, "yes" if reached else "**no**")


def aims(
    cold: Mapping[str, Cold], warm: Mapping[str, Warm], graph: Mapping[str, float]
) -> Iterator[Aim]:
    """The figures that this project set out for, each beside its peer in the same run."""
    by_hand, fastapi, *_ = PEERS
    start, of_fastapi = cold[SLUICE.name].first_answer, cold[fastapi.name].first_answer
    yield Aim("cold start of a GET, of FastAPI's", ratio(start, of_fastapi), most=0.6)
    yield Aim(
        "cold start of /health, of FastAPI's",
        ratio(cold[HEALTH.name].first_answer, of_fastapi),
        most=0.35,
    )
    ours = warm[SLUICE.name].rounds
    for scenario, most in (("GET one", 0.8), ("list 100", 0.7)):
        for distance in (NEAR, FAR):
            theirs = warm[by_hand.name].rounds[scenario, distance]
            yield Aim(
                f"{scenario} at {distance}, of pg8000's by hand",
                ratio(ours[scenario, distance], theirs),
                most,
            )
    for scenario, distance in ours:
        times = ratio(warm[fastapi.name].rounds[scenario, distance], ours[scenario, distance])
        yield Aim(f"{scenario} at {distance}, times as fast as FastAPI", times, least=3)
    for peer, times in graph.items():
        least = 1 if "PostGraphile" in peer else 3
        yield Aim(f"GraphQL, times as fast as {peer.partition(',')[0]}", times, least=least)


def render(
    cold: Mapping[str, Cold],
    warm: Mapping[str, Warm],
    functions: Mapping[str, Cold],
    reached: Iterable[Aim],
    *,
    products: int,
    postgres: str,
    more: Sequence[str] = (),
) -> str:
    """The page. `functions` are what `sam build` made, where it did."""
    samples = len(cold[SLUICE.name].first_answer)
    rounds = len(next(iter(warm[SLUICE.name].rounds.values())))
    lines = [
        "# Sluice beside its peers",
        "",
        f"    {REPEAT}",
        "",
        f"One run on one machine: {machine()}; PostgreSQL {postgres} on loopback without TLS, {products:,} products.",
        f"{libraries()}.",
        "",
        "Every contender is a Lambda handler that is given the same API Gateway events and answers the same products",
        "(compared before anything is timed). In brackets: how many times Sluice's time, as the median of the ratios",
        "within each round, which a busy machine disturbs least. Times are medians, in ms.",
        "",
        "## What was aimed at",
        "",
        *header("ratio", "measured", "aim", "reached"),
        *[aim.row() for aim in reached],
        "",
        f"## Warm ({rounds} rounds)",
        "",
        "`0 ms`: the database on loopback. `1 ms`: each round trip to it takes 1 ms longer.",
        "",
        *warm_table(warm),
        "",
        f"## Cold ({samples} fresh processes each)",
        "",
        "From the start of the process to its first answer to GET one, connecting included; `import` is the part that",
        "loads the function, `CPU` what the process spent on all of it, `memory` its peak.",
        "",
        *cold_table(cold),
        *functions_table(functions),
        *more,
        "",
    ]
    return "\n".join(lines)


def warm_table(warm: Mapping[str, Warm]) -> Iterator[str]:
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


def cold_table(cold: Mapping[str, Cold]) -> Iterator[str]:
    yield from header("", "first answer", "import", "CPU", "memory (MiB)")
    ours = cold[SLUICE.name]
    for name, result in cold.items():
        yield row(
            name,
            cell(result.first_answer, ours.first_answer),
            cell(result.importing, ours.importing),
            cell(result.cpu, ours.cpu),
            f"{median(result.memory):.0f}",
        )


def functions_table(functions: Mapping[str, Cold]) -> Iterator[str]:
    if functions:
        yield from (
            "",
            "Each function as `sam build` left it, its libraries those of the layer:",
            "",
        )
        yield from header("", "first answer", "import", "CPU", "memory (MiB)")
    for name, result in functions.items():
        figures = (result.first_answer, result.importing, result.cpu, result.memory)
        yield row(name, *[f"{median(figure):.0f}" for figure in figures])


def cell(theirs: Sequence[float], ours: Sequence[float], *, digits: int = 0) -> str:
    """The median and, but for our own, its ratio to ours."""
    return f"{median(theirs):.{digits}f}" + (
        "" if theirs is ours else f" ({ratio(theirs, ours):.2f}x)"
    )


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """How many times ours, taken where both were measured side by side."""
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

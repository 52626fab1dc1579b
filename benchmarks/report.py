"""Render the results as one Markdown page: medians, and their ratios to Sluice's."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.cold import ColdSamples
from benchmarks.contenders import (
    BARE,
    CONTENDERS,
    FASTAPI,
    GRAPHQL,
    HEALTH,
    PREPARED,
    SLUICE,
    STRAWBERRY,
    Contender,
)
from benchmarks.modes import FAR, NEAR
from benchmarks.warm import WarmTimings
from testing.realistic_shop import ShopSize

REPEAT = (
    "make bench    # or, with requirements/bench.txt installed:"
    " PYTHONPATH=.:layers/shared python -m benchmarks"
)

READS = ("GET one", "list 20", "list 100")
GROUPS = ("a group of 1", "a group of 20")  # their names among the cold starts
Sections = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run measured with. `note` says what its figures are worth."""

    note: str
    shop: ShopSize
    postgres: str  # its version
    rounds: int
    samples: int
    libraries: str  # their versions


class Goal(NamedTuple):
    """A goal of the project: `figure` is `at_most` or `at_least` a number."""

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


@dataclass(frozen=True, slots=True)
class Figures:
    """What the goals are about: results by the contender's name, or by peer or statement."""

    cold: Mapping[str, ColdSamples]
    warm: Mapping[str, WarmTimings]
    graphql: Mapping[str, float]
    hot_product: float  # Sluice's orders a second at 1 ms, as a ratio to the pipeline's
    adopted: Mapping[str, float]  # the ratio to the shop's products, by scenario
    tenants: Mapping[str, float]  # ms more, by statement


def goals(figures: Figures) -> Iterator[Goal]:
    """Yield the project's goals with the figures of the same run."""
    yield from _cold_goals(figures.cold)
    yield from _warm_goals(figures.warm)
    for scenario, times in figures.adopted.items():
        yield Goal(f"{scenario} of an adopted table, of the shop's products", times, at_most=1.05)
    for statement, more in figures.tenants.items():
        text = f"{statement} with a tenant and row-level security, ms more"
        yield Goal(text, more, at_most=0.15)
    yield Goal(
        "orders of one hot product at 1 ms, of psycopg in a pipeline",
        figures.hot_product,
        at_least=1,
    )
    for peer, times in figures.graphql.items():
        text = f"GraphQL, 100 products, times as fast as {peer.partition(',')[0]}"
        yield Goal(text, times, at_least=1.5)


def _cold_goals(cold: Mapping[str, ColdSamples]) -> Iterator[Goal]:
    def of(ours: Contender, theirs: Contender) -> float:
        return ratio(cold[ours.name].first_response, cold[theirs.name].first_response)

    yield Goal("cold start of a GET, of FastAPI's", of(SLUICE, FASTAPI), at_most=0.35)
    yield Goal("cold start of a GET, of bare pg8000's", of(SLUICE, BARE), at_most=1.8)
    yield Goal("cold start of /health, of FastAPI's", of(HEALTH, FASTAPI), at_most=0.2)
    yield Goal("cold start of GraphQL, of Strawberry's", of(GRAPHQL, STRAWBERRY), at_most=0.5)
    one, twenty = (cold[name].first_response for name in GROUPS)
    more = median(b - a for a, b in zip(one, twenty, strict=True))
    yield Goal("cold start of a group of twenty resources, ms more than one", more, at_most=15)


def _warm_goals(warm: Mapping[str, WarmTimings]) -> Iterator[Goal]:
    ours = warm[SLUICE.name].rounds
    for peer, name in ((BARE, "pg8000 by hand"), (PREPARED, "pg8000 by hand, prepared")):
        theirs = warm[peer.name].rounds
        for distance, aims in ((NEAR, (0.5, 0.5, 0.45)), (FAR, (0.4, 0.4, 0.4))):
            for scenario, at_most in zip(READS, aims, strict=True):
                measured = ratio(ours[scenario, distance], theirs[scenario, distance])
                yield Goal(f"{scenario} at {distance}, of {name}", measured, at_most)
    theirs = warm[FASTAPI.name].rounds
    for distance in (NEAR, FAR):
        for scenario in READS:
            times = ratio(theirs[scenario, distance], ours[scenario, distance])
            text = f"{scenario} at {distance}, times as fast as FastAPI"
            yield Goal(text, times, at_least=5)


def sections(figures: Figures, functions: Mapping[str, ColdSamples], about: Run) -> Sections:
    """Return the sections of a run that are written here, by name.

    `functions` are the cold starts of functions that `sam build` has built, if any.
    """
    distances = list(dict.fromkeys(mode for _, mode in figures.warm[SLUICE.name].rounds))
    return {
        "run": [
            f"    {REPEAT}",
            "",
            *([about.note, ""] if about.note else []),
            f"One run on one machine: {machine()}; PostgreSQL {about.postgres} on loopback",
            f"without TLS; {about.shop.products:,} products in {about.shop.categories:,}",
            f"categories of very different sizes, {about.shop.orders:,} orders. Half of the",
            "descriptions have over 300 characters, some 10,000. All contenders log in as the",
            "same role, with the settings that its migration pinned (`random_page_cost` 1.1, `jit`",
            "off).",
            f"{about.libraries}.",
        ],
        "goals": [
            "## Goals",
            "",
            "`pg8000 by hand` is the handler with pg8000's `run`. The prepared one keeps its",
            "statements for each connection, which a pooler in transaction mode does not allow.",
            "",
            *header("ratio", "measured", "goal", "reached"),
            *[goal.row() for goal in goals(figures)],
        ],
        "warm": [
            f"## Warm ({about.rounds} rounds)",
            "",
            "`1 ms` and `5 ms`: each round trip to the database takes so much longer.",
            *[
                line
                for distance in distances
                for line in ("", f"At {distance}:", "", *warm_table(figures.warm, distance))
            ],
        ],
        "cold": [
            f"## Cold ({about.samples} new processes each)",
            "",
            "From the start of the process to its first response to GET one, including the",
            "connection to the database. `import` is the time that loads the function, `CPU` that",
            "of the process, `memory` its peak. The API key, the limiter and metrics are on.",
            "",
            *cold_table(figures.cold),
            *functions_table(functions),
        ],
    }


def warm_table(warm: Mapping[str, WarmTimings], distance: str) -> Iterator[str]:
    ours = warm[SLUICE.name].rounds
    columns = [(scenario, mode) for scenario, mode in ours if mode == distance]
    trips = any(result.round_trips for result in warm.values())
    yield from header("", *[scenario for scenario, _ in columns], *["round trips"] * trips)
    for name, result in warm.items():
        cells = [cell(result.rounds[column], ours[column], digits=2) for column in columns]
        if trips:
            counts = sorted({round(count) for count in result.round_trips.values()})
            cells.append(" to ".join(str(count) for count in {counts[0]: 0, counts[-1]: 0}))
        yield row(name, *cells)


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

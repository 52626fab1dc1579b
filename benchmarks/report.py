"""The results as one readable page: medians, and how many times Sluice's each of them is."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.cold import Cold
from benchmarks.contenders import CONTENDERS, SLUICE
from benchmarks.warm import FAR, NEAR, Warm

REPEAT = (
    "make bench    # or, where requirements/bench.txt is installed: PYTHONPATH=.:layers/shared python -m benchmarks"
)


def render(
    cold: Mapping[str, Cold], warm: Mapping[str, Warm], *, products: int, postgres: str, more: Sequence[str] = ()
) -> str:
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
        *more,
        "",
    ]
    return "\n".join(lines)


def warm_table(warm: Mapping[str, Warm]) -> Iterator[str]:
    scenarios = list(warm[SLUICE.name].round_trips)
    columns = [(scenario, distance) for distance in (NEAR, FAR) for scenario in scenarios]
    yield from header("", *[f"{scenario}, {distance}" for scenario, distance in columns], "round trips")
    ours = warm[SLUICE.name].rounds
    for name, result in warm.items():
        cells = [cell(result.rounds[column], ours[column], digits=2) for column in columns]
        trips = sorted({round(count) for count in result.round_trips.values()})
        yield row(name, *cells, " to ".join(str(count) for count in trips))


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


def cell(theirs: Sequence[float], ours: Sequence[float], *, digits: int = 0) -> str:
    """The median and, but for our own, its ratio to ours, taken where both were measured side by side."""
    ratio = median(their / our for their, our in zip(theirs, ours, strict=True))
    return f"{median(theirs):.{digits}f}" + ("" if theirs is ours else f" ({ratio:.2f}x)")


def header(*titles: str) -> Iterator[str]:
    yield row(*titles)
    yield row("---", *["---:" for _ in titles[1:]])


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    cpu = f"{os.cpu_count()} CPUs ({model or platform.processor() or platform.machine()})"
    return f"{cpu}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def libraries() -> str:
    names = sorted({name for contender in CONTENDERS for name in contender.version_of}, key=str.lower)
    return ", ".join(f"{name} {version(name)}" for name in names)

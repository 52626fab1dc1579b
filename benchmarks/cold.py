"""How long until a new execution environment answers, from the start of its process, and what of that is import?

Each sample is a fresh process of the same interpreter with all bytecode compiled before; the contenders take turns,
so that a slow minute of the machine is everybody's. On Lambda its own runtime starts first, the same for all.
"""

import compileall
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.contenders import ROOT, Contender, command
from benchmarks.scenarios import Event


@dataclass
class Cold:
    """Samples in ms (memory in MiB), in the order they were taken: the n-th of all contenders belong together."""

    first_answer: list[float] = field(default_factory=list)
    importing: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def compile_everything() -> None:
    """Our modules; pip has compiled the libraries."""
    for folder in ("benchmarks", "functions", "layers/shared/sluice"):
        compileall.compile_dir(ROOT / folder, quiet=1)


def measure(entries: Sequence[tuple[Contender, Event]], url: str, samples: int) -> dict[str, Cold]:
    """By contender's name. Before a whole run one of each fills the disk's cache, and is not counted."""
    results = {contender.name: Cold() for contender, _ in entries}
    for n in range(-1 if samples > 1 else 0, samples):
        for contender, event in entries:
            start(contender, event, url, results[contender.name] if n >= 0 else Cold())
    return results


def start(contender: Contender, event: Event, url: str, into: Cold) -> None:
    """One cold start, added to `into`."""
    started = time.monotonic_ns()
    done = subprocess.run(
        command("first_answer", contender.module, json.dumps(event)),
        cwd=ROOT, env=contender.environment(url), check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    into.first_answer.append((told["answered_at"] - started) / 1e6)
    into.importing.append(told["import"] / 1e6)
    into.cpu.append(told["cpu"] / 1e6)
    into.memory.append(told["kib"] / 1024)

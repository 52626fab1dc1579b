"""Measure cold starts: the time from the start of a process to its first response, and the part of
imports.

Each sample is a new process of the same interpreter, with all bytecode compiled before. The
contenders alternate, so that a slow minute of the machine affects all of them. Lambda's own
runtime, which starts first and is the same for all, is not included.
"""

import compileall
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contenders import ROOT, Contender, command
from benchmarks.scenarios import Event


@dataclass
class ColdSamples:
    """The samples of one contender, in ms (memory in MiB).

    The n-th samples of all contenders were taken in the same round.
    """

    first_response: list[float] = field(default_factory=list)
    importing: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def compile_everything(root: Path = ROOT) -> None:
    """Compile the bytecode of a repository's modules. pip has compiled the libraries."""
    for folder in ("benchmarks", "functions", "layers/shared"):
        compileall.compile_dir(root / folder, quiet=1)


def measure(
    entries: Sequence[tuple[Contender, Event]],
    url: str,
    samples: int,
    environ: Mapping[str, str] | None = None,
) -> dict[str, ColdSamples]:
    """Return the samples by the contender's name. `environ` is added to their environments.

    In a full run, one uncounted start of each contender fills the disk cache first.
    """
    results = {contender.name: ColdSamples() for contender, _ in entries}
    for n in range(-1 if samples > 1 else 0, samples):
        for contender, event in entries:
            environment = {**contender.environment(url), **(environ or {})}
            counted = results[contender.name] if n >= 0 else ColdSamples()
            start(contender, event, environment, counted)
    return results


def start(
    contender: Contender, event: Event, environment: Mapping[str, str], samples: ColdSamples
) -> None:
    """Measure one cold start and append it to `samples`."""
    started = time.monotonic_ns()
    process = subprocess.run(
        command("one_cold_start", contender.module, json.dumps(event)),
        cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    measured = json.loads(process.stdout)
    samples.first_response.append((measured["answered_at"] - started) / 1e6)
    samples.importing.append(measured["import"] / 1e6)
    samples.cpu.append(measured["cpu"] / 1e6)
    samples.memory.append(measured["kib"] / 1024)

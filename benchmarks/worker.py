"""A warm execution environment: one process, one handler, called as often as its parent asks. Run as a script.

    python benchmarks/worker.py <module>

Reads a line of JSON from stdin, `{"events": […]}` to learn a scenario's events (answered with the bodies they
give), or `{"scenario": name, "calls": n}`, and answers each with a line: how long every call took, in ns.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.first_answer import CONTEXT

UNIQUE = "{unique}"
_numbers = count()


def main(module: str) -> None:
    # A handler that prints must not be heard as an answer, nor its lines kept, which would look like its memory.
    out, sys.stdout = sys.stdout, Path(os.devnull).open("w")  # noqa: SIM115
    handler = importlib.import_module(module).handler
    turns: dict[str, Iterator[Any]] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if "events" in order:
            turns[order["scenario"]] = cycle(order["events"])
            told: Any = [_body(handler(_fresh(event), CONTEXT)) for event in order["events"][:5]]
        else:
            told = [
                _time(handler, event) for event in islice(turns[order["scenario"]], order["calls"])
            ]
        print(json.dumps(told), file=out, flush=True)


def _fresh(event: dict[str, Any]) -> dict[str, Any]:
    """The event; where its body has UNIQUE, that is of this call alone."""
    if UNIQUE in event.get("body", ""):
        return {**event, "body": event["body"].replace(UNIQUE, f"{os.getpid()}-{next(_numbers)}")}
    return event


def _time(handler: Any, event: dict[str, Any]) -> int:
    event = _fresh(event)
    start = time.perf_counter_ns()
    handler(event, CONTEXT)
    return time.perf_counter_ns() - start


def _body(answer: dict[str, Any]) -> Any:
    if answer["statusCode"] not in (200, 201):
        raise SystemExit(f"answered {answer}")
    return json.loads(answer["body"])


if __name__ == "__main__":
    main(sys.argv[1])

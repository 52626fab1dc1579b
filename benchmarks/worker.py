"""Emulate a warm execution environment: call one handler as often as the parent requests. Run as a
script.

    python benchmarks/worker.py <module>

Reads lines of JSON from stdin. `{"scenario": name, "events": […]}` sets a scenario's events and
prints the bodies of their first responses. `{"scenario": name, "calls": n}` calls the handler n
times and prints the time of each call in ns.
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

from benchmarks.one_cold_start import CONTEXT

UNIQUE = "{unique}"
UNIQUE_NUMBER = "{number}"
_numbers = count()


def main(module: str) -> None:
    # The handler's output is discarded: it must not mix with the result, nor count as its memory.
    out = sys.stdout
    sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    handler = importlib.import_module(module).handler
    event_cycles: dict[str, Iterator[Any]] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if "events" in order:
            event_cycles[order["scenario"]] = cycle(order["events"])
            result: Any = [_body(handler(_fresh(event), CONTEXT)) for event in order["events"][:5]]
        else:
            result = [
                _time(handler, event)
                for event in islice(event_cycles[order["scenario"]], order["calls"])
            ]
        print(json.dumps(result), file=out, flush=True)


def _fresh(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event with a new value for UNIQUE and UNIQUE_NUMBER in its body, if it has one."""
    body = event.get("body", "")
    if UNIQUE not in body:
        return event
    number = next(_numbers)
    body = body.replace(UNIQUE, f"{os.getpid()}-{number}")
    # An integer of four bytes, and others in each process.
    body = body.replace(f'"{UNIQUE_NUMBER}"', str(os.getpid() % 20_000 * 100_000 + number))
    return {**event, "body": body}


def _time(handler: Any, event: dict[str, Any]) -> int:
    event = _fresh(event)
    start = time.perf_counter_ns()
    handler(event, CONTEXT)
    return time.perf_counter_ns() - start


def _body(response: dict[str, Any]) -> Any:
    if response["statusCode"] not in (200, 201):
        raise SystemExit(f"responded {response}")
    return json.loads(response["body"])


if __name__ == "__main__":
    main(sys.argv[1])

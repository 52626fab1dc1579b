"""One cold start: import a handler, call it once, say when each was done. Run as a script, in a fresh interpreter.

    python benchmarks/first_answer.py <module> '<event>'

It imports nothing that the Lambda runtime has not imported too before it loads a function.
"""

import importlib
import io
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

CONTEXT = SimpleNamespace(
    aws_request_id="00000000-0000-4000-8000-000000000000",
    get_remaining_time_in_millis=lambda: 15_000,
)


def main(module: str, event: str) -> None:
    out, sys.stdout = (
        sys.stdout,
        io.StringIO(),
    )  # a handler that prints must not be heard as an answer
    request = json.loads(event)
    ready = time.monotonic_ns()
    handler = importlib.import_module(module).handler
    imported = time.monotonic_ns()
    answer = handler(request, CONTEXT)
    answered = time.monotonic_ns()
    cpu = time.process_time_ns()
    if answer["statusCode"] != 200:
        raise SystemExit(f"{module} answered {answer}")
    # answered_at is on the machine's clock, which the parent shares.
    print(
        json.dumps(
            {"import": imported - ready, "answered_at": answered, "cpu": cpu, "kib": _peak_memory()}
        ),
        file=out,
    )


def _peak_memory() -> int:
    """KiB. Not getrusage's, which remembers the parent's; 0 where there is no /proc."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


if __name__ == "__main__":
    main(*sys.argv[1:])

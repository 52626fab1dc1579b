"""Measure one cold start: import a handler, call it once, and print the times. Run as a script.

    python benchmarks/one_cold_start.py <module> '<event>'

It imports only modules that the Lambda runtime also imports before it loads a function.
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
    out = sys.stdout
    sys.stdout = io.StringIO()  # the handler's own output must not mix with the result
    request = json.loads(event)
    ready = time.monotonic_ns()
    handler = importlib.import_module(module).handler
    imported = time.monotonic_ns()
    response = handler(request, CONTEXT)
    answered = time.monotonic_ns()
    cpu = time.process_time_ns()
    if response["statusCode"] != 200:
        raise SystemExit(f"{module} responded {response}")
    # answered_at is a time of the monotonic clock, which the parent process shares.
    measured = {
        "import": imported - ready,
        "answered_at": answered,
        "cpu": cpu,
        "kib": _peak_memory(),
    }
    print(json.dumps(measured), file=out)


def _peak_memory() -> int:
    """Return the peak memory in KiB, or 0 if there is no /proc.

    The value of getrusage is not used: it includes the parent process.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


if __name__ == "__main__":
    main(*sys.argv[1:])

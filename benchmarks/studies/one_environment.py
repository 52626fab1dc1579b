"""Emulate one execution environment and report what its requests log. Run as a script.

    python benchmarks/studies/one_environment.py <module>

Reads `{kind: {"events": […], "calls": n}}` from stdin as JSON. Prints, for each kind, a list with
the bytes of each response and the lines that the handler has printed for it.
"""

import importlib
import io
import json
import sys
from itertools import cycle, islice
from typing import Any

from benchmarks.one_cold_start import CONTEXT


def main(module: str) -> None:
    out = sys.stdout
    sys.stdout = printed = io.StringIO()
    kinds = json.load(sys.stdin)
    handler = importlib.import_module(module).handler
    result = {}
    for kind, order in kinds.items():
        calls = islice(cycle(order["events"]), order["calls"])
        result[kind] = [_call(handler, event, printed) for event in calls]
    print(json.dumps(result), file=out)


def _call(handler: Any, event: dict[str, Any], printed: io.StringIO) -> dict[str, Any]:
    printed.seek(0)
    printed.truncate()
    response = handler(event, CONTEXT)
    if response["statusCode"] not in (200, 201):
        raise SystemExit(f"responded {response}")
    return {
        "bytes": len(response["body"].encode()),
        "lines": printed.getvalue().splitlines(),
    }


if __name__ == "__main__":
    main(sys.argv[1])

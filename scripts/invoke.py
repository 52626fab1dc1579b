"""Run a function's handler in this process, for a debugger, with an event of `events/`.

    make invoke FUNCTION=ProductsFunction EVENT=events/products_list.json
    make invoke FUNCTION=ProductsFunction EVENT=events/products_list.json ARGS=--pdb

The local system must run: the handler uses its database and its emulated AWS services. `--pdb`
stops in the Python debugger before the handler, and after an error. The remaining time of the
invocation is ten minutes at each step, so that no wait in the debugger ends a statement.
docs/how-to/debugger.md has the steps for pdb and VS Code.
"""

import argparse
import importlib
import json
import os
import pdb
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.state import StateFolder, home_of_system

REMAINING_MILLIS = 600_000


class InvokeError(Exception):
    """The handler was not run. The message says why."""


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The attributes of Lambda's context object that Sluice reads."""

    function_name: str
    memory_limit_in_mb: str
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:local"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        return REMAINING_MILLIS


def main(arguments: list[str]) -> int:
    """Invoke the handler, print its response, and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        event = read_event(Path(options.event)) if options.event else {}
        variables = function_variables(options.function)
    except InvokeError as error:
        print(f"invoke: {error}", file=sys.stderr)
        return 1
    handler = load_handler(variables)
    context = LambdaContext(options.function, variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
    result = _debug(handler, event, context) if options.pdb else handler(event, context)
    print(json.dumps(result, indent=2))
    return 0


def function_variables(function: str) -> dict[str, str]:
    """Return the environment variables of a function of the running system."""
    published = StateFolder(home_of_system()).read("functions.json")
    if published is None:
        raise InvokeError("the local system is not running; start it with: make run")
    if function not in published:
        raise InvokeError(f"there is no function {function!r}; there are {', '.join(published)}")
    variables: dict[str, str] = published[function]
    return variables


def read_event(path: Path) -> dict[str, Any]:
    """Return the event of a file. Raises InvokeError."""
    try:
        event: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise InvokeError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise InvokeError(f"{path} is not JSON: {error}") from error
    return event


def load_handler(variables: dict[str, str]) -> Callable[[Any, Any], Any]:
    """Set the environment of the function, and import its handler from its folder."""
    os.environ.update(variables)  # noqa: TID251
    sys.path[:0] = [variables["LAMBDA_TASK_ROOT"], *variables["PYTHONPATH"].split(":")]
    module, _, name = variables["_HANDLER"].rpartition(".")
    handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), name)
    return handler


def _debug(handler: Callable[[Any, Any], Any], event: Any, context: LambdaContext) -> Any:
    debugger = pdb.Pdb()
    try:
        return debugger.runcall(handler, event, context)
    except Exception:
        pdb.post_mortem()
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="invoke", description=__doc__)
    parser.add_argument("function", help="logical id in template.yaml, such as ProductsFunction")
    parser.add_argument(
        "event", nargs="?", default="", help="a JSON file, such as events/products_list.json"
    )
    parser.add_argument("--pdb", action="store_true", help="stop in the Python debugger")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Run a script whose reader may end before it: `make sql RESOURCE=users | head`."""

import os
import sys
from collections.abc import Callable


def run(main: Callable[[], int]) -> int:
    """Return the exit code of `main`; 0 if its output is not read to the end.

    Python writes what is left when it ends, so standard output is then /dev/null.
    """
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code

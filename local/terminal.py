"""Print the URL of the local system, one line for each request, and logs with --verbose."""

import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO

from local.api_keys import LOCAL_KEYS
from local.gateway import AccessRecord

BOLD = "1"
DIM = "2"
RED = "31"
GREEN = "32"
YELLOW = "33"
PLAIN = "0"
MAX_WAITING_LINES = 10_000
CLOSE_SECONDS = 2.0


def has_colours(out: IO[str], environ: Mapping[str, str]) -> bool:
    """Return whether `out` is a terminal with colours, and NO_COLOR is not set."""
    is_terminal = out.isatty() and environ.get("TERM") != "dumb"
    return is_terminal and not environ.get("NO_COLOR")  # https://no-color.org


class Terminal:
    """Writes lines to `out`, with colours if `colour` is set.

    A thread writes them, because a pipe that is not read blocks its writer. Requests continue to
    be served, and new lines are dropped while MAX_WAITING_LINES are queued.
    """

    def __init__(self, out: IO[str], *, verbose: bool = False, colour: bool = False) -> None:
        self._out = out
        self._verbose = verbose
        self._colour = colour
        self._waiting: queue.Queue[str | None] = queue.Queue(MAX_WAITING_LINES)
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Write the queued lines for at most CLOSE_SECONDS, and stop the thread. Call this last."""
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._writer.join(CLOSE_SECONDS)

    def step(self, label: str, text: str) -> None:
        """Print one step of the start."""
        self._line(f"  {self._paint(DIM, f'{label:<11}')} {text}")

    def ready(self, url: str, seconds: float, path: str, next_step: str) -> None:
        """Print the system's addresses, API keys, a first request to `path`, and the next step."""
        name, address = self._paint(BOLD, "Sluice"), self._paint(BOLD, url)
        self._line(f"\n  {name} is ready at {address}  ({seconds:.1f} s)\n")
        for position, local_key in enumerate(LOCAL_KEYS):
            self.step(
                "" if position else "API keys",
                f"{local_key.key:<14} {self._paint(DIM, local_key.description)}",
            )
        self.step("try", f"curl -H 'X-API-Key: local-admin' '{url}{path}'")
        self.step("REST", f"{url}/docs")
        self.step("GraphQL", f"{url}/graphiql")
        self.step("console", f"{url}/console")
        self.step("next", next_step)
        self.step("stop", "Ctrl-C\n")

    def log_access(self, access: AccessRecord) -> None:
        """Print one request: method, path, status and time, and the time of a cold start."""
        colour = GREEN if access.status < 400 else YELLOW if access.status < 500 else RED
        status = self._paint(colour, str(access.status))
        line = f"  {access.method:<7} {_truncated(access.target):<48} {status}"
        line += f" {access.duration * 1000:>8.1f} ms"
        if access.init is not None:
            line += self._paint(DIM, f"  cold ({access.init * 1000:.0f} ms)")
        self._line(line)
        if access.error is not None:
            error = f"          {access.function}: {_truncated(access.error, 400)}"
            self._line(self._paint(RED, error))

    def log_line(self, name: str, line: str) -> None:
        """Print a line of a function's log if --verbose is set."""
        if self._verbose:
            self._line(f"{self._paint(DIM, f'  {name} |')} {_printable(_readable(line))}")

    def notice(self, message: str) -> None:
        self._line(f"  {self._paint(YELLOW, _truncated(message, 400))}")

    def error(self, message: str) -> None:
        print(f"sluice: {message}", file=sys.stderr, flush=True)

    def _line(self, text: str) -> None:
        with suppress(queue.Full):
            self._waiting.put_nowait(text)

    def _write(self) -> None:
        """Write queued lines to the file descriptor.

        A thread that waits in a buffered write would block the interpreter's exit.
        """
        while (text := self._waiting.get()) is not None:
            remaining = f"{text}\n".encode(errors="replace")
            with suppress(BrokenPipeError):  # the reader has ended; the system continues to serve
                while remaining:
                    remaining = remaining[os.write(self._out.fileno(), remaining) :]

    def _paint(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[{PLAIN}m" if self._colour else text


def _readable(line: str) -> str:
    """Format the JSON of an error as a traceback; return any other line unchanged."""
    if '"stackTrace"' not in line:
        return line
    try:
        record = json.loads(line)
        trace = "".join(record["stackTrace"])
        words = (record.get("level", ""), record.get("message", ""), record.get("requestId", ""))
        heading = " ".join(word for word in words if word)
        return f"{heading}\n{trace}{record.get('errorType')}: {record.get('errorMessage')}"
    except (ValueError, TypeError, KeyError, AttributeError):  # a function may print anything
        return line


def _truncated(text: str, max_length: int = 120) -> str:
    text = _printable(text).replace("\n", " ")
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def _printable(text: str) -> str:
    """Replace control characters, so that a client cannot send escape sequences to the terminal."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )

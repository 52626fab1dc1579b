"""What does whoever runs the local system see? The way in, then one line a request; with --verbose the logs too."""

import json
import os
import queue
import sys
import threading
from contextlib import suppress
from typing import IO

from local.api_keys import KEYS
from local.gateway import Access

BOLD, DIM, RED, GREEN, YELLOW, PLAIN = "1", "2", "31", "32", "33", "0"
MOST_WAITING, CLOSE_SECONDS = 10_000, 2.0


class Console:
    """Writes lines to `out`; colours only where it is a terminal that wants them.

    A thread does the writing, for a pipe that nobody reads blocks its writer: requests go on being served, and
    lines that find MOST_WAITING before them are lost. `close` waits for the others, as long as they move.
    """

    def __init__(self, out: IO[str], *, verbose: bool = False, colour: bool = False) -> None:
        self._out = out
        self._verbose = verbose
        self._colour = colour
        self._waiting: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Call it last: whoever does not read by now gets no more."""
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._writer.join(CLOSE_SECONDS)

    def step(self, what: str, told: str) -> None:
        """One line of the start."""
        self._line(f"  {self._paint(DIM, f'{what:<11}')} {told}")

    def ready(self, url: str, seconds: float, path: str) -> None:
        self._line(
            f"\n  {self._paint(BOLD, 'Sluice')} is ready at {self._paint(BOLD, url)}  ({seconds:.1f} s)\n"
        )
        for position, known in enumerate(KEYS):
            self.step(
                "" if position else "API keys", f"{known.key:<14} {self._paint(DIM, known.meaning)}"
            )
        self.step("try", f"curl -H 'X-API-Key: local-admin' '{url}{path}'")
        self.step("browse", f"{url}/docs for REST, {url}/graphiql for GraphQL")
        self.step("watch", f"{url}/console")
        self.step("stop", "Ctrl-C\n")

    def access(self, access: Access) -> None:
        """One request: method, path, status, time; `cold` with what starting the sandbox took."""
        colour = GREEN if access.status < 400 else YELLOW if access.status < 500 else RED
        line = f"  {access.method:<7} {_shown(access.target):<48} {self._paint(colour, str(access.status))}"
        line += f" {access.duration * 1000:>8.1f} ms"
        if access.init is not None:
            line += self._paint(DIM, f"  cold ({access.init * 1000:.0f} ms)")
        self._line(line)
        if access.error is not None:
            self._line(
                self._paint(RED, f"          {access.function}: {_shown(access.error, 400)}")
            )

    def function(self, name: str, line: str) -> None:
        """A line of a function's log."""
        if self._verbose:
            self._line(f"{self._paint(DIM, f'  {name} |')} {_printable(_readable(line))}")

    def notice(self, told: str) -> None:
        self._line(f"  {self._paint(YELLOW, _shown(told, 400))}")

    def error(self, told: str) -> None:
        print(f"sluice: {told}", file=sys.stderr, flush=True)

    def _line(self, text: str) -> None:
        with suppress(queue.Full):
            self._waiting.put_nowait(text)

    def _write(self) -> None:
        """By file descriptor: a thread that waits in a buffered write cannot be left behind at the end."""
        while (text := self._waiting.get()) is not None:
            left = f"{text}\n".encode(errors="replace")
            with suppress(BrokenPipeError):  # whoever read along has gone; serving goes on
                while left:
                    left = left[os.write(self._out.fileno(), left) :]

    def _paint(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[{PLAIN}m" if self._colour else text


def _readable(line: str) -> str:
    """An error's JSON as a person reads a traceback; every other line as it is."""
    if '"stackTrace"' not in line:
        return line
    try:
        told = json.loads(line)
        trace = "".join(told["stackTrace"])
        words = (told.get("level", ""), told.get("message", ""), told.get("requestId", ""))
        return f"{' '.join(word for word in words if word)}\n{trace}{told.get('errorType')}: {told.get('errorMessage')}"
    except (ValueError, TypeError, KeyError, AttributeError):  # a function may print anything
        return line


def _shown(text: str, most: int = 120) -> str:
    text = _printable(text).replace("\n", " ")
    return text if len(text) <= most else text[: most - 1] + "…"


def _printable(text: str) -> str:
    """Nothing a client sends may steer the terminal."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )

"""Install a requirements file into the environment of this interpreter, and show the progress.

The Makefile runs it before any package is there, so it needs the standard library only. uv installs
the packages if the Makefile has found it. pip does if there is no uv, or if uv fails: uv does not
read pip's configuration, which may name a mirror.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", re.MULTILINE)
# Lines of pip, each of which is about the next package of the file.
STEP = re.compile(
    r"\s*(?:Collecting |Ignoring |Requirement already satisfied: |Processing (?:\S*/)?)"
    r"([A-Za-z0-9._]+(?:-[A-Za-z._][A-Za-z0-9._]*)*)"  # without the version of a wheel
)
MANY = 60  # packages; pip needs one to two seconds for each, uv a tenth of that
DIM = "\x1b[2m"
RED = "\x1b[31m"
GREEN = "\x1b[32m"
PLAIN = "\x1b[0m"
CLEAR_LINE = "\r\x1b[K"


class Progress:
    """Writes to stderr, because the stdout of a command may be read by another one.

    A terminal gets a line that changes. NO_COLOR turns off the colours (https://no-color.org).
    """

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"  # noqa: TID251
        self._has_colours = self._is_terminal and not os.environ.get("NO_COLOR")  # noqa: TID251

    def line(self, text: str, colour: str = "") -> None:
        """Write a line that stays."""
        clear = CLEAR_LINE if self._is_terminal else ""
        print(f"{clear}{self._paint(text, colour)}", file=sys.stderr, flush=True)

    def step(self, text: str) -> None:
        """Replace the changing line."""
        if self._is_terminal:
            print(f"{CLEAR_LINE}  {self._paint(text, DIM)}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Remove the changing line, so that another program's message does not continue it."""
        if self._is_terminal:
            print(CLEAR_LINE, end="", file=sys.stderr, flush=True)

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._has_colours and colour else text


def main() -> int:
    """Install the file that the arguments name, and return the exit code."""
    parser = argparse.ArgumentParser(description="Install a requirements file with its hashes.")
    parser.add_argument("file", type=Path)
    parser.add_argument("purpose", help="such as: of the local system")
    parser.add_argument("--uv", default="", help="the program uv; empty: pip")
    arguments = parser.parse_args()
    progress = Progress()
    count = len(PIN.findall(arguments.file.read_text(encoding="utf-8")))
    began = time.monotonic()
    try:
        done = bool(arguments.uv) and _announced(
            progress, arguments, count, "uv", lambda: _run_uv(arguments.uv, arguments.file)
        )
        if arguments.uv and not done:
            progress.line("uv has failed, see above; pip is tried instead")
        done = done or _announced(
            progress, arguments, count, "pip", lambda: _run_pip(arguments.file, count, progress)
        )
    except KeyboardInterrupt:
        progress.line("The installation was stopped. The same command continues it.")
        return 130
    if not done:
        progress.line(
            "The packages could not be installed; see the messages above."
            " The first start needs a network.",
            RED,
        )
        return 1
    seconds = time.monotonic() - began
    progress.line(f"Installed the packages {arguments.purpose} in {seconds:.0f} s", GREEN)
    return 0


def _announced(
    progress: Progress,
    arguments: argparse.Namespace,
    count: int,
    program: str,
    install: Callable[[], bool],
) -> bool:
    duration = "two to four minutes" if count > MANY else "a minute or two"
    if program == "uv":
        duration = "less than a minute"
    folder = Path(sys.prefix).name
    progress.line(
        f"Installing {count} packages {arguments.purpose} into {folder} with {program}: {duration}"
    )
    return install()


def _run_uv(uv: str, file: Path) -> bool:
    """Return whether uv has installed the file. uv shows its own progress on a terminal."""
    command = [uv, "pip", "install", "--require-hashes", "--compile-bytecode"]
    if not sys.stderr.isatty():
        command.append("--quiet")  # which keeps its errors
    try:
        return _succeeds([*command, "--python", sys.executable, "-r", str(file)])
    except OSError as error:
        print(f"{uv}: {error.strerror}", file=sys.stderr)
        return False


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, check=False, stdout=sys.stderr).returncode == 0


def _run_pip(file: Path, count: int, progress: Progress) -> bool:
    """Return whether pip has installed the file. Its errors and warnings go to stderr."""
    command = [sys.executable, "-m", "pip", "install", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--require-hashes", "-r", str(file)]
    number = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as pip:
        assert pip.stdout is not None  # noqa: S101 - it is a pipe
        for line in pip.stdout:
            if step := STEP.match(line):
                number = min(number + 1, count)
                progress.step(f"{number} of {count}: {step[1]}")
            elif line.startswith("Installing collected packages"):
                progress.step(f"all {count} are there; they are being unpacked")
    progress.clear()
    return pip.returncode == 0


if __name__ == "__main__":
    sys.exit(main())

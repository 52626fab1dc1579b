"""Detect that the code of a function has changed since a sandbox was started.

`CodeFingerprint.current()` changes when a file under its folders is edited, added or removed. It is
called for each request. Therefore its value is kept for CHECK_INTERVAL, a folder is listed again
only if it changed, and a file costs one `stat`.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path

# Seconds: shorter than the time between saving a file and the next request, longer than the time
# between two requests under load.
CHECK_INTERVAL = 0.02


class CodeFingerprint:
    """A number for the state of all files in some folders, computed on demand without a thread."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._roots = [str(folder) for folder in folders]
        self._computed_at, self._fingerprint = float("-inf"), 0
        self._listed: dict[str, tuple[int, list[str], list[str]]] = {}

    def current(self) -> int:
        """Return the fingerprint, at most CHECK_INTERVAL old.

        It covers all files except hidden ones and those in `__pycache__`.
        """
        now = time.monotonic()
        if now - self._computed_at > CHECK_INTERVAL:
            self._computed_at, self._fingerprint = now, self._compute()
        return self._fingerprint

    def _compute(self) -> int:
        states: list[tuple[str, int, int]] = []
        waiting = list(self._roots)
        while waiting:
            folder = waiting.pop()
            try:
                # os.stat at every request: Path.stat takes three times as long
                changed = os.stat(folder).st_mtime_ns  # noqa: PTH116
            except FileNotFoundError:
                continue
            listing = self._listed.get(folder)
            if listing is None or listing[0] != changed:
                listing = self._listed[folder] = (changed, *_list(folder))
            _, files, folders = listing
            waiting += folders
            for file in files:
                try:
                    status = os.stat(file)  # noqa: PTH116
                except FileNotFoundError:  # removed since it was listed
                    continue
                states.append((file, status.st_mtime_ns, status.st_size))
        return hash(tuple(states))


def _list(folder: str) -> tuple[list[str], list[str]]:
    files: list[str] = []
    folders: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == "__pycache__" or entry.name.startswith("."):
                continue
            (folders if entry.is_dir() else files).append(entry.path)
    return files, folders

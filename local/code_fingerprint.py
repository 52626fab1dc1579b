"""Has the code changed since a sandbox was started?

`CodeStamp.current()` differs after any file under its folders was edited, added or removed. It is asked at each
request, so what it found holds for a moment, a folder is listed again only when it changed, and a file costs one stat.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path

MOMENT = 0.02  # seconds: shorter than an editor and a request take, longer than requests are apart under load


class CodeStamp:
    """Watches folders by asking, so it needs no thread, and whoever edits and then asks again sees the edit."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._roots = [str(folder) for folder in folders]
        self._taken, self._stamp = float("-inf"), 0
        self._listed: dict[str, tuple[int, list[str], list[str]]] = {}

    def current(self) -> int:
        """A number that stands for the state of every file, compiled ones aside; at most MOMENT old."""
        now = time.monotonic()
        if now - self._taken > MOMENT:
            self._taken, self._stamp = now, self._take()
        return self._stamp

    def _take(self) -> int:
        marks: list[tuple[str, int, int]] = []
        waiting = list(self._roots)
        while waiting:
            folder = waiting.pop()
            try:
                changed = os.stat(folder).st_mtime_ns  # noqa: PTH116 - at every request; Path takes three times as long
            except FileNotFoundError:
                continue
            known = self._listed.get(folder)
            if known is None or known[0] != changed:
                known = self._listed[folder] = (changed, *_list(folder))
            _, files, folders = known
            waiting += folders
            for file in files:
                try:
                    found = os.stat(file)  # noqa: PTH116
                except FileNotFoundError:  # removed since it was listed
                    continue
                marks.append((file, found.st_mtime_ns, found.st_size))
        return hash(tuple(marks))


def _list(folder: str) -> tuple[list[str], list[str]]:
    files: list[str] = []
    folders: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == "__pycache__" or entry.name.startswith("."):
                continue
            (folders if entry.is_dir() else files).append(entry.path)
    return files, folders
